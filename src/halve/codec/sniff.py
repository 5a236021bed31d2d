"""What a file is, found from its first bytes alone: one of the kinds we read, or refused by its proper name."""

from __future__ import annotations

import re
from collections.abc import Callable
from enum import StrEnum

from halve.core.errors import ImageFailed
from halve.core.no_image import HEAD, is_svg, not_an_image


class Kind(StrEnum):
    """What can be read. The words are those of results: `format` of an image that is kept."""

    JPEG = "jpeg"
    PNG = "png"
    WEBP = "webp"
    GIF = "gif"
    TIFF = "tiff"
    AVIF = "avif"
    HEIC = "heic"
    BMP = "bmp"
    ICO = "ico"


_READ = (
    (b"\xff\xd8\xff", Kind.JPEG),
    (b"\x89PNG\r\n\x1a\n", Kind.PNG),
    (b"GIF87a", Kind.GIF),
    (b"GIF89a", Kind.GIF),
    (b"II*\0", Kind.TIFF),
    (b"MM\0*", Kind.TIFF),
    (b"II+\0", Kind.TIFF),  # BigTIFF
    (b"MM\0+", Kind.TIFF),
    (b"\0\0\1\0", Kind.ICO),
)

_AVIF_BRANDS = frozenset({b"avif", b"avis"})
_HEIC_BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"})
_OTHER_BRANDS = {b"crx ": "Canon raw", b"jp2 ": "JPEG 2000", b"jpx ": "JPEG 2000"}

_REFUSED = (
    (b"8BPS", "PSD"),
    (b"8BPB", "PSB"),
    (b"%!PS", "EPS"),
    (b"\xc5\xd0\xd3\xc6", "EPS"),
    (b"\xff\x0a", "JPEG XL"),
    (b"\0\0\0\x0cJXL \r\n\x87\n", "JPEG XL"),
    (b"\0\0\0\x0cjP  \r\n\x87\n", "JPEG 2000"),
    (b"\xff\x4f\xff\x51", "JPEG 2000"),
    (b"II\xbc", "JPEG XR"),
    (b"IIRO", "Olympus raw"),
    (b"IIRS", "Olympus raw"),
    (b"IIU\0", "Panasonic raw"),
    (b"FUJIFILMCCD-RAW", "Fujifilm raw"),
    (b"icns", "ICNS"),
    (b"gimp xcf", "XCF"),
    (b"qoif", "QOI"),
    (b"FLIF", "FLIF"),
    (b"BPG\xfb", "BPG"),
    (b"DDS ", "DDS"),
    (b"\x76\x2f\x31\x01", "OpenEXR"),
    (b"#?RADIANCE", "Radiance HDR"),
    (b"#?RGBE", "Radiance HDR"),
    (b"AT&TFORM", "DjVu"),
    (b"\xd7\xcd\xc6\x9a", "WMF"),
    (b"\x8aMNG", "MNG"),
    (b"\x8bJNG", "JNG"),
)


def sniff(data: bytes) -> Kind:
    """The kind of image that `data` is. Raises ImageFailed: `empty`, `unsupported_format`, `not_an_image`."""
    if not data:
        raise ImageFailed("empty answer", code="empty")
    for magic, kind in _READ:
        if data.startswith(magic):
            return kind
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return Kind.WEBP
    if data[4:8] == b"ftyp" and (found := _base_media(data)) is not None:
        return found
    if _is_bmp(data):
        return Kind.BMP
    raise _refusal(data)


def _is_bmp(data: bytes) -> bool:
    return data[:2] == b"BM" and len(data) >= 26 and int.from_bytes(data[14:18], "little") in (12, 16, 40, 52, 56, 64, 108, 124)


def _is_cursor(data: bytes) -> bool:
    """A TGA picture may begin like one, but has no first entry that leads into the file behind the directory."""
    count, at = int.from_bytes(data[4:6], "little"), int.from_bytes(data[18:22], "little")
    return data[:4] == b"\0\0\2\0" and count > 0 and data[9:10] == b"\0" and 6 + 16 * count <= at < len(data)


def _base_media(data: bytes) -> Kind | None:
    """ISO base media: the brands of its first box tell HEIC and AVIF from video."""
    size = min(max(int.from_bytes(data[:4], "big"), 16), 256)
    brands = {data[8:12], *(data[at : at + 4] for at in range(16, min(size, len(data)), 4))}
    if brands & _AVIF_BRANDS:
        return Kind.AVIF
    return Kind.HEIC if data[8:12] not in _OTHER_BRANDS and brands & _HEIC_BRANDS else None


def _refusal(data: bytes) -> ImageFailed:
    if said := not_an_image(data[:HEAD]):
        return ImageFailed(said, code="not_an_image")
    if name := _name(data):
        return ImageFailed(f"{name} is not supported", code="unsupported_format")
    words = data[:16].strip()
    shown = words.decode("ascii") if words.isascii() and words.decode("ascii").isprintable() else data[:8].hex(" ")
    return ImageFailed(f"not an image (starts with {shown or 'blanks'})", code="not_an_image")


def _name(data: bytes) -> str | None:
    """Of an image of a kind that is not read."""
    if named := next((name for magic, name in _REFUSED if data.startswith(magic)), None):
        return named
    if data[4:8] == b"ftyp":
        return _OTHER_BRANDS.get(data[8:12], "video (MP4)")
    if data[:4] == b"RIFF":
        return "CorelDRAW" if data[8:11] == b"CDR" else "this kind of RIFF file"
    return next((name for looks_like, name in _TOLD_BY_MORE if looks_like(data)), None)


def _is_emf(data: bytes) -> bool:
    return data[:4] == b"\1\0\0\0" and data[40:44] == b" EMF"


_TOLD_BY_MORE: tuple[tuple[Callable[[bytes], object], str], ...] = (
    (_is_cursor, "a cursor (CUR)"),
    (re.compile(rb"P[1-7][\s#]").match, "Netpbm"),
    (_is_emf, "EMF"),
    (lambda data: is_svg(data[:HEAD]), "SVG"),
)
