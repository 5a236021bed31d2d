"""So many at once, and no more: places that long requests take."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from halve.doors.api.problems import busy


class Turns:
    """Counts the places taken, by what they are for."""

    def __init__(self) -> None:
        self._taken: Counter[str] = Counter()

    def check(self, what: str, most: int) -> None:
        """Raise the problem `busy` (503) where `most` places are taken."""
        if self._taken[what] >= most:
            raise busy(f"{most} {what} are under way here, which is the most at a time. Try again in a moment.")

    @contextmanager
    def take(self, what: str) -> Iterator[None]:
        """Hold a place."""
        self._taken[what] += 1
        try:
            yield
        finally:
            self._taken[what] -= 1
