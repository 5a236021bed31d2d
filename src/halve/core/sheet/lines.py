"""Physical lines. They end in LF, CR LF or CR and in nothing else: form feeds and U+2028 are part of a cell."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

_LINE = re.compile(r"[^\r\n]*+(?:\r\n|\n|\r)")


class LineTooLong(Exception):
    """A line goes on for more characters than were allowed for."""


def lines(texts: Iterable[str], longest: int) -> Iterator[str]:
    """Each line with its end; the last one may have none. LineTooLong where one is longer than `longest`, about."""
    rest = ""
    for text in texts:
        text = rest + text  # noqa: PLW2901  # the text, with what was left of the one before
        end = max(text.rfind("\n"), text.rfind("\r", 0, -1)) + 1  # a CR at its end may be the first half of CR LF
        rest = text[end:]
        if len(rest) > longest:
            raise LineTooLong
        yield from _LINE.findall(text[:end])  # cut at a line end: an expression that does not match would try every place
    if rest:
        yield rest


def split_end(line: str) -> tuple[str, str]:
    """A line without its end, and its end."""
    if line.endswith("\r\n"):
        return line[:-2], "\r\n"
    if line.endswith(("\n", "\r")):
        return line[:-1], line[-1]
    return line, ""
