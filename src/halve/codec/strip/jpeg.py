"""JPEG: by marker segment (ITU T.81, B.1.1.4)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from halve.codec.strip import exif
from halve.codec.strip.damage import damaged

_SOS, _EOI, _COM, _APP1 = 0xDA, 0xD9, 0xFE, 0xE1
_ADOBE = 12  # bytes up to the colour transform; nobody reads what follows
_STANDALONE = frozenset({0x01, *range(0xD0, 0xD8)})  # TEM and restart markers have no length
_NEXT_MARKER = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")  # within coded data: neither a stuffed zero, nor a restart, nor fill


def strip(data: bytes) -> bytes:
    """All but APPn and COM stays. Of those: JFIF without its thumbnail, the ICC profile, Adobe's colour transform, and the
    orientation. What follows the end of the image (further pictures, videos, anything) goes.
    """
    if data[:2] != b"\xff\xd8":
        raise damaged("JPEG", "it does not start like one")
    parts, at, seen = [b"\xff\xd8"], 2, set[str]()
    while True:
        marker, at = _marker(data, at)
        if marker == _EOI:
            parts.append(b"\xff\xd9")
            return b"".join(parts)
        if marker in _STANDALONE:
            continue
        if at + 2 > len(data):
            raise damaged("JPEG", "it ends within a segment")
        end = at + int.from_bytes(data[at : at + 2], "big")
        if end < at + 2 or end > len(data):
            raise damaged("JPEG", f"a segment at byte {at} that is too long")
        if 0xE0 <= marker <= 0xEF or marker == _COM:
            parts.append(_kept(marker, data[at + 2 : end], seen))
            at = end
            continue
        if marker == _SOS:
            following = _NEXT_MARKER.search(data, end)
            if following is None:  # it lacks its end mark; whether anything else, its pixels tell
                return b"".join((*parts, bytes((0xFF, marker)), data[at:], b"\xff\xd9"))
            end = following.start()
        parts += (bytes((0xFF, marker)), data[at:end])
        at = end


def least_left(data: bytes) -> int:
    """A number of bytes that `strip` will leave at least, found without reading the coded data.

    Only a file with more pictures behind the first, and no word of them in its header, may be left with less.
    """
    if not data.endswith(b"\xff\xd9"):
        return 0  # something trails behind it
    left, seen = len(data), set[str]()
    for marker, at, end in _header(data):
        if marker == _SOS:
            return left
        if 0xE0 <= marker <= 0xEF or marker == _COM:
            if data[at + 2 : at + 6] == b"MPF\0":
                return 0  # more pictures behind the first
            left -= 2 + end - at - len(_kept(marker, data[at + 2 : end], seen))
    return 0


def lies_upright(data: bytes) -> bool:
    """Whether it is for certain that its header asks for no turning, whoever reads it. False where it cannot be followed."""
    for marker, at, end in _header(data):
        if marker == _SOS:
            return True
        if marker == _APP1 and not exif.surely_upright(data[at + 2 : end]):
            return False
    return False


def orientation(data: bytes) -> int:
    """What its first EXIF segment says; 1 where there is none that its header can be followed to."""
    bodies = ((marker, data[at + 2 : end]) for marker, at, end in _header(data))
    return next((exif.orientation(body[6:]) for marker, body in bodies if _is_exif(marker, body)), 1)


def _header(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Marker, start (with the length) and end of one segment after the other, the first SOS the last of them. Ends before it where
    it cannot be followed.
    """
    at = 2
    while following := _NEXT_MARKER.search(data, at):
        marker, at = data[following.end() - 1], following.end()
        if marker in _STANDALONE:
            continue
        end = at + int.from_bytes(data[at : at + 2], "big")
        if marker == _EOI or not at + 2 <= end <= len(data):
            return
        yield marker, at, end
        if marker == _SOS:
            return
        at = end


def _marker(data: bytes, at: int) -> tuple[int, int]:
    """The next marker from `at` and what follows it. Stray bytes before it are skipped, as every decoder does."""
    following = _NEXT_MARKER.search(data, at)
    if following is None:
        raise damaged("JPEG", "it has no end")
    return data[following.end() - 1], following.end()


def _kept(marker: int, body: bytes, seen: set[str]) -> bytes:
    """What stays of an application segment or comment: nothing, all, or less."""
    if marker == 0xE0 and body[:5] == b"JFIF\0" and len(body) >= 14 and "JFIF" not in seen:
        seen.add("JFIF")
        return _segment(marker, body[:12] + b"\0\0")  # thumbnail of 0 by 0 pixels
    if _is_exif(marker, body) and "Exif" not in seen:
        seen.add("Exif")
        turned = exif.orientation(body[6:])
        return _segment(marker, b"Exif\0\0" + exif.minimal(turned)) if turned != 1 else b""
    if marker == 0xEE and body[:5] == b"Adobe":
        return _segment(marker, body[:_ADOBE])
    if marker == 0xE2 and body[:12] == b"ICC_PROFILE\0":
        return _segment(marker, body)
    return b""


def _is_exif(marker: int, body: bytes) -> bool:
    """One that is empty is none, as in browsers: the picture's own may stand behind it."""
    return marker == _APP1 and body[:6] == b"Exif\0\0" and len(body) > 6


def _segment(marker: int, body: bytes) -> bytes:
    return bytes((0xFF, marker)) + (len(body) + 2).to_bytes(2, "big") + body
