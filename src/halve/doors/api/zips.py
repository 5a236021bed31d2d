"""A ZIP written as it is sent (PKWARE APPNOTE 6.3.10): nothing is compressed again, memory stays the same however much goes in.

Entries carry their size and checksum before their bytes, so readers that stream can read them; the price is that what is
larger than `IN_MEMORY` is read twice. Everything past the old bounds (4 GiB, 65,535 entries) is written as ZIP64.
"""

from __future__ import annotations

import struct
import tempfile
import zlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import datetime

IN_MEMORY = 4_194_304
"""Bytes of an entry that are held in memory while it is sent."""

_CENTRAL_IN_MEMORY = 1_048_576
_PIECE = 65_536

MANY = 0xFFFF
"""Entries from which on the old form cannot count them."""

LARGE = 0xFFFF_FFFF
"""Bytes from which on a size or an offset does not fit the old form."""

_SEE_64_16 = 0xFFFF
_SEE_64 = 0xFFFF_FFFF
"""What stands in an old field whose value is in the ZIP64 one."""

_UTF_8 = 1 << 11
_VERSION = 45
"""4.5: ZIP64."""

_UNIX = 3 << 8
_MODE = 0o100644 << 16


@dataclass(frozen=True, slots=True)
class Entry:
    """`read` gives its bytes from the start, the same every time, `size` of them; it may be called twice."""

    name: str
    size: int
    read: Callable[[], AsyncIterator[bytes]]


async def zipped(entries: AsyncIterator[Entry], moment: datetime) -> AsyncIterator[bytes]:
    """The bytes of the archive, its entries dated `moment`. Raises ValueError where an entry is not of the size it claims."""
    stamp = _dos(moment)
    offset = count = 0
    with tempfile.SpooledTemporaryFile(_CENTRAL_IN_MEMORY) as central:
        async for entry in entries:
            held = b"".join([piece async for piece in entry.read()]) if entry.size <= IN_MEMORY else None
            crc, size = (zlib.crc32(held), len(held)) if held is not None else await _checked(entry)
            if size != entry.size:
                raise ValueError(f"{entry.name} has {size} bytes, not {entry.size}")
            name = entry.name.encode()
            header = _local_header(name, size, crc, stamp)
            yield header
            if held is not None:
                yield held
            else:
                async for piece in entry.read():
                    yield piece
            central.write(_central_header(name, size, crc, stamp, offset))
            offset += len(header) + size
            count += 1
        length = central.tell()
        central.seek(0)
        while piece := central.read(_PIECE):
            yield piece
    yield _end(count, length, offset)


async def _checked(entry: Entry) -> tuple[int, int]:
    crc = size = 0
    async for piece in entry.read():
        crc = zlib.crc32(piece, crc)
        size += len(piece)
    return crc, size


def _local_header(name: bytes, size: int, crc: int, stamp: bytes) -> bytes:
    extra = struct.pack("<HHQQ", 1, 16, size, size) if size >= LARGE else b""
    told = _SEE_64 if extra else size
    fixed = struct.pack("<4sHHH4sLLLHH", b"PK\3\4", _VERSION, _UTF_8, 0, stamp, crc, told, told, len(name), len(extra))
    return fixed + name + extra


def _central_header(name: bytes, size: int, crc: int, stamp: bytes, offset: int) -> bytes:
    large, far = size >= LARGE, offset >= LARGE
    numbers = ([size, size] if large else []) + ([offset] if far else [])
    extra = struct.pack(f"<HH{len(numbers)}Q", 1, 8 * len(numbers), *numbers) if numbers else b""
    told = _SEE_64 if large else size
    fixed = struct.pack(
        "<4sHHHH4sLLLHHHHHLL",
        b"PK\1\2",
        _UNIX | _VERSION,
        _VERSION,
        _UTF_8,
        0,
        stamp,
        crc,
        told,
        told,
        len(name),
        len(extra),
        0,
        0,
        0,
        _MODE,
        _SEE_64 if far else offset,
    )
    return fixed + name + extra


def _end(count: int, length: int, offset: int) -> bytes:
    """The end of the central directory, `length` bytes of it at `offset`; where that is needed, its ZIP64 form first."""
    if count < MANY and length < LARGE and offset < LARGE:
        return _old_end(count, length, offset)
    record = struct.pack("<4sQHHLLQQQQ", b"PK\6\6", 44, _UNIX | _VERSION, _VERSION, 0, 0, count, count, length, offset)
    locator = struct.pack("<4sLQL", b"PK\6\7", 0, offset + length, 1)
    return record + locator + _old_end(_SEE_64_16, _SEE_64, _SEE_64)


def _old_end(count: int, length: int, offset: int) -> bytes:
    return struct.pack("<4sHHHHLLH", b"PK\5\6", 0, 0, count, count, length, offset, 0)


def _dos(moment: datetime) -> bytes:
    """Time and date as MS-DOS had them: from 1980 on, to two seconds."""
    year = min(max(moment.year, 1980), 2107)
    time = moment.hour << 11 | moment.minute << 5 | moment.second // 2
    return struct.pack("<HH", time, (year - 1980) << 9 | moment.month << 5 | moment.day)
