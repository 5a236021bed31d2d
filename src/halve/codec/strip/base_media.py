"""HEIC and AVIF: by item and box, in place (ISO/IEC 14496-12 and 23008-12).

Items are found by offset from anywhere in the file, so nothing may move; only what lies behind the picture is cut off. Metadata
items are overwritten: EXIF by an empty EXIF block, XMP by blanks. Orientation is a property of the picture there (`irot`, `imir`)
and stays; that of EXIF means nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from halve.codec.strip.damage import damaged

_EMPTY_EXIF = b"\0\0\0\0" + b"MM\0*\0\0\0\x08" + b"\0\0" + b"\0\0\0\0"
_FREE = frozenset({b"free", b"skip", b"uuid", b"udta"})  # boxes that hold nothing of the picture, perhaps something of people
_OF_THE_PICTURE = frozenset({b"ftyp", b"meta", b"mdat", b"imda", b"moov", b"moof"})
_WITH_TIMES = frozenset({b"mvhd", b"tkhd", b"mdhd"})
_HOLDERS = frozenset({b"moov", b"trak", b"mdia", b"minf", b"stbl"})
_MOST_EXTENTS = 65_536
_MONOCHROME, _FULL_RANGE = 0x10, 0x80  # flags: of an AV1 picture, of colours by code


@dataclass(frozen=True, slots=True)
class Box:
    kind: bytes
    body: int  # where its content starts
    end: int


def boxes(data: bytes, start: int, end: int, *, loose: bool = False) -> Iterator[Box]:
    """The boxes between two offsets. `loose`: up to the first that is none of the picture and does not fit."""
    at = start
    while at + 8 <= end:
        size, kind, body = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8], at + 8
        if size == 1:
            size, body = int.from_bytes(data[at + 8 : at + 16], "big"), at + 16
        elif size == 0:
            size = end - at
        if size < body - at or at + size > end:
            if loose and kind not in _OF_THE_PICTURE:
                return
            raise damaged(_name(data), "it is cut short")
        yield Box(kind, body, at + size)
        at += size


def _top(data: bytes) -> Iterator[Box]:
    """The boxes of a file, behind which anything may lie."""
    return boxes(data, 0, len(data), loose=True)


def _name(data: bytes) -> str:
    return "AVIF" if b"avi" in data[8:64] else "HEIC"


def strip(data: bytes) -> bytes:
    """The file with its EXIF and XMP items and its boxes of user data blanked, up to the end of the picture."""
    out, last = bytearray(data), 0
    for box in _top(data):
        if box.kind in _OF_THE_PICTURE:
            last = max(last, box.end)
        if box.kind == b"meta":
            last = max(last, _strip_items(out, data, box))
        else:
            _strip_box(out, data, box)
    return bytes(out[:last])


def _strip_items(out: bytearray, data: bytes, meta: Box) -> int:
    """Blank those that are metadata. Returns where the last item ends."""
    wanted, blanked, last = dict(_items(data, meta)), 0, 0
    for item, start, end in _parts(data, meta):
        last = max(last, end)
        if item not in wanted:
            continue
        if end > len(data):
            raise damaged(_name(data), "metadata beyond its end")
        blanked += end - start
        if blanked > len(data):
            raise damaged(_name(data), "metadata that overlaps itself")
        _overwrite(out, start, end, wanted[item])
    return last


def _strip_box(out: bytearray, data: bytes, box: Box) -> None:
    if box.kind in _FREE:
        out[box.body : box.end] = bytes(box.end - box.body)
    elif box.kind in _WITH_TIMES and box.end - box.body >= 20:
        times = 16 if data[box.body] == 1 else 8  # created and modified, in 64 or 32 bits each
        out[box.body + 4 : box.body + 4 + times] = bytes(times)
    elif box.kind in _HOLDERS:
        for inner in boxes(data, box.body, box.end):
            _strip_box(out, data, inner)


def _items(data: bytes, meta: Box) -> Iterator[tuple[int, bytes]]:
    """Ids of the metadata items, and whether they are `Exif` or something else."""
    for box in boxes(data, meta.body + 4, meta.end):
        if box.kind != b"iinf":
            continue
        version = data[box.body]
        first = box.body + (6 if version == 0 else 8)
        for entry in boxes(data, first, box.end):
            if entry.kind != b"infe" or entry.end - entry.body < 12:
                continue
            wide = data[entry.body] >= 3
            id_size = 4 if wide else 2
            item = int.from_bytes(data[entry.body + 4 : entry.body + 4 + id_size], "big")
            kind_at = entry.body + 4 + id_size + 2
            kind = data[kind_at : kind_at + 4]
            if kind in (b"Exif", b"mime", b"uri "):
                yield item, kind


def _parts(data: bytes, meta: Box) -> Iterator[tuple[int, int, int]]:
    """Item, start and end of every part of an item, from the box of locations (`iloc`)."""
    idat = next((box.body for box in boxes(data, meta.body + 4, meta.end) if box.kind == b"idat"), None)
    for box in boxes(data, meta.body + 4, meta.end):
        if box.kind != b"iloc":
            continue
        for item, method, offset, length in _locations(_Reader(data, box.body, box.end)):
            if method > 1 or (method == 1 and idat is None):
                continue
            start = offset + (idat or 0) * method
            yield item, start, start + length if length else len(data)


def _locations(reader: _Reader) -> Iterator[tuple[int, int, int, int]]:
    """Item, construction method, offset and length of every extent (ISO/IEC 14496-12, 8.11.3)."""
    version = reader.number(4) >> 24
    sizes, seen = reader.number(2), 0
    offset_size, length_size, base_size = sizes >> 12, sizes >> 8 & 15, sizes >> 4 & 15
    index_size = sizes & 15 if version else 0
    for _ in range(reader.number(2 if version < 2 else 4)):
        item = reader.number(2 if version < 2 else 4)
        method = reader.number(2) & 15 if version else 0
        reader.number(2)  # which file: always this one
        base = reader.number(base_size)
        for _ in range(reader.number(2)):
            seen += 1
            if seen > _MOST_EXTENTS:
                raise damaged(reader.name, "too many parts")
            reader.number(index_size)
            yield item, method, base + reader.number(offset_size), reader.number(length_size)


class _Reader:
    """Numbers of 0 to 8 bytes, one after the other."""

    def __init__(self, data: bytes, at: int, end: int) -> None:
        self.name = _name(data)
        self._data, self._at, self._end = data, at, end

    def number(self, size: int) -> int:
        end = self._at + size
        if end > self._end:
            raise damaged(self.name, "a short box of locations")
        value, self._at = int.from_bytes(self._data[self._at : end], "big"), end
        return value


def _overwrite(out: bytearray, start: int, end: int, kind: bytes) -> None:
    size = end - start
    if kind == b"Exif" and size >= len(_EMPTY_EXIF):
        out[start:end] = _EMPTY_EXIF.ljust(size, b"\0")
    else:
        out[start:end] = (b" " if kind == b"mime" else b"\0") * size


def is_sequence(data: bytes) -> bool:
    """Whether it is a sequence of pictures: it has a movie box."""
    return any(box.kind == b"moov" for box in _top(data))


def colour_code(data: bytes) -> tuple[int, int] | None:
    """Colour primaries and transfer characteristics (ITU-T H.273) of the first `colr` box of kind `nclx`, or None."""
    for at in _colour_codes(data):
        return int.from_bytes(data[at : at + 2], "big"), int.from_bytes(data[at + 2 : at + 4], "big")
    return None


def may_be_pale(data: bytes) -> bool:
    """Whether it is an AVIF of greys alone, not said to use the full range: libheif takes all greys for such."""
    pictures = [data[box.body + 2] for box in _properties(data, b"av1C") if box.end - box.body > 2]
    full = any(data[at + 6] & _FULL_RANGE for at in _colour_codes(data))
    return all(flags & _MONOCHROME for flags in pictures) and not full


def _colour_codes(data: bytes) -> Iterator[int]:
    """Where the content of each `colr` box of kind `nclx` starts."""
    for colour in _properties(data, b"colr"):
        if data[colour.body : colour.body + 4] == b"nclx" and colour.end - colour.body >= 11:
            yield colour.body + 4


def _properties(data: bytes, kind: bytes) -> Iterator[Box]:
    for meta in (box for box in _top(data) if box.kind == b"meta"):
        for properties in _within(data, Box(b"", meta.body + 4, meta.end), b"iprp"):
            for container in _within(data, properties, b"ipco"):
                yield from _within(data, container, kind)


def _within(data: bytes, box: Box, kind: bytes) -> Iterator[Box]:
    return (inner for inner in boxes(data, box.body, box.end) if inner.kind == kind)
