"""WebP: by RIFF chunk (RFC 9649, section 2)."""

from __future__ import annotations

from collections.abc import Iterator

from halve.codec.strip import exif
from halve.codec.strip.damage import damaged

_KEPT = frozenset({b"VP8 ", b"VP8L", b"ALPH", b"ICCP", b"ANIM", b"ANMF"})
_FRAME_HEADER = 16
_HAS_EXIF, _HAS_XMP, _HAS_ALPHA = 0x08, 0x04, 0x10
_FLAGS = 20  # where they are in a file that starts with VP8X


def strip(data: bytes) -> bytes:
    """Pixels, alpha, frames and colour profile stay; EXIF but for the orientation, XMP, unknown chunks and trailers go."""
    if data[:4] != b"RIFF" or data[8:12] != b"WEBP":
        raise damaged("WebP", "it does not start like one")
    end = 8 + int.from_bytes(data[4:8], "little")
    if end > len(data):
        raise damaged("WebP", "it is cut short")
    extended, parts, turned = b"", [], 0
    for kind, body in _chunks(data, 12, end):
        if kind == b"VP8X":
            extended = extended or body
        elif kind == b"EXIF" and extended[:1] and extended[0] & _HAS_EXIF:  # unannounced, it means nothing to anybody
            turned = turned or exif.orientation(body)
        elif kind == b"ANMF":
            parts.append(_chunk(kind, _frame(body)))
        elif kind in _KEPT:
            parts.append(_chunk(kind, body))
    if extended:
        if len(extended) < 10:
            raise damaged("WebP", "a short header")
        flags = extended[0] & ~(_HAS_EXIF | _HAS_XMP) | (_HAS_EXIF if turned > 1 else 0)
        parts.insert(0, _chunk(b"VP8X", bytes((flags,)) + extended[1:]))
        if turned > 1:
            parts.append(_chunk(b"EXIF", exif.minimal(turned)))
    body = b"WEBP" + b"".join(parts)
    return b"RIFF" + len(body).to_bytes(4, "little") + body


def said_to_have_alpha(data: bytes) -> bytes:
    """An animation that says so. libwebp has it say otherwise where each frame is opaque, though none covers all of a clear canvas:
    there, some viewers show black then.
    """
    return data[:_FLAGS] + bytes((data[_FLAGS] | _HAS_ALPHA,)) + data[_FLAGS + 1 :] if data[12:16] == b"VP8X" else data


def _frame(body: bytes) -> bytes:
    if len(body) < _FRAME_HEADER:
        raise damaged("WebP", "a short frame")
    inner = (_chunk(kind, part) for kind, part in _chunks(body, _FRAME_HEADER, len(body)) if kind in _KEPT)
    return body[:_FRAME_HEADER] + b"".join(inner)


def _chunks(data: bytes, at: int, end: int) -> Iterator[tuple[bytes, bytes]]:
    while at + 8 <= end:
        kind, length = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "little")
        if at + 8 + length > end:
            raise damaged("WebP", "a chunk that is too long")
        yield kind, data[at + 8 : at + 8 + length]
        at += 8 + length + (length & 1)


def _chunk(kind: bytes, body: bytes) -> bytes:
    return kind + len(body).to_bytes(4, "little") + body + b"\0" * (len(body) & 1)
