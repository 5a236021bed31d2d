"""Images in a folder: of this machine, or of a network file system that all workers mount."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import os
import shutil
import stat
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import ParamSpec, TypeVar

from halve.core.errors import StoreFailed
from halve.core.gathered import Gathered
from halve.core.naming import content_type as content_type_of
from halve.core.ports import Adoption, Stored
from halve.images.adoption import adopt
from halve.images.durable import PIECE, sync_folder, sync_folders, write_durably
from halve.images.keys import checked_folder, checked_key, checked_range, nothing_under, possible_key
from halve.images.workshop import Workshop, make_folder

T = TypeVar("T")
P = ParamSpec("P")

THREADS = 8
"""Files written or read at once. They wait for the disk nearly all the time."""

MOMENT = 0.02
"""Seconds for which a new name waits for others of its folder, where they come so close upon one another: to put a folder on disk
takes as long as to put a file there, and does for all names that it has.
"""

AT_ONCE = 1000
"""Names put on disk together at the most."""


class FileImages:
    """The contract is `core.ports.ImageStore`. A key is a file's path below `folder`, which is made when first written to.

    A file appears whole or not at all, and is on disk when `put` returns: it is written under a temporary name, its length is
    compared, it is put on disk, renamed, and then its folder is. Who may read files is up to the umask.
    """

    def __init__(self, folder: Path, *, link: bool = True, setting: str | None = "HALVE_STORAGE_URL") -> None:
        """`link`: what is stored once more is a hard link to what is there; False: a file of its own. `setting`: what names the
        folder, for people; None where another one would be no help.
        """
        self._folder = folder.absolute()
        self._link = link
        self._elsewhere = f", or name another folder in {setting}" if setting else ""
        self._workshop = Workshop(self._folder / ".partial")
        self._names = Gathered(self._sync, most=AT_ONCE, moment=MOMENT)
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="halve-files")
        self._closed = False

    async def put(self, key: str, data: bytes | Path, *, content_type: str) -> str | None:
        """Raises ValueError for a key that cannot be one."""
        path = self._path(key)
        await self._run(self._put, path, data)
        if (error := await self._names.ask(path.parent)) is not None:
            raise self._failed(error) from error
        return None

    async def stat(self, key: str) -> Stored | None:
        """The entity tag follows from size, time of writing and inode: every `put` makes another."""
        if not possible_key(key):
            return None
        found = await self._run(_status, self._path(key))
        if found is None:
            await self._run(self._look)
            return None
        version = f"{found.st_size} {found.st_mtime_ns} {found.st_ino}"
        return Stored(found.st_size, hashlib.sha256(version.encode()).hexdigest()[:32], content_type_of(key))

    async def read(self, key: str, *, start: int = 0, length: int | None = None) -> AsyncIterator[bytes]:
        checked_range(start, length)
        opened = await self._run(_open, self._path(key), start, length) if possible_key(key) else None
        if opened is None:
            await self._run(self._look)
            raise nothing_under(key)
        if isinstance(opened, bytes):
            if opened:
                yield opened
            return
        descriptor, end = opened
        try:
            while start < end and (piece := await self._run(os.pread, descriptor, min(PIECE, end - start), start)):
                yield piece
                start += len(piece)
        finally:
            os.close(descriptor)

    async def adopt(self, wanted: Sequence[Adoption]) -> list[bool]:
        return await self.adopt_files([(self._path(one.source), one.key, one.digest) for one in wanted])

    async def adopt_files(self, wanted: Sequence[tuple[Path, str, str]]) -> list[bool]:
        """As `adopt`, of files anywhere: (file, key, digest)."""
        return await self._run(self._adopt, [(source, self._path(key), digest) for source, key, digest in wanted])

    async def delete_folder(self, folder: str) -> None:
        """Gone at once for all who look; then deleted file by file. Raises ValueError for a name that cannot be a folder's."""
        await self._run(self._delete, self._folder / checked_folder(folder))

    async def ready(self) -> None:
        """Writes a little, and takes it away again."""
        await self._run(self._try)

    async def close(self) -> None:
        """Waits for what runs. Repeatable."""
        if not self._closed:
            self._closed = True
            await self._run(self._workshop.close)
            self._threads.shutdown()

    def _path(self, key: str) -> Path:
        return self._folder.joinpath(*checked_key(key).split("/"))

    async def _run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a function that blocks in a thread."""

        def translated() -> T:
            try:
                return function(*args, **kwargs)
            except OSError as error:
                raise self._failed(error) from error

        return await asyncio.get_running_loop().run_in_executor(self._threads, translated)

    def _failed(self, error: OSError) -> StoreFailed:
        if error.errno in (errno.EMFILE, errno.ENFILE):
            advice = "Let more be open (`ulimit -n`), or set a smaller HALVE_IN_FLIGHT."
        else:
            advice = f"See that its disk has room and that this user may write there{self._elsewhere}."
        return StoreFailed(f"The folder of images {self._folder} failed: {error.strerror}. {advice}")

    async def _sync(self, folders: Sequence[Path]) -> list[OSError | None]:
        failures = await self._run(sync_folders, folders)
        return [failures[folder] for folder in folders]

    def _look(self) -> None:
        """Raise where a file is in the folder's place, or above it: then there is no telling what is stored."""
        with suppress(FileNotFoundError):
            if not stat.S_ISDIR(self._folder.stat().st_mode):
                raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))

    def _put(self, path: Path, data: bytes | Path) -> None:
        temporary = self._workshop.place()
        write_durably(temporary, data)
        try:
            self._rename(temporary, path)
        except BaseException:
            with suppress(OSError):
                temporary.unlink()
            raise

    def _adopt(self, wanted: list[tuple[Path, Path, str]]) -> list[bool]:
        """Each folder is put on disk once, after all that goes there."""
        for folder in {target.parent for _, target, _ in wanted}:
            if not folder.is_dir():
                make_folder(folder)
                sync_folder(folder.parent)
        like = self._workshop.example() if self._link else None
        done = [adopt(source, target, digest, like=like, place=self._workshop.place) for source, target, digest in wanted]
        for failure in sync_folders(target.parent for (_, target, _), well in zip(wanted, done, strict=True) if well).values():
            if failure is not None:
                raise failure
        return done

    def _rename(self, temporary: Path, path: Path) -> None:
        for attempts_left in (2, 1, 0):
            try:
                temporary.rename(path)
            except FileNotFoundError:
                if not attempts_left:
                    raise
                # The folder is new, or was deleted just now.
                make_folder(path.parent)
                sync_folder(path.parent.parent)
            else:
                return

    def _delete(self, folder: Path) -> None:
        if not folder.is_dir():
            return
        condemned = self._workshop.place()
        try:
            folder.rename(condemned)
        except FileNotFoundError:  # another was quicker
            return
        sync_folder(folder.parent)
        if condemned.is_symlink():
            condemned.unlink()
        else:
            _remove(condemned)

    def _try(self) -> None:
        temporary = self._workshop.place()
        write_durably(temporary, b"halve")
        temporary.unlink()


def _remove(condemned: Path) -> None:
    """Also what still comes into it: a file that was being given its name there when the folder lost its own."""
    for attempts_left in range(9, -1, -1):
        try:
            shutil.rmtree(condemned)
        except OSError as error:
            if error.errno != errno.ENOTEMPTY or not attempts_left:
                raise
        else:
            return


def _status(path: Path) -> os.stat_result | None:
    try:
        found = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    return found if stat.S_ISREG(found.st_mode) else None


def _open(path: Path, start: int, length: int | None) -> bytes | tuple[int, int] | None:
    """What is wanted, if it is no more than a piece; else a descriptor and where to end. None: there is no such file."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        return None
    keep = False
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            return None
        end = found.st_size if length is None else min(found.st_size, start + length)
        if end - start <= PIECE:
            return os.pread(descriptor, end - start, start) if start < end else b""
        keep = True
        return descriptor, end
    finally:
        if not keep:
            os.close(descriptor)
