"""How far it is, on stderr: a bar on a terminal, a line now and then elsewhere. The same for a run here and one on a server."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

from halve.core.sizes import in_words, number
from halve.doors.cli.terminal import err, span

LINE_EVERY = 5.0
"""Seconds between lines where stderr is no terminal."""

_TO_TELL_A_RATE = 2.0
"""Seconds of work after which a rate, and with it the time left, is worth telling."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How far a request is. `done` are images that succeeded."""

    total: int
    done: int
    failed: int
    bytes_in: int
    bytes_out: int

    @property
    def tried(self) -> int:
        return self.done + self.failed


class Display(Protocol):
    def __call__(self, standing: Standing) -> None: ...


@contextmanager
def progress() -> Iterator[Display]:
    """Gives what is to be told again and again how far it is."""
    if not err().is_terminal:
        yield _Lines()
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn

    columns = (SpinnerColumn(), BarColumn(bar_width=None), MofNCompleteColumn(), TextColumn("{task.fields[more]}"))
    with Progress(*columns, console=err(), expand=True, refresh_per_second=8) as bar:
        task = bar.add_task("images", total=None, more="reading the sheet")
        pace = _Pace()

        def show(standing: Standing) -> None:
            bar.update(task, total=standing.total, completed=standing.tried, more=", ".join(pace.words(standing)))

        yield show


class _Lines:
    def __init__(self) -> None:
        self._pace = _Pace()
        self._said: tuple[float, int] | None = None

    def __call__(self, standing: Standing) -> None:
        now = time.monotonic()
        over = standing.tried == standing.total
        if self._said is not None and (standing.tried == self._said[1] or (now - self._said[0] < LINE_EVERY and not over)):
            return
        self._said = now, standing.tried
        words = [f"{standing.tried:,} of {number(standing.total, 'image')}", *self._pace.words(standing)]
        err().print(", ".join(words), markup=False)


class _Pace:
    """Rate and time left, counted from the first look: what an earlier run did says nothing of this one's speed."""

    def __init__(self) -> None:
        self._first: tuple[float, int] | None = None

    def words(self, standing: Standing) -> list[str]:
        now = time.monotonic()
        self._first = self._first or (now, standing.tried)
        seconds, images = now - self._first[0], standing.tried - self._first[1]
        words = [f"{standing.failed:,} failed"] if standing.failed else []
        if images and seconds > _TO_TELL_A_RATE:
            rate = images / seconds
            words.append(f"{rate:,.0f}/s" if rate >= 10 else f"{rate:.1f}/s")
            if left := standing.total - standing.tried:
                words.append(f"{span(left / rate)} left")
        if standing.bytes_in:
            words.append(f"{in_words(max(0, standing.bytes_in - standing.bytes_out))} saved")
        return words
