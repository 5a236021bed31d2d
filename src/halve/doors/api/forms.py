"""`multipart/form-data` (RFC 7578) read as it comes in: the file to disk, the words to memory, both within their bounds."""

from __future__ import annotations

import hashlib
import json
import os
import re
import tempfile
import unicodedata
from collections.abc import AsyncIterator, Collection, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import BinaryIO
from urllib.parse import unquote_to_bytes

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import Request as HttpRequest

from halve.core.errors import StoreFailed
from halve.core.visible import visible
from halve.doors.api.incoming import pieces
from halve.doors.api.problems import Problem, too_large

FILE = "file"

MAX_WORD = 4_096
"""Bytes of a field that is not the file."""

SLACK = 262_144
"""Bytes that a body may have beyond the file itself: boundaries, headers and the other fields."""

MAX_FILENAME = 200
"""Characters kept of a file's name, its end."""

_EXTENDED_NAME = re.compile(r"filename\*\s*=\s*utf-8'[^']*'([^;\s]+)", re.IGNORECASE)

_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"')

_ENCODINGS = ("", "7bit", "8bit", "binary")


@dataclass(frozen=True, slots=True)
class Form:
    """A file that lies at `path` until the form is left, and the other fields' words, stripped, those left empty omitted.

    `fingerprint` is the same for the same file, file name and words, and differs otherwise.
    """

    path: Path
    filename: str
    words: dict[str, str]
    fingerprint: str


@asynccontextmanager
async def read_form(http: HttpRequest, words: Collection[str], *, spool: Path, max_bytes: int) -> AsyncIterator[Form]:
    """The form in the body: a `file` of at most `max_bytes` bytes and any of the fields in `words`, each once.

    Raises problems: `not_multipart` (415), `malformed_multipart`, `unknown_field`, `duplicate_field`, `missing_file`, `too_large`,
    `timeout`.
    """
    boundary = _boundary(http)
    declared = http.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > max_bytes + SLACK:
        raise too_large("The upload", max_bytes)
    with _spooled(spool) as (path, file):
        yield await _Reader(words, path, file, max_bytes).read(http, boundary)


def _boundary(http: HttpRequest) -> bytes:
    media_type, parameters = parse_options_header(http.headers.get("content-type"))
    if (coding := http.headers.get("content-encoding", "").strip().lower()) not in ("", "identity"):
        raise Problem(
            415,
            "not_multipart",
            f"The body is sent with Content-Encoding {coding[:40]!r}. Send it as it is; the sheet in it may be a .gz.",
            headers={"Accept-Encoding": "identity"},
        )
    if media_type != b"multipart/form-data":
        raise Problem(
            415,
            "not_multipart",
            "Send the sheet as multipart/form-data, in the field `file`, as in `curl -F file=@products.csv …/upload`.",
            headers={"Accept-Post": "multipart/form-data"},
        )
    boundary = parameters.get(b"boundary", b"")
    if not 1 <= len(boundary) <= 70:
        raise _malformed("its Content-Type has no boundary of 1 to 70 characters")
    return boundary


@contextmanager
def _spooled(spool: Path) -> Iterator[tuple[Path, BinaryIO]]:
    """A new file, gone afterwards."""
    try:
        spool.mkdir(parents=True, exist_ok=True)  # some systems clean up what was not used for a while
        handle, name = tempfile.mkstemp(prefix="upload-", dir=spool)
    except OSError as error:
        raise StoreFailed(f"No upload can be written to {spool}: {error.strerror}.") from error
    path, file = Path(name), os.fdopen(handle, "wb")
    try:
        yield path, file
    finally:
        with suppress(OSError):  # what could not be written, as has been told by then, is tried once more
            file.close()
        path.unlink(missing_ok=True)


class _Opening:
    """What may stand before the first part, for nobody to read (RFC 2046, 5.1.1); the parser knows of no such thing."""

    def __init__(self, boundary: bytes) -> None:
        self._mark = b"\r\n--" + boundary
        self._held = b"\r\n"
        self.over = False

    def after(self, piece: bytes) -> bytes:
        """Of the body's next piece, what is not of the opening."""
        if self.over:
            return piece
        self._held += piece
        begins = self._held.find(self._mark)
        self.over = begins >= 0
        if self.over:
            return self._held[begins + 2 :]
        self._held = self._held[1 - len(self._mark) :]
        return b""


@dataclass(slots=True)
class _Part:
    headers: dict[str, str] = field(default_factory=dict)
    name: str = ""
    filename: str | None = None
    is_file: bool = False
    word: bytearray = field(default_factory=bytearray)


class _Reader:
    """Takes the body in pieces of any size; the parser calls back for what it finds in them."""

    def __init__(self, words: Collection[str], path: Path, file: BinaryIO, max_bytes: int) -> None:
        self._known = words
        self._path = path
        self._file = file
        self._max_bytes = max_bytes
        self._part = _Part()
        self._header = bytearray()
        self._value = bytearray()
        self._seen: set[str] = set()
        self._words: dict[str, str] = {}
        self._filename: str | None = None
        self._size = 0
        self._digest = hashlib.sha256()
        self._ended = False

    async def read(self, http: HttpRequest, boundary: bytes) -> Form:
        taken = 0
        opening = _Opening(boundary)
        try:
            parser = self._parser(boundary)
            async for piece in pieces(http):
                taken += len(piece)
                if taken > self._max_bytes + SLACK:
                    raise too_large("The upload", self._max_bytes)
                parser.write(opening.after(piece))
            self._file.flush()
        except FormParserError:
            raise _malformed(
                "its parts are not divided as its Content-Type says, or have headers that are none or too long"
            ) from None
        except OSError as error:
            raise StoreFailed(f"The upload cannot be written to disk: {error.strerror}.") from error
        if not opening.over:
            raise _malformed("the boundary that its Content-Type names does not stand in it")
        if not self._ended:
            raise _malformed("it ends before its closing boundary")
        if not self._filename:
            raise Problem(400, "missing_file", "There is no file. Send the sheet, with its name, in the field `file`.", field=FILE)
        return Form(self._path, self._filename, self._words, self._fingerprint())

    def _parser(self, boundary: bytes) -> MultipartParser:
        return MultipartParser(
            boundary,
            {
                "on_part_begin": self._on_part_begin,
                "on_header_field": lambda data, start, end: self._header.extend(data[start:end]),
                "on_header_value": lambda data, start, end: self._value.extend(data[start:end]),
                "on_header_end": self._on_header_end,
                "on_headers_finished": self._on_headers_finished,
                "on_part_data": self._on_part_data,
                "on_part_end": self._on_part_end,
                "on_end": self._on_end,
            },
        )

    def _fingerprint(self) -> str:
        told = [self._digest.hexdigest(), self._filename, sorted(self._words.items())]
        return hashlib.sha256(json.dumps(told).encode()).hexdigest()

    # ── what the parser calls ─────────────────────────────────────────────────────────────────────────────────────────

    def _on_part_begin(self) -> None:
        self._part = _Part()

    def _on_header_end(self) -> None:
        self._part.headers[self._header.decode("latin-1").lower()] = self._value.decode("utf-8", "replace")
        self._header.clear()
        self._value.clear()

    def _on_headers_finished(self) -> None:
        part = self._part
        disposition = part.headers.get("content-disposition", "")
        kind, parameters = parse_options_header(_as_latin(disposition))
        if kind != b"form-data" or b"name" not in parameters:
            raise _malformed("a part of it does not say which field it is")
        if part.headers.get("content-transfer-encoding", "").strip().lower() not in _ENCODINGS:
            raise _malformed("a part of it has a Content-Transfer-Encoding, which forms do not use")
        part.name = parameters[b"name"].decode("utf-8", "replace")
        part.is_file = part.name == FILE
        if part.is_file:
            part.filename = _filename(disposition, parameters)
        elif part.name not in self._known:
            known = ", ".join([FILE, *self._known])
            raise Problem(
                400, "unknown_field", f"There is no field {part.name[:60]!r}. The fields are {known}.", field=part.name[:60]
            )
        if part.name in self._seen:
            raise Problem(400, "duplicate_field", f"The field {part.name} is there more than once; send it once.", field=part.name)
        self._seen.add(part.name)

    def _on_part_data(self, data: bytes, start: int, end: int) -> None:
        part, piece = self._part, data[start:end]
        if part.is_file:
            self._size += len(piece)
            if self._size > self._max_bytes:
                raise too_large("The file", self._max_bytes)
            self._digest.update(piece)
            self._file.write(piece)
            return
        part.word += piece
        if len(part.word) > MAX_WORD:
            raise Problem(400, "field_too_long", f"The field {part.name} is longer than {MAX_WORD:,} bytes.", field=part.name)

    def _on_part_end(self) -> None:
        part = self._part
        if part.is_file:
            self._filename = part.filename
            return
        try:
            word = part.word.decode().strip()
        except UnicodeDecodeError:
            raise Problem(400, "bad_field", f"The field {part.name} is not UTF-8 text.", field=part.name) from None
        if "\0" in word:
            raise Problem(400, "bad_field", f"The field {part.name} holds a NUL character.", field=part.name)
        if word:
            self._words[part.name] = word

    def _on_end(self) -> None:
        self._ended = True


def _filename(disposition: str, parameters: dict[bytes, bytes]) -> str | None:
    """The file's own name without folders and control characters, its end if it is long; None if it has none."""
    name = parameters.get(b"filename", b"").decode("utf-8", "replace")
    extended = _EXTENDED_NAME.search(_QUOTED.sub("", disposition))
    if extended:  # not allowed in forms, and sent all the same: by .NET beside a plain one in which `käse.csv` ends in `?=`
        name = unquote_to_bytes(extended[1]).decode("utf-8", "replace")
    name = name.replace("%22", '"').replace("\\", "/")
    name = "".join(_visible(c) for c in PurePath(name).name).strip()
    return name[-MAX_FILENAME:] or None


def _visible(c: str) -> str:
    """A character as it is kept in names: a space of any width as the usual one, nothing of what is not to be seen."""
    if unicodedata.category(c) == "Zs":
        return " "
    return c if visible(c) else ""


def _as_latin(text: str) -> str:
    return text.encode("utf-8", "replace").decode("latin-1")


def _malformed(why: str) -> Problem:
    return Problem(400, "malformed_multipart", f"The body is not well-formed multipart/form-data: {why}.")
