"""An answer as it is read out of the bytes of a connection (RFC 9112), wherever these are cut into pieces.

Heads, and bodies in chunks, are read by llhttp, which is what Node.js reads HTTP with; a head that it refuses is mended and read
again (`mending`), and the connection is good for no other answer then. A body of stated length, or one that lasts until the server
hangs up, is handed on as it comes, without a copy.
"""

from __future__ import annotations

import re

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser
from multidict import CIMultiDict

from halve.outbound.http_fault import BadAnswer
from halve.outbound.mending import hopeless, mended

HEAD_BYTES = 2**16
"""Most bytes of an answer that are not its body's, interim answers and trailers included. Some shops' Content-Security-Policy alone
has more than 8 KiB."""

CRUMB = 4096
"""Bytes of a piece of a body below which it is joined with those that wait behind it: to join all would be to copy all."""

_BLANK_LINE = re.compile(rb"\n\r{0,2}\n")


class Message:
    """`begun`: its head is in; `status`, `headers` and `length` (bytes of its body, where they are stated) mean nothing before.

    `over`: it was read to its end. `clean`: the connection may carry another one behind it, by what this one says and by what came
    behind it so far. `waiting`: bytes of the body that nobody took yet.
    """

    def __init__(self) -> None:
        self.status = 0
        self.headers: CIMultiDict[str] = CIMultiDict()
        self.length: int | None = None
        self.begun = self.over = self.clean = False
        self.waiting = 0
        self._parser = self._new_parser()
        self._interim = self._chunked = self._ending = False
        self._left: int | None = None  # of `length`
        self._beside = 0  # bytes that were not of the body
        self._lines = b""  # the head so far
        self._refused = False  # as it is
        self._pieces: list[bytes] = []

    def _new_parser(self) -> HttpResponseParser:
        """One that lets pass what servers of shops do wrong and browsers let pass; none of it leaves open where an answer ends."""
        parser = HttpResponseParser(self)
        parser.set_dangerous_leniencies(
            lenient_headers=True, lenient_optional_cr_before_lf=True, lenient_spaces_after_chunk_size=True
        )
        return parser

    def feed(self, data: bytes) -> None:
        """The next bytes, of any number. Raises BadAnswer; bytes behind the end are no error, but not clean."""
        try:
            while data and not self.begun:
                data = self._head(data)
            if data:
                self._body(data)
        except (HttpParserError, HttpParserUpgrade):
            raise BadAnswer from None

    def hung_up(self) -> None:
        """The server has no more to say: the end of a body that neither states its length nor comes in chunks."""
        if self.begun and self.length is None and not self._chunked:
            self.over = True

    def take(self) -> bytes:
        """The next bytes of the body, all that wait if they are crumbs; none where none wait."""
        pieces = self._pieces
        if not pieces:
            return b""
        if len(pieces) == 1 or len(pieces[0]) >= CRUMB:
            piece = pieces.pop(0)
        else:
            piece = b"".join(pieces)
            pieces.clear()
        self.waiting -= len(piece)
        return piece

    def _head(self, data: bytes) -> bytes:
        """Read the head, or a part of it, or an interim answer's; returns what follows."""
        part = data[: self._end_of_head(data)]
        self._lines += part
        self._count(len(part))
        self._read_head(part)
        if self._interim:  # which may say that the connection closes, and is not the end of it all the same
            self._interim, self._refused, self._lines, self._parser = False, False, b"", self._new_parser()
        return data[len(part) :]

    def _read_head(self, part: bytes) -> None:
        if not self._refused:
            try:
                self._parser.feed_data(part)
            except HttpParserError:
                self._refused = True
        if self._refused:
            head = self._lines.lstrip()
            if hopeless(head):
                raise BadAnswer
            if _BLANK_LINE.search(head[-4:]):
                self.headers.clear()
                self._parser = self._new_parser()
                self._parser.feed_data(mended(head))

    def _end_of_head(self, data: bytes) -> int:
        """Where its blank line ends, which may have begun with what came before."""
        seam = self._lines[-3:]
        before = len(seam)
        found = _BLANK_LINE.search(seam + data[:3])
        if found and found.end() > before:
            return found.end() - before
        found = _BLANK_LINE.search(data)
        return found.end() if found else len(data)

    def _body(self, data: bytes) -> None:
        if self.over:
            self.clean = False
        elif self._chunked:
            self._chunks(data)
        elif self._left is None:
            self._add(data)
        else:
            if len(data) > self._left:
                self.clean = False
                data = data[: self._left]
            self._left -= len(data)
            self._add(data)
            self.over = not self._left

    def _chunks(self, data: bytes) -> None:
        before = self.waiting
        try:
            self._parser.feed_data(data)
        except (HttpParserError, HttpParserUpgrade):
            if not (self.over or self._ending):
                raise
            self.over, self.clean = True, False
        if self.waiting == before:  # so it was frames alone, or trailers
            self._count(len(data))

    def _count(self, beside: int) -> None:
        self._beside += beside
        if self._beside > HEAD_BYTES:
            raise BadAnswer

    def _add(self, data: bytes) -> None:
        self._pieces.append(data)
        self.waiting += len(data)

    # ── called by the parser ──────────────────────────────────────────────────────────────────────────────────────────

    def on_message_begin(self) -> None:
        if self.over:  # another answer, which nobody asked for
            self.clean = False

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self.begun:  # trailers mean nothing here
            self.headers.add(name.decode("ascii", "replace"), value.decode("utf-8", "surrogateescape").strip())

    def on_headers_complete(self) -> None:
        if self.begun:
            return
        status = self._parser.get_status_code()
        if status < 100:
            raise BadAnswer
        if status < 200:  # interim (RFC 9110, section 15.2)
            self.headers.clear()
            self._interim = True
            return
        self.begun, self.status = True, status
        self.clean = self._parser.should_keep_alive() and not self._refused
        self._frame()

    def _frame(self) -> None:
        """How the end of the body is found (RFC 9112, section 6.3)."""
        codings = ",".join(self.headers.getall("Transfer-Encoding", ()))
        length = self.headers.get("Content-Length")
        if self.status in (204, 304):
            self.length = 0
        elif codings:
            self._chunked = codings.rpartition(",")[2].strip().lower() == "chunked"
        elif length is not None:
            self.length = int(length)
        self._left = self.length
        self.over = self.length == 0

    def on_chunk_header(self) -> None:
        self._ending = True  # unless it is told of bytes: the last chunk has none, and what stands behind it is no part of the body

    def on_body(self, data: bytes) -> None:
        if not self._chunked:  # all others go past the parser
            raise BadAnswer
        self._ending = False
        if not self.over:
            self._add(data)

    def on_message_complete(self) -> None:
        if self._chunked:
            self.over = True
