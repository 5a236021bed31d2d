"""What a tree of processes costs: wall time, CPU time of all of them, the most memory they had together."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psutil

EVERY = 0.05
"""Seconds between looks at the processes."""


@dataclass
class Cost:
    """`cpu` in seconds, user and system; `peak` the sum of resident set sizes in bytes at its highest."""

    wall: float = 0.0
    cpu: float = 0.0
    peak: int = 0


@contextmanager
def measured(*roots: int) -> Iterator[Cost]:
    """Measure the processes of these ids and all below them, from here to the end of the block, those that end in between too."""
    cost = Cost()
    watch = _Watch(roots)
    watch.look(cost)
    begun = dict(watch.spent)
    over = threading.Event()
    thread = threading.Thread(target=watch.keep_looking, args=(cost, over), daemon=True)
    start = time.perf_counter()
    thread.start()
    try:
        yield cost
    finally:
        cost.wall = time.perf_counter() - start
        over.set()
        thread.join()
        watch.look(cost)
        cost.cpu = sum(watch.spent.values()) - sum(begun.values())


class _Watch:
    def __init__(self, roots: tuple[int, ...]) -> None:
        self.roots = [psutil.Process(pid) for pid in roots]
        self.spent: dict[tuple[int, float], float] = {}

    def keep_looking(self, cost: Cost, over: threading.Event) -> None:
        while not over.wait(EVERY):
            self.look(cost)

    def look(self, cost: Cost) -> None:
        resident = 0
        for root in self.roots:
            with contextlib.suppress(psutil.Error):
                for process in (root, *root.children(recursive=True)):
                    with contextlib.suppress(psutil.Error):
                        times = process.cpu_times()
                        self.spent[process.pid, process.create_time()] = times.user + times.system
                        resident += process.memory_info().rss
        cost.peak = max(cost.peak, resident)
