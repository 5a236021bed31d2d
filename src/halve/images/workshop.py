"""Where files are written before they get their names, and where folders go before they are deleted.

Each process has a bench of its own: a folder here, and beside it a lock that the system takes back however the process ends.
So a later one knows whose left-overs are nobody's, on one machine, between containers, and where a network file system has locks.
"""

from __future__ import annotations

import fcntl
import itertools
import os
import secrets
import shutil
import threading
from contextlib import suppress
from pathlib import Path


class Workshop:
    """Nothing is made before it is needed. Methods may be called from any thread; they raise OSError."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._guard = threading.Lock()
        self._numbers = itertools.count(1)
        self._lock = -1
        self._bench: Path | None = None

    def place(self) -> Path:
        """A path that nothing is at, on the file system of the final files."""
        with self._guard:
            return self._open() / str(next(self._numbers))

    def example(self) -> os.stat_result:
        """Owner, group and mode that a file made here gets."""
        with self._guard:
            self._open()
            return os.fstat(self._lock)

    def close(self) -> None:
        with self._guard:
            self._leave()
            with suppress(OSError):  # another process is at work here
                self._folder.rmdir()

    def _open(self) -> Path:
        if self._bench is None or not self._bench.is_dir():
            self._leave()
            self._sweep()
            self._bench = self._settle()
        return self._bench

    def _settle(self) -> Path:
        while True:
            make_folder(self._folder)
            bench = self._folder / secrets.token_hex(8)
            try:
                lock = os.open(_lock_of(bench), os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
            except FileNotFoundError:  # another process closed its workshop just now
                continue
            if _hold(lock, _lock_of(bench)):
                self._lock = lock
                bench.mkdir()
                return bench
            os.close(lock)

    def _leave(self) -> None:
        if self._bench is not None:
            _clear(self._bench)
            os.close(self._lock)
            self._bench = None

    def _sweep(self) -> None:
        """Clear the benches of processes that are no more."""
        try:
            names = os.listdir(self._folder)  # noqa: PTH208 - one look, where `glob` takes two and fails if it goes in between
        except FileNotFoundError:
            return
        for path in (self._folder / name for name in names if name.endswith(".lock")):
            try:
                lock = os.open(path, os.O_RDWR | os.O_CLOEXEC)
            except OSError:  # cleared by another meanwhile, or another user's
                continue
            try:
                if _hold(lock, path):
                    _clear(path.with_suffix(""))
            finally:
                os.close(lock)


def make_folder(folder: Path) -> None:
    """Also where others make and delete it at the same time: `mkdir` may find that it exists, and then that it does not."""
    for attempts_left in range(20, -1, -1):
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except FileExistsError:
            if not attempts_left:  # it is something else than a folder
                raise
        else:
            return


def _lock_of(bench: Path) -> Path:
    return bench.with_suffix(".lock")


def _clear(bench: Path) -> None:
    shutil.rmtree(bench, ignore_errors=True)
    _lock_of(bench).unlink(missing_ok=True)


def _hold(lock: int, path: Path) -> bool:
    """Whether the lock is ours now, and still the one at this path: a sweep may have been quicker."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return os.fstat(lock).st_ino == path.stat().st_ino
    except (BlockingIOError, FileNotFoundError):
        return False
