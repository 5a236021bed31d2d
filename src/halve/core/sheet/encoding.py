"""Which characters the bytes stand for: UTF-8 with or without BOM, UTF-16 with BOM, else Windows-1252.

The whole file is looked through once before anything else happens: an accented letter in the last row decides as well as
one in the first, and what was found here cannot fail later.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from dataclasses import dataclass

from halve.core.errors import SheetRefused
from halve.core.sheet import findings
from halve.core.sheet.source import Source

_CONTROLS = "".join(map(chr, (*range(1, 9), *range(14, 26), *range(27, 32), 127)))
"""Control characters that no sheet has, or but few. Without tab, line ends, form feed, and the Ctrl-Z that ends DOS files."""

_CONTROL_SHARE = 0.05
"""More of them than this are no text. Of random or packed bytes they are 0.11; of the shortest sheet, one is 0.015."""


@dataclass(frozen=True, slots=True)
class Encoding:
    """`codec`: Python's name of an encoding without BOM. `bom`: the bytes before the text."""

    codec: str
    bom: bytes = b""

    @property
    def guessed(self) -> bool:
        """Whether it may be another: in this one, nearly all bytes mean something."""
        return self.codec == "cp1252"

    def texts(self, source: Source) -> Iterator[str]:
        """The file's characters, without BOM, in pieces; line ends as they are."""
        try:
            yield from self._decode(source)
        except UnicodeDecodeError as error:
            raise SheetRefused([findings.not_text(f"it is not all {self.codec} ({error.reason})")]) from None

    def _decode(self, source: Source) -> Iterator[str]:
        decoder = codecs.getincrementaldecoder(self.codec)("strict")
        skip = len(self.bom)
        for chunk in source.chunks():  # the first is longer than any BOM: a file's reads come short at its end alone
            yield decoder.decode(chunk[skip:] if skip else chunk)
            skip = 0
        yield decoder.decode(b"", final=True)

    def encodable(self, text: str) -> str:
        """The text with `?` for each character that the encoding has not."""
        return text if text.isascii() else text.encode(self.codec, "replace").decode(self.codec)


_MARKED = (
    Encoding("utf-8", codecs.BOM_UTF8),
    Encoding("utf-16-le", codecs.BOM_UTF16_LE),
    Encoding("utf-16-be", codecs.BOM_UTF16_BE),
)
_UNMARKED = (Encoding("utf-8"), Encoding("cp1252"))


def find_encoding(source: Source) -> Encoding:
    """Raises SheetRefused for what is not text, or in none of these encodings."""
    chunks = source.chunks()
    head = next(chunks, b"")
    chunks.close()
    marked = [encoding for encoding in _MARKED if head.startswith(encoding.bom)]
    for encoding in marked or _UNMARKED:
        fault = _fault(encoding, source)
        if fault is None:
            return encoding
    raise SheetRefused([findings.not_text(fault or "")])


def charset(head: bytes, *, whole: bool) -> str | None:
    """What the encoding of a sheet that begins so is called in a media type, None where its beginning does not tell. `whole`:
    nothing follows. The sheet is one that `find_encoding` took, or was made of it.
    """
    if head.startswith(codecs.BOM_UTF8):
        return "utf-8"
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    try:
        text = codecs.getincrementaldecoder("utf-8")().decode(head, final=whole)
    except UnicodeDecodeError:
        return "windows-1252"
    return "utf-8" if whole or not text.isascii() else None


def _fault(encoding: Encoding, source: Source) -> str | None:
    """Why the source is no text in this encoding, None if it is."""
    lines = 1
    looked = False
    texts = encoding._decode(source)
    while True:
        try:
            text = next(texts, None)
        except UnicodeDecodeError as error:
            lines += error.object[: error.start].count(b"\n")
            names = "UTF-8" if encoding.codec == "utf-8" else "UTF-16" if encoding.bom else "UTF-8, UTF-16 with BOM or Windows-1252"
            return f"about line {lines} there are bytes that are not {names}"
        if text is None:
            return None
        if "\0" in text:
            return "it has NUL characters, as binary files do, or UTF-16 without BOM"
        if not looked and text:
            looked = True
            if sum(map(text.count, _CONTROLS)) > _CONTROL_SHARE * len(text):
                return "it is full of control characters, as binary files are"
        lines += text.count("\n")
