"""TIFF and BigTIFF: by tag, in place (TIFF 6.0; Adobe's BigTIFF note).

Everything in a TIFF is found by offset, so nothing may move: a tag is taken out of its directory, and the bytes it pointed to
are blanked, unless something that stays lies there too. What lies behind the last thing that stays is cut off.
"""

from __future__ import annotations

import struct
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass

from halve.codec.strip.damage import damaged

_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
_INTEGERS = {1: "B", 3: "H", 4: "I", 13: "I", 16: "Q", 18: "Q"}

# What a reader needs to show the picture; every other tag, known or not, goes.
_LOOK = frozenset(
    {
        *range(254, 260), 262, *range(263, 267), 266, 273, 274, *range(277, 285), *range(286, 288), *range(290, 294), 296, 297,
        301, *range(317, 331), 332, 334, 336, *range(338, 342), 347, *range(512, 516), *range(519, 522), *range(529, 533),
        34675,  # ICC profile
        50674,  # parameters of LERC
    }
)  # fmt: skip
_SUB_IFDS, _DIRECTORIES_THAT_GO = 330, frozenset({34665, 34853, 40965})  # EXIF, GPS, interoperability
_PIXELS = ((273, 279), (324, 325), (513, 514))  # offsets and lengths: strips, tiles, an old-style JPEG
_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _SAMPLES = 256, 257, 258, 259, 277
_OLD_JPEG = frozenset({*range(512, 516), *range(519, 522)})
_MEASURES = frozenset({_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _SAMPLES, 273, 279, 324, 325, *_OLD_JPEG})
_MOST_PAGES = 4096
_MOST_READ = 4  # times the file's size; lists of numbers that all lie in one place would be read for ever
_MOST_ENTRIES = 16_384  # in all directories together; a page has some twenty


@dataclass(frozen=True, slots=True)
class _Entry:
    tag: int
    kind: int
    count: int
    at: int  # where the entry itself is
    value: int  # where its value is, within the entry or elsewhere
    size: int
    outside: bool


@dataclass(frozen=True, slots=True)
class _Directory:
    at: int
    entries: tuple[_Entry, ...]
    next_at: int  # where the offset of the next directory is written
    end: int


class _File:
    """A TIFF file's numbers, each looked up within its bounds."""

    def __init__(self, data: bytes) -> None:
        self.data, self._read = data, 0
        self.order = {b"II": "<", b"MM": ">"}.get(data[:2], "")
        version = self._number("H", 2) if self.order and len(data) >= 8 else 0
        if version not in (42, 43):
            raise damaged("TIFF", "it does not start like one")
        self.big = version == 43
        self.word = "Q" if self.big else "I"
        self.entry_size, self.inline = (20, 8) if self.big else (12, 4)

    def _number(self, code: str, at: int) -> int:
        try:
            return int(struct.unpack_from(self.order + code, self.data, at)[0])
        except (struct.error, OverflowError):
            raise damaged("TIFF", "it is cut short") from None

    def first(self) -> int:
        return self._number(self.word, 8 if self.big else 4)

    def next_of(self, directory: _Directory) -> int:
        return self._number(self.word, directory.next_at)

    def directory(self, at: int) -> _Directory:
        count_code, count_size = ("Q", 8) if self.big else ("H", 2)
        count = self._number(count_code, at)
        first = at + count_size
        next_at = first + count * self.entry_size
        end = next_at + (8 if self.big else 4)
        if next_at > len(self.data) or count > _MOST_ENTRIES:
            raise damaged("TIFF", "a directory that is too long")
        entries = tuple(self._entry(first + index * self.entry_size) for index in range(count))
        return _Directory(at, entries, next_at, min(end, len(self.data)))

    def _entry(self, at: int) -> _Entry:
        tag, kind, count = self._number("H", at), self._number("H", at + 2), self._number(self.word, at + 4)
        size = _SIZES.get(kind, 1) * count
        where = at + self.entry_size - self.inline
        outside = size > self.inline
        return _Entry(tag, kind, count, at, self._number(self.word, where) if outside else where, size, outside)

    def integers(self, entry: _Entry) -> list[int]:
        code = _INTEGERS.get(entry.kind)
        if code is None or entry.value + entry.size > len(self.data):
            return []
        self._read += entry.size
        if self._read > _MOST_READ * len(self.data):
            raise damaged("TIFF", "lists that share their numbers")
        return list(struct.unpack_from(f"{self.order}{entry.count}{code}", self.data, entry.value))


def strip(data: bytes) -> bytes:
    """The file with only those tags that decide its look, up to the end of what they need."""
    file = _File(data)
    directories = list(_directories(file))
    staying = _Ranges(_staying(file, directories))
    out = bytearray(data)
    for directory in directories:
        for entry in directory.entries:
            if entry.tag not in _LOOK:
                _blank(out, file, entry, staying)
        _rewrite(out, file, directory)
    if all(_tells_its_end(file, directory) for directory in directories):
        del out[staying.end :]
    return bytes(out)


def _directories(file: _File) -> Iterator[_Directory]:
    """Every directory of pictures: the chain of pages, and what hangs below them."""
    waiting, seen, entries = [file.first()], set[int](), 0
    while waiting:
        at = waiting.pop()
        if at == 0 or at in seen:
            continue
        seen.add(at)
        directory = file.directory(at)
        entries += len(directory.entries) + 1
        if entries > _MOST_ENTRIES:
            raise damaged("TIFF", f"more than {_MOST_ENTRIES} tags")
        yield directory
        if directory.end - directory.next_at >= (8 if file.big else 4):
            waiting.append(file.next_of(directory))
        for entry in directory.entries:
            if entry.tag == _SUB_IFDS:
                waiting += file.integers(entry)


def _staying(file: _File, directories: list[_Directory]) -> Iterator[tuple[int, int]]:
    """Ranges of bytes that must not be touched."""
    yield 0, 16 if file.big else 8
    for directory in directories:
        yield directory.at, directory.end
        numbers = {}
        for entry in directory.entries:
            if entry.tag in _LOOK and entry.outside:
                yield entry.value, entry.value + entry.size
            if any(entry.tag in pair for pair in _PIXELS):
                numbers[entry.tag] = file.integers(entry)
        for offsets, lengths in _PIXELS:
            for at, length in zip(numbers.get(offsets, ()), numbers.get(lengths, ()), strict=False):
                yield at, at + length


def _tells_its_end(file: _File, directory: _Directory) -> bool:
    """Whether it says how long its pixels are. Where it does not, readers guess, and may take all up to the file's end."""
    tags = {entry.tag: file.integers(entry) for entry in directory.entries if entry.tag in _MEASURES}
    if any(tag in tags for tag in _OLD_JPEG):  # has tables of no stated length
        return False
    for offsets, lengths in _PIXELS:
        if offsets not in tags and lengths not in tags:
            continue
        starts, sizes = tags.get(offsets, []), tags.get(lengths, [])
        if not starts or len(starts) != len(sizes) or any(start and not size for start, size in zip(starts, sizes, strict=True)):
            return False
        if _first(tags, _COMPRESSION, 1) == 1 and sum(sizes) < _unpacked(tags):
            return False
    return True


def _unpacked(tags: dict[int, list[int]]) -> int:
    bits = _first(tags, _WIDTH, 0) * _first(tags, _SAMPLES, 1) * max(tags.get(_BITS) or [1])
    return (bits + 7) // 8 * _first(tags, _HEIGHT, 0)


def _first(tags: dict[int, list[int]], tag: int, otherwise: int) -> int:
    return (tags.get(tag) or [otherwise])[0]


class _Ranges:
    """Merged ranges, to be asked whether another one touches any of them."""

    def __init__(self, ranges: Iterator[tuple[int, int]]) -> None:
        self._starts: list[int] = []
        self._ends: list[int] = []
        for start, end in sorted(ranges):
            if self._ends and start <= self._ends[-1]:
                self._ends[-1] = max(self._ends[-1], end)
            else:
                self._starts.append(start)
                self._ends.append(end)

    @property
    def end(self) -> int:
        return self._ends[-1]

    def touch(self, start: int, end: int) -> bool:
        index = bisect_right(self._ends, start)
        return index < len(self._starts) and self._starts[index] < end


def _blank(out: bytearray, file: _File, entry: _Entry, staying: _Ranges) -> None:
    """Zero what an entry points to; a directory with all that it points to in turn."""
    if entry.tag in _DIRECTORIES_THAT_GO:
        for at in file.integers(entry):
            _blank_directory(out, file, at, staying)
    if entry.outside:
        _zero(out, entry.value, entry.value + entry.size, staying)


def _blank_directory(out: bytearray, file: _File, at: int, staying: _Ranges, depth: int = 0) -> None:
    directory = file.directory(at)
    for entry in directory.entries:
        if entry.tag in _DIRECTORIES_THAT_GO and depth < 2:
            for below in file.integers(entry):
                _blank_directory(out, file, below, staying, depth + 1)
        if entry.outside:
            _zero(out, entry.value, entry.value + entry.size, staying)
    _zero(out, directory.at, directory.end, staying)


def _zero(out: bytearray, start: int, end: int, staying: _Ranges) -> None:
    end = min(end, len(out))
    if start >= end:
        return
    if staying.touch(start, end):
        raise damaged("TIFF", "metadata that overlaps the picture")
    out[start:end] = bytes(end - start)


def _rewrite(out: bytearray, file: _File, directory: _Directory) -> None:
    """The directory with the entries that stay moved up, then the offset of the next one, then zeros."""
    kept = [entry for entry in directory.entries if entry.tag in _LOOK]
    count = struct.pack(file.order + ("Q" if file.big else "H"), len(kept))
    entries = (file.data[entry.at : entry.at + file.entry_size] for entry in kept)
    following = file.data[directory.next_at : directory.end]
    body = b"".join((count, *entries, following))
    out[directory.at : directory.end] = body.ljust(directory.end - directory.at, b"\0")


# ── what a codec must know before it decodes ──────────────────────────────────────────────────────────────────────────────

_SUBFILE, _SAMPLE_FORMAT, _DNG_VERSION = 254, 339, 50706
_REDUCED, _SIGNED, _FLOATING = 1, 2, 3
_PHOTOMETRIC, _YCBCR, _SUBSAMPLING, _JPEG = 262, 6, 530, 7
_ORIENTATION, _ROWS_OF_A_STRIP = 274, 278
_TILE_WIDTH, _TILE_HEIGHT = 322, 323
_ALIKE = (_WIDTH, _HEIGHT, _BITS, _PHOTOMETRIC, _SAMPLES, 284, _TILE_WIDTH, _TILE_HEIGHT, _SAMPLE_FORMAT)  # 284: planes


@dataclass(frozen=True, slots=True)
class Layout:
    """`pages`: full pictures in the chain (previews left out). `uniform`: all alike, as libvips wants those that it reads together,
    and the first so many of the chain.

    `raw`: a camera's raw data in TIFF's clothes. `floating`: samples are floating-point numbers. `mistaken`: numbers that libvips
    takes for others: brightness and colour difference for red, green and blue; whole ones of 32 bits, or with a sign, for white.
    """

    pages: int
    uniform: bool
    raw: bool
    floating: bool
    mistaken: bool


def layout(data: bytes) -> Layout:
    """How the pictures of a TIFF are laid out. Raises `damaged` where a strip or tile lies beyond the end of the file, or
    there are more pages than are looked through.
    """
    file, chain = _File(data), list[dict[int, list[int]]]()
    at, seen = file.first(), set[int]()
    raw = data[8:10] == b"CR"
    while at and at not in seen:
        seen.add(at)
        if len(seen) > _MOST_PAGES:
            raise damaged("TIFF", f"more than {_MOST_PAGES:,} pages")
        directory = file.directory(at)
        raw = raw or any(entry.tag == _DNG_VERSION for entry in directory.entries)
        chain.append({e.tag: file.integers(e) for e in directory.entries if e.tag in _LOOK and e.kind in _INTEGERS})
        complete = directory.end - directory.next_at >= (8 if file.big else 4)
        at = file.next_of(directory) if complete else 0
    for tags in chain:
        _check_pixels_are_there(tags, len(data))
    full = [tags for tags in chain if not (tags.get(_SUBFILE) or [0])[0] & _REDUCED] or chain[:1]
    alike = all(_form(tags) == _form(full[0]) for tags in full)
    floating = any(_FLOATING in tags.get(_SAMPLE_FORMAT, ()) for tags in full)
    mistaken = any(_is_mistaken(tags) for tags in full)
    return Layout(len(full), alike and full == chain[: len(full)], raw, floating, mistaken)


def is_tiled(data: bytes) -> bool:
    """Whether its first picture, and with it all that are read together, is cut into tiles and not into strips."""
    file = _File(data)
    return any(entry.tag == _TILE_WIDTH for entry in file.directory(file.first()).entries)


def _form(tags: dict[int, list[int]]) -> tuple[object, ...]:
    """How a picture is laid down; what is left out is said."""
    rows = min(_first(tags, _ROWS_OF_A_STRIP, 2**32 - 1), _first(tags, _HEIGHT, 0))
    return *(tags.get(tag) for tag in _ALIKE), _first(tags, _COMPRESSION, 1), _first(tags, _ORIENTATION, 1), rows


def _is_mistaken(tags: dict[int, list[int]]) -> bool:
    """Whether its numbers go beyond 16 bits or below zero, or are YCbCr that nobody turns into RGB: JPEG's decoder would, and so
    does libtiff where colours are halved.
    """
    if _SIGNED in tags.get(_SAMPLE_FORMAT, ()) or max(tags.get(_BITS) or [1]) > 16:
        return True
    whole = tags.get(_SUBSAMPLING) == [1, 1]
    return _first(tags, _PHOTOMETRIC, 0) == _YCBCR and _first(tags, _COMPRESSION, 1) != _JPEG and whole


def _check_pixels_are_there(tags: dict[int, list[int]], file_size: int) -> None:
    """The library guesses lengths that do not fit, and then shows half a picture."""
    for offsets, lengths in _PIXELS:
        for at, length in zip(tags.get(offsets, ()), tags.get(lengths, ()), strict=False):
            if at + length > file_size:
                raise damaged("TIFF", "it is cut short")
