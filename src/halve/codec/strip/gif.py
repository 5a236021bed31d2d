"""GIF: by block (GIF89a, sections 17 to 27)."""

from __future__ import annotations

from halve.codec.strip.damage import damaged

_TRAILER, _IMAGE, _EXTENSION = 0x3B, 0x2C, 0x21
_GRAPHIC_CONTROL, _PLAIN_TEXT, _APPLICATION = 0xF9, 0x01, 0xFF
_APPLICATIONS = frozenset({b"NETSCAPE2.0", b"ANIMEXTS1.0", b"ICCRGBG1012"})  # loops, and the colour profile


def strip(data: bytes) -> bytes:
    """Images, their timing, loops and colour profile stay; comments, text to be drawn (nobody draws it), XMP and trailers go."""
    if data[:6] not in (b"GIF87a", b"GIF89a"):
        raise damaged("GIF", "it does not start like one")
    at = 13 + _colour_table(data, 10)
    _within(data, at)
    parts, control = [data[:at]], b""  # a graphic control belongs to the next image or text
    while True:
        _within(data, at + 1)
        start, introducer = at, data[at]
        if introducer == _TRAILER:
            parts.append(b"\x3b")
            return b"".join(parts)
        if introducer == _IMAGE:
            _within(data, at + 10)
            at = _sub_blocks(data, at + 10 + _colour_table(data, at + 9) + 1)
            parts += (control, data[start:at])
            control = b""
        elif introducer == _EXTENSION:
            _within(data, at + 3)
            label, at = data[at + 1], _sub_blocks(data, at + 2)
            if label == _GRAPHIC_CONTROL:
                control = data[start:at]
            elif label == _PLAIN_TEXT:
                control = b""
            elif label == _APPLICATION and data[start + 3 : start + 14] in _APPLICATIONS:
                parts.append(data[start:at])
        else:
            raise damaged("GIF", f"an unknown block at byte {at}")


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


def _within(data: bytes, end: int) -> None:
    if end > len(data):
        raise damaged("GIF", "it is cut short")
