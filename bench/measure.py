"""What a tree of processes costs: wall time, CPU time of all of them, the most memory they had together."""

from __future__ import annotations

import contextlib
import os
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

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


def measured_command(command: list[str], environment: Mapping[str, str] | None = None, *, output: Path = Path(os.devnull)) -> Cost:
    """Measure a command from its start to its end; its standard output goes to a file.

    CPU is what the kernel accounts to it and to all that it waited for, so that processes of a few milliseconds count too.

    Raises:
        CalledProcessError: it ended with another code than 0.
    """
    with output.open("wb") as told, subprocess.Popen(command, env=environment, stdout=told, stderr=subprocess.DEVNULL) as process:
        with measured(process.pid) as cost:
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        cost.cpu = max(cost.cpu, usage.ru_utime + usage.ru_stime)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return cost


def emptied(folder: Path) -> None:
    """Give back the room that the files of a turn took, and leave the files.

    Who removes a thousand files slows down whoever makes some within the next minutes: ext4 passes over inodes that were
    freed just now, one by one. That would be a matter of whose turn comes after whose.
    """
    for file in folder.rglob("*"):
        if file.is_file() and not file.is_symlink():
            os.truncate(file, 0)


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
                        times, name = process.cpu_times(), (process.pid, process.create_time())
                        if name in self.spent:  # at its first sight a child may not have begun: its memory is its parent's
                            resident += process.memory_info().rss
                        self.spent[name] = times.user + times.system
        cost.peak = max(cost.peak, resident)
