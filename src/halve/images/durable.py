"""Bytes that are on disk when a function returns, under their name and whole."""

from __future__ import annotations

import os
import threading
from collections import defaultdict
from contextlib import suppress
from pathlib import Path

PIECE = 1024 * 1024


def write_durably(path: Path, data: bytes | Path) -> None:
    """Write a new file and put it on disk. Raises OSError, also where the length is wrong in the end, and leaves no file then."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
    try:
        try:
            length = _write(descriptor, data) if isinstance(data, bytes) else _copy(descriptor, data)
            if os.fstat(descriptor).st_size != length:
                raise OSError(None, f"{length} bytes were written and another number is there")
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except BaseException:
        with suppress(OSError):
            path.unlink()
        raise


def _write(descriptor: int, data: bytes) -> int:
    left = memoryview(data)
    while left:
        left = left[os.write(descriptor, left) :]
    return len(data)


def _copy(descriptor: int, source: Path) -> int:
    with source.open("rb", buffering=0) as file:
        length = os.fstat(file.fileno()).st_size
        while piece := file.read(PIECE):
            _write(descriptor, piece)
    return length


class FolderSync:
    """Puts names on disk. Threads that wait for the same folder share one fsync: it covers whatever was renamed before it began."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._folders: defaultdict[Path, _Turns] = defaultdict(_Turns)

    def sync(self, folder: Path) -> None:
        """Return when all that was renamed into the folder before this call is on disk. Raises OSError."""
        with self._guard:
            turns = self._folders[folder]
            turns.waiting += 1
            wanted = turns.begun + 1
        try:
            with turns.one_at_a_time:
                if turns.ended >= wanted:
                    return
                with self._guard:
                    turns.begun += 1
                    turn = turns.begun
                sync_folder(folder)
                turns.ended = turn
        finally:
            with self._guard:
                turns.waiting -= 1
                if not turns.waiting:
                    del self._folders[folder]


class _Turns:
    def __init__(self) -> None:
        self.one_at_a_time = threading.Lock()
        self.waiting = 0
        self.begun = 0
        self.ended = 0


def sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
