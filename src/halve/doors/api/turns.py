"""So many at once, and no more: places that long requests take."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

from halve.doors.api.problems import Problem, busy

LINE = 16
"""As many times the places may be waiting for one: each keeps its connection, and the first 64 KiB of what it sends."""


class Turns:
    """Counts the places taken, by what they are for."""

    def __init__(self) -> None:
        self._taken: Counter[str] = Counter()
        self._lines: dict[str, asyncio.Semaphore] = {}

    def taken(self, what: str) -> int:
        """How many places are."""
        return self._taken[what]

    def check(self, what: str, most: int) -> None:
        """Raise the problem `busy` (503) where `most` places are taken."""
        if self.taken(what) >= most:
            raise _full(what, most)

    @contextmanager
    def take(self, what: str) -> Iterator[None]:
        """Hold a place."""
        self._taken[what] += 1
        try:
            yield
        finally:
            self._taken[what] -= 1

    @asynccontextmanager
    async def wait(self, what: str, most: int, *, patience: float) -> AsyncIterator[None]:
        """Hold one of `most` places, first come, first served. Raises the problem `busy` where none becomes free within
        `patience` seconds, or where too many wait.
        """
        self.check(what, most * LINE)
        line = self._lines.setdefault(what, asyncio.Semaphore(most))
        with self.take(what):
            try:
                async with asyncio.timeout(patience):
                    await line.acquire()
            except TimeoutError:
                raise _full(what, most) from None
            try:
                yield
            finally:
                line.release()


def _full(what: str, most: int) -> Problem:
    return busy(f"{most} {what} are under way here, which is the most at a time. Try again in a moment.")
