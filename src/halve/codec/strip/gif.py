"""GIF: by block (GIF89a, sections 17 to 27)."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from halve.codec.strip import lzw
from halve.codec.strip.damage import damaged

_TRAILER, _IMAGE, _EXTENSION = 0x3B, 0x2C, 0x21
_GRAPHIC_CONTROL, _PLAIN_TEXT, _APPLICATION = 0xF9, 0x01, 0xFF
_APPLICATIONS = frozenset({b"NETSCAPE2.0", b"ANIMEXTS1.0", b"ICCRGBG1012"})  # loops, and the colour profile


@dataclass(frozen=True, slots=True)
class Frame:
    """Its place on the screen; `disposal`: what becomes of that place behind it; `clear`: whether one of its colours is none.

    `control`, `at`, `end`: the last graphic control before it, and where its own block lies in the file.
    """

    left: int
    top: int
    width: int
    height: int
    disposal: int
    clear: bool
    control: bytes
    at: int
    end: int


def frames(data: bytes) -> list[Frame]:
    """Where each frame is drawn. Raises `damaged` for a file that cannot be followed."""
    found, control = list[Frame](), b""
    for introducer, start, end in _blocks(data):
        if introducer == _IMAGE:
            packed = control[3] if control else 0
            left, top, width, height = struct.unpack_from("<4H", data, start + 1)
            found.append(Frame(left, top, width, height, packed >> 2 & 7, bool(packed & 1), control, start, end))
            control = b""
        elif introducer == _EXTENSION and data[start + 1] == _GRAPHIC_CONTROL:
            control = data[start:end]
    return found


def alone(data: bytes, frame: Frame) -> bytes:
    """A GIF of nothing but this frame, as large as it."""
    place = struct.pack("<4H", 0, 0, frame.width, frame.height)
    screen = data[:6] + place[4:] + data[10 : _first_block(data)]
    image = data[frame.at : frame.at + 1] + place + data[frame.at + 9 : frame.end]
    return b"".join((screen, frame.control, image, bytes((_TRAILER,))))


def strip(data: bytes) -> bytes:
    """Images, their timing, loops and colour profile stay; comments, text to be drawn (nobody draws it), XMP and trailers go."""
    if data[:6] not in (b"GIF87a", b"GIF89a"):
        raise damaged("GIF", "it does not start like one")
    parts, control = [data[: _first_block(data)]], b""  # a graphic control belongs to the next image or text
    for introducer, start, end in _blocks(data):
        if introducer == _IMAGE:
            parts += (control, data[start:end])
            control = b""
        elif introducer == _EXTENSION:
            label = data[start + 1]
            if label == _GRAPHIC_CONTROL:
                control = data[start:end]
            elif label == _PLAIN_TEXT:
                control = b""
            elif label == _APPLICATION and data[start + 3 : start + 14] in _APPLICATIONS:
                parts.append(data[start:end])
        else:  # the trailer, or what every viewer takes for the end
            parts.append(bytes((_TRAILER,)))
    return b"".join(parts)


def check_whole(data: bytes) -> None:
    """Raise `damaged` for a file that ends within a block, or before the frame it has announced, or that lacks pixels of a frame.

    The library leaves out later frames that are missing, and fills up one that is cut. A trailer that is missing loses nothing.
    """
    for introducer, start, end in _blocks(data):
        if introducer == _IMAGE:
            width, height = (int.from_bytes(data[at : at + 2], "little") for at in (start + 5, start + 7))
            codes = start + 10 + _colour_table(data, start + 9)
            if not lzw.holds(width * height, data[codes], _joined(data, codes + 1, end)):
                raise damaged("GIF", "pixels are missing")


def _blocks(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Introducer, start and end of each block; the last one is the trailer, or whatever else is none that goes on."""
    at, announced = _first_block(data), True  # a first frame goes without saying
    _within(data, at)
    while at < len(data):
        start, introducer = at, data[at]
        if introducer == _IMAGE:
            _within(data, at + 10)
            at, announced = _sub_blocks(data, at + 10 + _colour_table(data, at + 9) + 1), False
        elif introducer == _EXTENSION:
            _within(data, at + 3)
            at, announced = _sub_blocks(data, at + 2), announced or data[at + 1] == _GRAPHIC_CONTROL
        else:
            yield introducer, start, start + 1
            return
        yield introducer, start, at
    if announced:
        _within(data, at + 1)


def _first_block(data: bytes) -> int:
    return 13 + _colour_table(data, 10)


def _colour_table(data: bytes, at: int) -> int:
    """Length of the colour table that the packed byte at `at` announces."""
    _within(data, at + 1)
    packed = data[at]
    return 3 << ((packed & 7) + 1) if packed & 0x80 else 0


def _sub_blocks(data: bytes, at: int) -> int:
    """Where the chain of sub-blocks that starts at `at` ends."""
    while True:
        _within(data, at + 1)
        length = data[at]
        at += 1 + length
        if length == 0:
            return at


def _joined(data: bytes, at: int, end: int) -> bytes:
    """What is in the sub-blocks from `at` up to the empty one that ends them."""
    parts = []
    while at < end - 1:
        parts.append(data[at + 1 : at + 1 + data[at]])
        at += 1 + data[at]
    return b"".join(parts)


def _within(data: bytes, end: int) -> None:
    if end > len(data):
        raise damaged("GIF", "it is cut short")
