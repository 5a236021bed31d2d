"""Heads of answers that llhttp refuses, made such as browsers take them for.

Servers of shops write the status in their own way, send lines that are no header, and say twice where a body ends. What is left
open by that is decided as RFC 9112 has it; lengths that contradict one another, or are no numbers, are left as they are, to be
refused again.
"""

from __future__ import annotations

import re

_STATUS = re.compile(rb"HTTP/[0-9](?:\.[0-9])?[ \t]+([0-9]{3})(?![0-9])", re.IGNORECASE)
_BEFORE_STATUS = b"HTTP/"

_FOLD = re.compile(rb"\r*\n[ \t]+")
_LINE_END = re.compile(rb"\r*\n")

_NAME = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
"""A `token` (RFC 9110, section 5.6.2)."""

_LENGTH, _CODING = b"content-length", b"transfer-encoding"

Field = tuple[bytes, bytes]


def hopeless(head: bytes) -> bool:
    """Whether it cannot be mended, as far as it has come: it begins with no status."""
    if b"\n" in head:
        return not _STATUS.match(head)
    return not _BEFORE_STATUS.startswith(head[: len(_BEFORE_STATUS)].upper())


def mended(head: bytes) -> bytes:
    """The head, blank line included, with a proper status, headers alone behind it, and its body's end said once."""
    start, *lines = _LINE_END.split(_FOLD.sub(b" ", head))
    start = _STATUS.sub(rb"HTTP/1.1 \1 ", start, count=1)
    fields = _said_once([field for line in lines if (field := _field(line))])
    return b"".join([start, b"\r\n", *(b"%b: %b\r\n" % field for field in fields), b"\r\n"])


def _field(line: bytes) -> Field | None:
    name, colon, value = line.partition(b":")
    name = name.rstrip(b" \t")
    return (name, value.replace(b"\r", b" ").strip()) if colon and _NAME.fullmatch(name) else None


def _said_once(fields: list[Field]) -> list[Field]:
    """Chunks go before a length, and any other coding of the transfer is none (RFC 9112, section 6.3). The same length said several
    times is one, and an empty one is none.
    """
    chunked = b"chunked" in b",".join(value.lower() for name, value in fields if name.lower() == _CODING)
    lengths = {part.strip() for name, value in fields if name.lower() == _LENGTH for part in value.split(b",")} - {b""}
    others = [field for field in fields if field[0].lower() != _LENGTH]
    if chunked or not lengths:
        return others
    return [field for field in others if field[0].lower() != _CODING] + [(_LENGTH, length) for length in sorted(lengths)]
