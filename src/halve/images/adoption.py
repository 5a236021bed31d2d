"""A file that is there already, under one more name: a hard link where the file system has them, else a copy."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from halve.core.digests import Digest, digest_of
from halve.images.durable import PIECE, write_durably

_UNLINKABLE = (errno.EXDEV, errno.EMLINK, errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EACCES)
"""Another disk; too many names; a file system, or a rule of the system, that allows no link to this file."""


def adopt(source: Path, target: Path, digest: str, *, like: os.stat_result | None, place: Callable[[], Path]) -> bool:
    """Give the file at `source` the name `target` too, if that is its `digest`; False if it is not, or there is no such file.

    `like` tells owner, group and mode of a new file; a file with others is copied, for through a link it would be read by more, or
    by fewer, than new files are. None: all are copied, and can be changed by themselves. `place` gives names for what is not whole
    yet. The new name is on disk once its folder is, which is the caller's. Raises OSError, FileNotFoundError where there is no
    folder for `target`.
    """
    try:
        descriptor = os.open(source, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.EACCES, errno.ELOOP):
            return False
        raise
    try:
        seen = os.fstat(descriptor)
        if not stat.S_ISREG(seen.st_mode) or _digest(descriptor, seen.st_size) != digest:
            return False
        if not (like is not None and _alike(seen, like) and _linked(source, target, seen, place)):
            temporary = place()
            write_durably(temporary, Path(f"/dev/fd/{descriptor}"))
            _rename(temporary, target)
        return True
    finally:
        os.close(descriptor)


def _digest(descriptor: int, size: int) -> str:
    if size <= PIECE:
        return digest_of(os.pread(descriptor, size, 0))
    hashed, at = Digest(), 0
    while piece := os.pread(descriptor, PIECE, at):
        hashed.update(piece)
        at += len(piece)
    return hashed.hexdigest()


def _alike(one: os.stat_result, other: os.stat_result) -> bool:
    """Whether the same people may read and write both."""
    return (one.st_mode, one.st_uid, one.st_gid) == (other.st_mode, other.st_uid, other.st_gid)


def _linked(source: Path, target: Path, seen: os.stat_result, place: Callable[[], Path]) -> bool:
    """Whether `target` is the file that was looked at now: `source` may have become another one since."""
    try:
        os.link(source, target, follow_symlinks=False)
    except FileExistsError:
        if os.path.samestat(target.lstat(), seen):
            return True
        temporary = place()
        if not _linked(source, temporary, seen, place):
            return False
        _rename(temporary, target)
        return True
    except OSError as error:
        if error.errno == errno.ENOENT and not target.parent.is_dir():
            raise
        if error.errno in (*_UNLINKABLE, errno.ENOENT):
            return False
        raise
    if os.path.samestat(target.lstat(), seen):
        return True
    target.unlink()
    return False


def _rename(temporary: Path, target: Path) -> None:
    try:
        temporary.rename(target)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise
