"""The file's bytes: gz undone, size bounded, and whatever is plainly no sheet known by its first bytes."""

from __future__ import annotations

import gzip
import re
import stat
import zlib
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from halve.core.errors import SheetRefused, StoreFailed
from halve.core.sheet import findings
from halve.core.sheet.limits import UNPACKED_SHARE

CHUNK = 256 * 1024
"""Bytes read at once."""

_GZIP = b"\x1f\x8b"

_ZIP = b"PK\x03\x04"
_EMPTY_ZIP = b"PK\x05\x06"
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"  # Compound File Binary, the container of XLS
_XLSX_PARTS = (b"[Content_Types].xml", b"xl/", b"_rels/", b"docProps/")
_ODS_TYPE = b"opendocument.spreadsheet"

_KINDS = {
    b"%PDF-": "it is a PDF",
    b"\x89PNG": "it is a PNG image",
    b"\xff\xd8\xff": "it is a JPEG image",
    b"GIF8": "it is a GIF image",
    b"BZh": "it is packed with bzip2; only gz is undone",
    b"\xfd7zXZ": "it is packed with xz; only gz is undone",
    b"\x28\xb5\x2f\xfd": "it is packed with zstd; only gz is undone",
    b"7z\xbc\xaf": "it is a 7z archive",
    b"Rar!": "it is a RAR archive",
    _GZIP: "it is gz within gz; pack it once",
}
"""First bytes → what the user is told."""

_MARKUP = re.compile(rb"(?:\xef\xbb\xbf)?\s*<(?:!doctype|html|head|meta|table|\?xml)\b", re.IGNORECASE)
"""A login page instead of the sheet, or what many a program writes and names .xls."""


@dataclass(frozen=True, slots=True)
class Source:
    """A sheet's bytes, to be read any number of times. `packed`: the file is a gz."""

    path: Path
    packed: bool
    max_bytes: int

    def chunks(self) -> Generator[bytes, None, None]:
        """The unpacked bytes in pieces of at most `CHUNK`. SheetRefused beyond the limit, and for a damaged gz."""
        most = self.max_bytes * (UNPACKED_SHARE if self.packed else 1)
        total = 0
        try:
            with self.path.open("rb") as file:
                stream = cast("BinaryIO", gzip.GzipFile(fileobj=file, mode="rb")) if self.packed else file
                while chunk := stream.read(CHUNK):
                    total += len(chunk)
                    if total > most:
                        raise SheetRefused([findings.too_large(self.max_bytes, unpacked=self.packed)])
                    yield chunk
        except (EOFError, zlib.error, gzip.BadGzipFile):
            raise SheetRefused([findings.damaged_gzip()]) from None
        except OSError as error:
            raise StoreFailed(f"the sheet cannot be read: {error.strerror}") from error


def find_source(path: Path, filename: str, max_bytes: int) -> Source:
    """Look at the file's size and first bytes. `filename` is the user's, which a spooled file's own is not.

    Raises SheetRefused for what cannot be read, is too large, or is of another kind than text.
    """
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise SheetRefused([findings.unreadable_file("it is no regular file")])
        with path.open("rb") as file:
            packed = file.read(2) == _GZIP
    except OSError as error:
        raise SheetRefused([findings.unreadable_file(error.strerror or "it is not there")]) from None
    if status.st_size > max_bytes:
        raise SheetRefused([findings.too_large(max_bytes, unpacked=False)])
    source = Source(path, packed, max_bytes)
    chunks = source.chunks()
    head = next(chunks, b"")
    chunks.close()
    _refuse_other_kinds(head, filename)
    return source


def _refuse_other_kinds(head: bytes, filename: str) -> None:
    if head.startswith((_ZIP, _EMPTY_ZIP)):
        name = filename.lower().removesuffix(".gz")
        if name.endswith(".ods") or _ODS_TYPE in head:
            kind = "an ODS workbook"
        elif name.endswith((".xlsx", ".xlsm")) or any(part in head for part in _XLSX_PARTS):
            kind = "an Excel workbook (XLSX)"
        else:
            kind = "a workbook (XLSX, ODS) or another ZIP archive"
        raise SheetRefused([findings.spreadsheet_file(kind)])
    if head.startswith(_OLE):
        raise SheetRefused([findings.spreadsheet_file("an Excel workbook (an old XLS, or an XLSX with a password)")])
    if _MARKUP.match(head):
        raise SheetRefused([findings.spreadsheet_file("HTML or XML")])
    for magic, kind in _KINDS.items():
        if head.startswith(magic):
            raise SheetRefused([findings.not_text(kind)])
