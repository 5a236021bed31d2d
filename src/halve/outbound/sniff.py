"""What a body is when it is no image: named from its first bytes, never from its name or its `Content-Type`.

Anything that might be an image passes, the unusual ones too: what cannot be decoded, the codec names.
"""

from __future__ import annotations

import re

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

_TEXTS = tuple(
    (re.compile(beginning, re.IGNORECASE), what)
    for beginning, what in (
        (
            rb"<!doctype\s+html|<(html|head|body|title|script|meta|table|div|p|h1|br|center|iframe|style)[\s>/]",
            "an HTML page, perhaps a login",
        ),
        (rb"<", "an XML document, not an image"),
        (rb"[{\[]\s*[\"{\[\]}]", "a JSON document, not an image"),
        (rb"data:image/|/9j/|iVBORw0KGgo", "an image written out as Base64, not as an image"),
        (rb"version https://git-lfs", "a Git LFS pointer, not the image"),
    )
)
_SVG = re.compile(rb"<([\w.-]+:)?svg[\s>]", re.IGNORECASE)
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
    text = _text(head)
    return _kind_of_text(text) if text is not None else None


def _text(head: bytes) -> bytes | None:
    """The head as UTF-8 without BOM if it is text that is no image's, else None."""
    for bom, encoding in _BOMS:
        if head.startswith(bom):
            whole = head[len(bom) : len(bom) + (len(head) - len(bom)) // 2 * 2] if encoding != "utf-8" else head[3:]
            head = whole.decode(encoding, "ignore").encode("utf-8", "ignore")
            break
    if _IMAGES_IN_TEXT.match(head) or any(byte < 32 and byte not in b"\t\n\f\r\x1b" for byte in head):
        return None
    try:
        head.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.start < len(head) - 3:  # not a letter that is merely cut
            return None
    return head


def _kind_of_text(text: bytes) -> str | None:
    if _SVG.search(text):
        return None
    comments = _COMMENTS.match(text)
    start = text[comments.end() :] if comments else text
    for beginning, what in _TEXTS:
        if beginning.match(start):
            return what
    return f"not an image (starts with {_quote(text)})"


def _quote(text: bytes) -> str:
    line = " ".join(text.decode("utf-8", "ignore").split())
    line = "".join(letter for letter in line if letter.isprintable())
    return f"“{line[:40].rstrip()}…”" if len(line) > 40 else f"“{line}”"
