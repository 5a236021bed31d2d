"""The one thing of EXIF that decides how a picture looks: its orientation (Exif 2.32, tag 0x0112)."""

from __future__ import annotations

import re
import struct

_ORIENTATION = 0x0112
_INTEGERS = {1: "B", 3: "H", 4: "I", 6: "b", 8: "h", 9: "i"}  # it should be an H; libvips, which turns pictures, reads them all
_ENTRIES = (  # how an entry of it starts, in either byte order: tag and type; and how one that says upright goes on behind the tag
    (re.compile(rb"\x01\x12(?=\0[\x01-\x0c])"), b"\0\3\0\0\0\1\0\1"),
    (re.compile(rb"\x12\x01(?=[\x01-\x0c]\0)"), b"\3\0\1\0\0\0\1\0"),
)


def orientation(block: bytes) -> int:
    """The orientation, 1 to 8, of an EXIF block; 1 where it does not say, or is broken.

    It starts with its TIFF header. Outside JPEG, `Exif` before that is a mistake which many make and most readers forgive.
    """
    block = block.removeprefix(b"Exif\0\0")
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(block[:4])
    if order is None or len(block) < 8:
        return 1
    (at,) = struct.unpack_from(order + "I", block, 4)
    if at + 2 > len(block):
        return 1
    (count,) = struct.unpack_from(order + "H", block, at)
    for entry in range(at + 2, min(at + 2 + 12 * count, len(block) - 11), 12):
        tag, kind, values = struct.unpack_from(order + "HHI", block, entry)
        if tag == _ORIENTATION:
            code = _INTEGERS.get(kind)
            if code is None or not 1 <= values <= 4 // struct.calcsize(code):
                return 1
            (value,) = struct.unpack_from(order + code, block, entry + 8)
            return value if 1 <= value <= 8 else 1
    return 1


def surely_upright(segment: bytes) -> bool:
    """Whether there is nothing in it that anybody could read as another orientation, however broken it is."""
    return all(segment.startswith(upright, entry.end()) for form, upright in _ENTRIES for entry in form.finditer(segment))


def minimal(orientation: int) -> bytes:
    """The smallest EXIF block that states this orientation: a TIFF header and one entry, 26 bytes."""
    return struct.pack(">2sHIHHHIHHI", b"MM", 42, 8, 1, _ORIENTATION, 3, 1, orientation, 0, 0)
