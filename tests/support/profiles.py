"""Small ICC profiles (ICC.1:2022, matrix and tone curve), made here so that no one's property travels with the tests."""

from __future__ import annotations

import struct

# Primaries in PCS XYZ (D50), by column: red, green, blue.
SRGB = ((0.4361, 0.2225, 0.0139), (0.3851, 0.7169, 0.0971), (0.1431, 0.0606, 0.7141))
WIDE = ((0.5151, 0.2412, -0.0011), (0.2920, 0.6922, 0.0419), (0.1571, 0.0666, 0.7841))  # Display P3's
SWAPPED = (SRGB[1], SRGB[2], SRGB[0])  # red is shown green, green blue, blue red: nobody can overlook it
_WHITE = (0.9642, 1.0, 0.8249)


def rgb_profile(primaries: tuple[tuple[float, float, float], ...] = WIDE, gamma: float = 2.2) -> bytes:
    """A display profile of these primaries."""
    red, green, blue = primaries
    curve = _curve(gamma)
    tags = [(b"rXYZ", _xyz(red)), (b"gXYZ", _xyz(green)), (b"bXYZ", _xyz(blue)), (b"wtpt", _xyz(_WHITE))]
    tags += [(b"rTRC", curve), (b"gTRC", curve), (b"bTRC", curve)]
    return _profile(b"RGB ", tags)


def grey_profile(gamma: float = 1.0) -> bytes:
    """A grey display profile of this gamma."""
    return _profile(b"GRAY", [(b"wtpt", _xyz(_WHITE)), (b"kTRC", _curve(gamma))])


def _profile(space: bytes, tags: list[tuple[bytes, bytes]]) -> bytes:
    tags = [(b"desc", _text("test")), (b"cprt", _text("CC0")), *tags]
    directory, body, at = b"", b"", 128 + 4 + 12 * len(tags)
    for name, value in tags:
        padded = value + b"\0" * (-len(value) % 4)
        directory += struct.pack(">4sII", name, at + len(body), len(value))
        body += padded
    size = at + len(body)
    header = struct.pack(">I4sI4s4s4s12s4s", size, b"\0\0\0\0", 0x04200000, b"mntr", space, b"XYZ ", b"\0" * 12, b"acsp")
    header = header.ljust(68, b"\0") + _fixed(_WHITE)
    return header.ljust(128, b"\0") + struct.pack(">I", len(tags)) + directory + body


def _xyz(value: tuple[float, float, float]) -> bytes:
    return b"XYZ \0\0\0\0" + _fixed(value)


def _curve(gamma: float) -> bytes:
    return b"para\0\0\0\0\0\0\0\0" + struct.pack(">i", round(gamma * 65536))


def _fixed(values: tuple[float, ...]) -> bytes:
    return struct.pack(f">{len(values)}i", *(round(value * 65536) for value in values))


def _text(words: str) -> bytes:
    encoded = words.encode("utf-16-be")
    return b"mluc\0\0\0\0" + struct.pack(">II2s2sII", 1, 12, b"en", b"US", len(encoded), 28) + encoded
