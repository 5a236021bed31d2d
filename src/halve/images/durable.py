"""Bytes that are on disk when a function returns, under their name and whole."""

from __future__ import annotations

import os
from collections.abc import Iterable
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
    """As much as is read of it: whether it grew meanwhile is for those to say whose file it is."""
    length = 0
    with source.open("rb", buffering=0) as file:
        while piece := file.read(PIECE):
            length += _write(descriptor, piece)
    return length


def sync_folders(folders: Iterable[Path]) -> dict[Path, OSError | None]:
    """Put the names of folders on disk, each folder once; says which failed."""
    return {folder: _failure(folder) for folder in set(folders)}


def _failure(folder: Path) -> OSError | None:
    try:
        sync_folder(folder)
    except FileNotFoundError:  # deleted just now, and all that it had with it
        return None
    except OSError as error:
        return error
    return None


def sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
