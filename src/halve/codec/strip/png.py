"""PNG and APNG: by chunk (PNG Specification, third edition, chapters 5 and 11)."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

from halve.codec.strip import exif
from halve.codec.strip.damage import damaged
from halve.core.errors import ImageFailed

SIGNATURE = b"\x89PNG\r\n\x1a\n"
COLOUR = (b"cICP", b"mDCV", b"cLLI", b"iCCP", b"sRGB", b"gAMA", b"cHRM")
"""Chunks that say what the numbers of the pixels mean; all stand before the palette and the pixels."""

_LOOK = frozenset({*COLOUR, b"tRNS", b"bKGD", b"sBIT", b"pHYs", b"acTL", b"fcTL", b"fdAT"})


def chunks(data: bytes) -> Iterator[tuple[bytes, bytes, bytes]]:
    """Each chunk up to IEND as `(type, body, all of it)`. IEND may be cut or missing: behind pixels, nothing is lost by that."""
    if data[:8] != SIGNATURE:
        raise damaged("PNG", "it does not start like one")
    at, kind = 8, b""
    while True:
        if at + 12 > len(data):
            if kind not in (b"IDAT", b"fdAT"):
                raise damaged("PNG", "it is cut short")
            yield b"IEND", b"", data[at:]
            return
        length, kind = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
        end = at + 12 + length
        if end > len(data):
            raise damaged("PNG", "it is cut short")
        yield kind, data[at + 8 : end - 4], data[at:end]
        if kind == b"IEND":
            return
        at = end


def chunk(kind: bytes, body: bytes) -> bytes:
    return len(body).to_bytes(4, "big") + kind + body + zlib.crc32(kind + body).to_bytes(4, "big")


def strip(data: bytes) -> bytes:
    """Critical chunks and those that decide the look stay; text, time, EXIF but for the orientation, and unknown ones go."""
    parts, turned = [SIGNATURE], 0
    for kind, body, whole in chunks(data):
        if kind == b"eXIf":
            if not turned and (turned := exif.orientation(body)) != 1:
                parts.append(chunk(b"eXIf", exif.minimal(turned)))
        elif kind in _LOOK or not kind[0] & 0x20:  # a lower case first letter: not critical
            parts.append(whole)
    return b"".join(parts)


def without(data: bytes, unwanted: bytes) -> bytes:
    """The file without its chunks of that kind."""
    return b"".join([SIGNATURE, *(whole for kind, _, whole in chunks(data) if kind != unwanted)])


def is_animated(data: bytes) -> bool:
    """Whether it is an APNG: an acTL chunk before the pixels, and a frame. To every viewer, others are stills."""
    announced = False
    for kind, _, _ in chunks(data):
        if kind == b"IDAT" and not announced:
            return False
        if kind == b"fcTL" and announced:
            return True
        announced = announced or kind == b"acTL"
    return False


def orientation(data: bytes) -> int:
    """What its first eXIf chunk says, before its pixels or behind them; 1 where there is none that the file can be followed to."""
    try:
        return next((exif.orientation(body) for kind, body, _ in chunks(data) if kind == b"eXIf"), 1)
    except ImageFailed:
        return 1


def colour_chunks(data: bytes) -> dict[bytes, bytes]:
    """The bodies of the chunks in `COLOUR` that are there; of several the first, as in libpng."""
    found = dict[bytes, bytes]()
    for kind, body, _ in chunks(data):
        if kind in COLOUR:
            found.setdefault(kind, body)
        elif kind == b"IDAT":
            break
    return found


def colour_code(data: bytes) -> tuple[int, int] | None:
    """Primaries and transfer as a cICP chunk has them (ITU-T H.273); None where there is none."""
    body = colour_chunks(data).get(b"cICP", b"")
    return (body[0], body[1]) if len(body) == 4 else None


def with_colour(data: bytes, colour: dict[bytes, bytes]) -> bytes:
    """`data` with these colour chunks in place of its own."""
    parts = [SIGNATURE]
    for kind, _, whole in chunks(data):
        if kind not in COLOUR:
            parts.append(whole)
        if kind == b"IHDR":
            parts += (chunk(name, colour[name]) for name in COLOUR if name in colour)
    return b"".join(parts)
