"""Cutting the metadata out of a file without encoding its picture again: by segment, chunk, block or box.

What decides how the picture looks stays: pixels, colour profile, alpha, frames and their timing, orientation (in the smallest
EXIF block that can say it). What tells of people, places and programs goes: EXIF with GPS and thumbnail, XMP, IPTC, comments,
makers' notes, and whatever trails behind the picture's end. In containers whose parts are found by offset (TIFF, HEIC, AVIF)
nothing moves: parts are blanked in place, and the end is cut off.

Every length and offset is checked against the file. A file that cannot be followed raises ImageFailed, code `damaged`.
"""

from __future__ import annotations

from collections.abc import Callable

from halve.codec.sniff import Kind
from halve.codec.strip import base_media, bmp, gif, ico, jpeg, png, tiff, webp


def strip(data: bytes, kind: Kind) -> bytes:
    """The same picture without its metadata; never longer but for a rewritten orientation or a missing end mark."""
    return _STRIPPERS[kind](data)


def least_left(data: bytes, kind: Kind) -> int:
    """A number of bytes that `strip` will leave at least; 0 where only stripping itself can tell."""
    return jpeg.least_left(data) if kind is Kind.JPEG else 0


_STRIPPERS: dict[Kind, Callable[[bytes], bytes]] = {
    Kind.JPEG: jpeg.strip,
    Kind.PNG: png.strip,
    Kind.WEBP: webp.strip,
    Kind.GIF: gif.strip,
    Kind.TIFF: tiff.strip,
    Kind.AVIF: base_media.strip,
    Kind.HEIC: base_media.strip,
    Kind.BMP: bmp.strip,
    Kind.ICO: ico.strip,
}
