"""What a body is when it is no image: named from its first bytes, never from its name or its `Content-Type`.

A download is given up by these as soon as there are enough of it, and the codec goes by the same. Anything that might be an image
passes, the unusual ones too: what cannot be decoded, the codec names.
"""

from __future__ import annotations

import re

from halve.core.visible import legible

HEAD = 512
"""How many bytes are enough to tell."""

_SIGNATURES = (
    (b"%PDF-", "a PDF document"),
    (b"PK\x03\x04", "a ZIP archive"),
    (b"PK\x05\x06", "a ZIP archive"),
    (b"Rar!\x1a\x07", "a RAR archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"BZh", "a bzip2 archive"),
    (b"\xfd7zXZ\x00", "an xz archive"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Office document"),
    (b"{\\rtf", "an RTF document"),
    (b"\x1a\x45\xdf\xa3", "a video"),
    (b"FLV\x01", "a video"),
    (b"\x00\x00\x01\xba", "a video"),
    (b"\x00\x00\x01\xb3", "a video"),
    (b"OggS", "an audio or video file"),
    (b"ID3", "an audio file"),
    (b"fLaC", "an audio file"),
    (b"\x7fELF", "a program"),
    (b"MZ\x90\x00", "a program"),
    (b"wOFF", "a font"),
    (b"wOF2", "a font"),
)

_VIDEO_BRANDS = (
    b"isom",
    b"iso2",
    b"iso4",
    b"iso5",
    b"iso6",
    b"mp41",
    b"mp42",
    b"avc1",
    b"qt  ",
    b"M4V ",
    b"M4A ",
    b"3gp4",
    b"3gp5",
)
"""Major brands of ISO base media files that hold no still image; HEIC and AVIF have others (ISO/IEC 14496-12, 23008-12)."""

_IMAGES_IN_TEXT = re.compile(rb"P[1-7fF]\s|#\?(RADIANCE|RGBE)|/\* XPM|#define\s|GIF8|BM|II|MM|8BPS|SIMPLE  =|%!PS|gimp xcf")
"""Beginnings that are printable and yet an image's (PNM, Radiance, XPM, XBM, FITS, PostScript …)."""

_HTML = re.compile(
    rb"<!doctype\s+html|<(html|head|body|title|script|meta|table|div|p|h1|br|center|iframe|style)[\s>/]", re.IGNORECASE
)
_SVG = re.compile(rb"<([\w.-]+:)?svg[\s>]", re.IGNORECASE)
_TEXTS = (
    (_HTML, "an HTML page, perhaps a login"),
    (re.compile(rb"<"), "an XML document, not an image"),
    (re.compile(rb"[{\[]\s*[\"{\[\]}]"), "a JSON document, not an image"),
    (re.compile(rb"data:image/|/9j/|iVBORw0KGgo"), "an image written out as Base64, not as an image"),
    (re.compile(rb"version https://git-lfs"), "a Git LFS pointer, not the image"),
)
_COMMENTS = re.compile(rb"(\s+|<!--.*?-->|<\?.*?\?>)+", re.DOTALL)
_BOMS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))


def not_an_image(head: bytes) -> str | None:
    """What the body is, as the sheet says it; None where it is an image or may be one. `head`: the first bytes, up to `HEAD`."""
    for signature, what in _SIGNATURES:
        if head.startswith(signature):
            return f"{what}, not an image"
    if head[4:8] == b"ftyp" and head[8:12] in _VIDEO_BRANDS:
        return "a video, not an image"
    if head[:4] == b"RIFF" and head[8:12] in (b"AVI ", b"WAVE"):
        return "an audio or video file, not an image"
    text = _without_bom(head)
    if is_svg(text):
        return None
    start = _behind_comments(text)
    for beginning, what in _TEXTS:  # in any encoding that has ASCII's letters: many a server's pages are in an old one
        if beginning.match(start):
            return what
    quoted = _quote(text) if _is_plain_text(text) else ""
    return f"not an image (starts with {quoted})" if quoted else None  # the codec tells of what cannot be seen


def is_svg(head: bytes) -> bool:
    """Whether it is markup that has an SVG in it, and is no page that merely shows one."""
    text = _without_bom(head).lstrip()
    return text.startswith(b"<") and _SVG.search(text) is not None and not _HTML.match(_behind_comments(text))


def _without_bom(head: bytes) -> bytes:
    """The head as UTF-8, if it is text that says which encoding it has; any other as it is."""
    for bom, encoding in _BOMS:
        if head.startswith(bom):
            return head[len(bom) :].decode(encoding, "ignore").encode("utf-8", "ignore")
    return head


def _behind_comments(text: bytes) -> bytes:
    comments = _COMMENTS.match(text)
    return text[comments.end() :] if comments else text


def _is_plain_text(text: bytes) -> bool:
    if _IMAGES_IN_TEXT.match(text) or any(byte < 32 and byte not in b"\t\n\f\r\x1b" for byte in text):
        return False
    try:
        text.decode("utf-8")
    except UnicodeDecodeError as error:
        return error.start >= len(text) - 3  # a letter that is merely cut
    return True


def _quote(text: bytes) -> str:
    line = legible(" ".join(text.decode("utf-8", "ignore").split()), "")
    return f"“{line[:40].rstrip()}…”" if len(line) > 40 else f"“{line}”" if line else ""
