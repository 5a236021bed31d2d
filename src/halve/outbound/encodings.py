"""Bodies that are encoded though `identity` was asked for (RFC 9110, section 8.4): undone within bounds, or refused by name."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

from halve.core.errors import ImageFailed

_PIECE = 2**18
"""Most bytes that one step of decoding yields: however small a bomb is, it goes off in portions that are counted."""

MEMBERS = 4096
"""Most members of a gzip body: one that yields nothing costs time all the same, and counts towards no limit of bytes."""

ENOUGH = 64
"""Bytes by which deflate without its frame is told from a picture: none of these decodes so far."""

_GZIP = b"\x1f\x8b"


class Plain:
    """Nothing to undo. `whole`: whether the encoding says itself that the body has come to its end."""

    whole = False

    def feed(self, piece: bytes) -> Iterator[bytes]:
        yield piece

    def finish(self) -> bytes:
        return b""


class Inflate:
    """gzip and deflate, the latter with zlib's frame or, as some servers send it, without (`bare`). A body that is announced so and
    is not (an upload with wrong metadata) passes as it is.
    """

    def __init__(self, *, bare: bool) -> None:
        self._bare = bare
        self._start: bytes | None = b""
        self._zlib: zlib._Decompress | None = None
        self._members = 1

    def feed(self, piece: bytes) -> Iterator[bytes]:
        if self._start is not None:
            piece = self._start + piece
            found = _zlib(piece) if len(piece) >= 2 else None
            if found is None and len(piece) < (ENOUGH if self._bare else 2):
                self._start = piece
                return
            if found is None and self._bare and _inflates(piece):
                found = zlib.decompressobj(wbits=-15)
            self._start, self._zlib = None, found
        if self._zlib is None:
            yield piece
            return
        while piece:
            try:
                data = self._zlib.decompress(piece, _PIECE)
            except zlib.error:
                raise ImageFailed("damaged gzip encoding", code="bad_encoding") from None
            yield data
            piece = self._zlib.unconsumed_tail
            if self._zlib.eof:
                piece = self._zlib.unused_data
                if not piece.startswith(_GZIP):
                    return
                self._members += 1
                if self._members > MEMBERS:
                    raise ImageFailed("damaged gzip encoding", code="bad_encoding")
                self._zlib = zlib.decompressobj(wbits=31)  # another member (RFC 1952, section 2.2)

    @property
    def whole(self) -> bool:
        return self._zlib is not None and self._zlib.eof

    def finish(self) -> bytes:
        """What is left. Raises ImageFailed if the end is missing."""
        if self._zlib is None:
            return self._start or b""
        rest = self._zlib.flush()
        if not self._zlib.eof:
            raise ImageFailed("download cut short", code="truncated", transient=True)
        return rest


def _zlib(first: bytes) -> zlib._Decompress | None:
    if first.startswith(_GZIP):
        return zlib.decompressobj(wbits=31)
    if first[0] & 0x0F == 8 and int.from_bytes(first[:2], "big") % 31 == 0:  # RFC 1950, section 2.2
        return zlib.decompressobj(wbits=15)
    return None


def _inflates(start: bytes) -> bool:
    try:
        zlib.decompressobj(wbits=-15).decompress(start, _PIECE)
    except zlib.error:
        return False
    return True


def decoder(encoding: str) -> Plain | Inflate:
    """For a `Content-Encoding`. Words that are no encoding (`utf-8`, `none`) mean nothing, as in browsers.

    Raises ImageFailed for encodings that are not undone here.
    """
    words = [word.strip().lower() for word in encoding.split(",") if word.strip()]
    for word in words:
        if word in ("br", "zstd", "compress", "x-compress", "dcb", "dcz"):
            raise ImageFailed(f"encoded as {word} though that was not asked for", code="bad_encoding")
    known = [word for word in words if word in ("gzip", "x-gzip", "deflate")]
    if len(known) > 1:
        raise ImageFailed(f"encoded {len(known)} times over", code="bad_encoding")
    return Inflate(bare=known == ["deflate"]) if known else Plain()
