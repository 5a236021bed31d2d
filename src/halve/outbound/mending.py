"""Heads of answers that llhttp refuses, made such as browsers take them for.

Servers of shops send lines that are no header, and say twice where a body ends. What is left open by that is decided as RFC 9112
has it; lengths that contradict one another, or are no numbers, are left as they are, to be refused again.
"""

from __future__ import annotations

import re

_FOLD = re.compile(rb"\r*\n[ \t]+")
_LINE_END = re.compile(rb"\r*\n")

_NAME = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
"""A `token` (RFC 9110, section 5.6.2)."""

_LENGTH, _CODING = b"content-length", b"transfer-encoding"

Field = tuple[bytes, bytes]


def mended(head: bytes) -> bytes:
    """The head, blank line included, without the lines that are no header, and with its body's end said once."""
    start, *lines = _LINE_END.split(_FOLD.sub(b" ", head))
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
