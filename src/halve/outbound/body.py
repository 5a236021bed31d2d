"""A body as it comes in: in memory while it is small or there is room, in a nameless temporary file else.

Spooling costs CPU (1.2 ms for 2 MB, three times the download itself), so it is done to bound memory and not otherwise.
"""

from __future__ import annotations

import asyncio
import errno
import tempfile
from pathlib import Path
from typing import BinaryIO

from halve.core.digests import Digest
from halve.core.errors import ImageFailed, StoreFailed
from halve.core.ports import Validators
from halve.core.sizes import in_words

IN_MEMORY = 2**20
"""Bytes of a body that may stay in memory in any case: 96 MiB in all for the 96 images that are in flight by default."""

ROOM = 2**25
"""Bytes beyond that which all bodies of one fetcher together may keep in memory: 32 MiB."""


class Room:
    """Memory that bodies share beyond what each has of its own."""

    def __init__(self, free: int = ROOM) -> None:
        self.free = free


class InMemory:
    """A body in memory; `digest` and `validators` as `core.ports.Fetched` has them."""

    def __init__(self, data: bytes, digest: str, validators: Validators | None) -> None:
        self._data = data
        self.digest, self.validators = digest, validators

    @property
    def size(self) -> int:
        return len(self._data)

    def read(self) -> bytes:
        return self._data


class InFile:
    """Reads a file that `Download` owns and closes."""

    def __init__(self, file: BinaryIO, size: int, digest: str, validators: Validators | None) -> None:
        self._file, self._size = file, size
        self.digest, self.validators = digest, validators

    @property
    def size(self) -> int:
        return self._size

    def read(self) -> bytes:
        self._file.seek(0)
        return self._file.read()


class Download:
    """Takes pieces up to `limit` bytes in all; used as a context manager, whose end lets go of everything.

    The file has no name (it is unlinked at once, or `O_TMPFILE`), so a crash leaves nothing behind that had to be swept.
    """

    def __init__(self, spool: Path, limit: int, room: Room, *, digest: bool = True) -> None:
        self._spool, self._limit, self._room = spool, limit, room
        self._hash = Digest() if digest else None
        self._pieces: list[bytes] = []
        self._held = 0
        self._borrowed = 0
        self._file: BinaryIO | None = None
        self.size = 0
        self.validators: Validators | None = None

    def __enter__(self) -> Download:
        return self

    def __exit__(self, *_: object) -> None:
        self._pieces.clear()
        self._give_back()
        if self._file is not None:
            self._file.close()

    def head(self, length: int) -> bytes:
        """The first bytes, for as long as none were spooled."""
        return b"".join(self._pieces)[:length]

    def check(self, size: int) -> None:
        """Raise ImageFailed (`too_large`) if a body of that size is too large."""
        if size > self._limit:
            raise ImageFailed(f"larger than {in_words(self._limit)}", code="too_large")

    async def write(self, piece: bytes) -> None:
        """Add a piece. Raises ImageFailed (`too_large`), and StoreFailed where the spool's disk is full."""
        self.size += len(piece)
        self.check(self.size)
        if self._hash is not None:
            self._hash.update(piece)
        self._pieces.append(piece)
        self._held += len(piece)
        if self._held > IN_MEMORY and not self._borrow(self._held - IN_MEMORY - self._borrowed):
            await self._spill()

    async def body(self) -> InMemory | InFile:
        """What came in; valid until this download ends."""
        digest = self._hash.hexdigest() if self._hash is not None else ""
        if self._file is None:
            pieces, self._pieces = self._pieces, []
            data = pieces[0] if len(pieces) == 1 else b"".join(pieces)
            return InMemory(data, digest, self.validators)
        await self._spill()
        return InFile(self._file, self.size, digest, self.validators)

    def _borrow(self, count: int) -> bool:
        if self._file is not None or count > self._room.free:
            return False
        self._room.free -= count
        self._borrowed += count
        return True

    def _give_back(self) -> None:
        self._room.free += self._borrowed
        self._borrowed = 0

    async def _spill(self) -> None:
        """In a thread: a disk may take its time. Pieces are let go of first, for a cancelled write goes on in its thread."""
        pieces, self._pieces, self._held = self._pieces, [], 0
        try:
            if self._file is None:
                self._file = self._open()
            await asyncio.to_thread(_append, self._file, pieces)
            self._give_back()
        except OSError as error:
            what = "is full" if error.errno in (errno.ENOSPC, errno.EDQUOT) else f"cannot be written to ({error.strerror})"
            raise StoreFailed(
                f"The folder for downloads in progress, {self._spool}, {what}. Make room there and try again."
            ) from None

    def _open(self) -> BinaryIO:
        self._spool.mkdir(parents=True, exist_ok=True)
        return tempfile.TemporaryFile(dir=self._spool)


def _append(file: BinaryIO, pieces: list[bytes]) -> None:
    file.writelines(pieces)
    file.flush()
