"""What a file is, found from its first bytes alone: one of the kinds we read, or refused by its proper name."""

from __future__ import annotations

import re
from enum import StrEnum

from halve.core.errors import ImageFailed


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
_OTHER_BRANDS = {b"crx ": "Canon raw", b"jp2 ": "JPEG 2000", b"jpx ": "JPEG 2000", b"qt  ": "video (QuickTime)"}

_REFUSED = (
    (b"%PDF", "PDF"),
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
    (b"\x1aE\xdf\xa3", "video (WebM or Matroska)"),
    (b"FLV\x01", "video (Flash)"),
    (b"\0\0\x01\xba", "video (MPEG)"),
    (b"\0\0\x01\xb3", "video (MPEG)"),
    (b"OggS", "Ogg"),
    (b"ID3", "audio (MP3)"),
    (b"fLaC", "audio (FLAC)"),
)
_REFUSED_IN_RIFF = {b"AVI ": "video (AVI)", b"WAVE": "audio (WAV)", b"CDR": "CorelDRAW"}

_NO_IMAGE = (
    (b"PK\x03\x04", "a ZIP archive, or an Office file"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"Rar!", "a RAR archive"),
    (b"7z\xbc\xaf", "a 7-Zip archive"),
    (b"\xd0\xcf\x11\xe0", "an old Office file"),
    (b"\x7fELF", "a program"),
    (b"MZ", "a program"),
)

_MARKUP_SPAN = 4096  # bytes in which markup says what it is
_SVG = re.compile(rb"<(?:\w+:)?svg[\s>]", re.IGNORECASE)
_HTML = re.compile(rb"<(?:!doctype\s+html|html|head|body|script|title|meta|div|p|h1|a)[\s>/]", re.IGNORECASE)
_NETPBM = re.compile(rb"P[1-7][\s#]")


def sniff(data: bytes) -> Kind:
    """The kind of image that `data` is. Raises ImageFailed: `empty`, `unsupported_format`, `not_an_image`."""
    if not data:
        raise ImageFailed("empty answer", code="empty")
    for magic, kind in _READ:
        if data.startswith(magic):
            return kind
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return Kind.WEBP
    if data[4:8] == b"ftyp":
        return _base_media(data)
    if _is_bmp(data):
        return Kind.BMP
    raise _refusal(data)


def _is_bmp(data: bytes) -> bool:
    return data[:2] == b"BM" and len(data) >= 26 and int.from_bytes(data[14:18], "little") in (12, 16, 40, 52, 56, 64, 108, 124)


def _is_cursor(data: bytes) -> bool:
    """A TGA picture may begin like one, but has no first entry that leads into the file behind the directory."""
    count, at = int.from_bytes(data[4:6], "little"), int.from_bytes(data[18:22], "little")
    return data[:4] == b"\0\0\2\0" and count > 0 and data[9:10] == b"\0" and 6 + 16 * count <= at < len(data)


def _base_media(data: bytes) -> Kind:
    """ISO base media: the brands of its first box tell HEIC and AVIF from video."""
    size = min(max(int.from_bytes(data[:4], "big"), 16), 256)
    major = data[8:12]
    brands = [major, *(data[at : at + 4] for at in range(16, min(size, len(data)), 4))]
    if any(brand in _AVIF_BRANDS for brand in brands):
        return Kind.AVIF
    if major in _OTHER_BRANDS:
        raise _unsupported(_OTHER_BRANDS[major])
    if any(brand in _HEIC_BRANDS for brand in brands):
        return Kind.HEIC
    raise _unsupported("video (MP4)")


def _refusal(data: bytes) -> ImageFailed:
    named = next((name for magic, name in _REFUSED if data.startswith(magic)), "a cursor (CUR)" if _is_cursor(data) else None)
    if named:
        return _unsupported(named)
    if data[:4] == b"RIFF":
        return _unsupported(_REFUSED_IN_RIFF.get(data[8:12].rstrip(b"0123456789"), "this kind of RIFF file"))
    if _NETPBM.match(data):
        return _unsupported("Netpbm")
    if data[40:44] == b" EMF" and data[:4] == b"\1\0\0\0":
        return _unsupported("EMF")
    for magic, name in _NO_IMAGE:
        if data.startswith(magic):
            return _not_an_image(name)
    return _refused_text(data)


def _refused_text(data: bytes) -> ImageFailed:
    start = data[:_MARKUP_SPAN]
    if start[:2] in (b"\xff\xfe", b"\xfe\xff"):  # UTF-16: drop the zeros of what is ASCII in it
        start = start[2:].replace(b"\0", b"")
    start = start.removeprefix(b"\xef\xbb\xbf").lstrip()
    svg, html = _SVG.search(start), _HTML.search(start)
    if start.startswith(b"<"):
        if svg and not (html and html.start() < svg.start()):
            return _unsupported("SVG")
        if html:
            return _not_an_image("an HTML page, perhaps a login")
        return _not_an_image("an XML document")
    if start[:1] in (b"{", b"["):
        return _not_an_image("JSON, perhaps an error message")
    if start.startswith(b"data:"):
        return _not_an_image("a data: URL")
    words = data[:16]
    shown = words.decode("ascii").strip() if words.isascii() and words.decode("ascii").isprintable() else words[:8].hex(" ")
    return _not_an_image(f"not an image (starts with {shown or 'blanks'})")


def _unsupported(name: str) -> ImageFailed:
    return ImageFailed(f"{name} is not supported", code="unsupported_format")


def _not_an_image(what: str) -> ImageFailed:
    return ImageFailed(what, code="not_an_image")
