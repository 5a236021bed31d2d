"""One line of JSON for a stream, whatever letters that can hold."""

from __future__ import annotations

import json
from typing import TextIO

_LINE_ENDS = str.maketrans({end: f"\\u{ord(end):04x}" for end in "\x85\u2028\u2029"})


def json_line(value: object, stream: TextIO) -> str:
    """With its line end; its letters as they are, or all escaped where the stream has no place for one of them."""
    line = json.dumps(value, ensure_ascii=False)
    try:
        line.encode(stream.encoding or "utf-8")
    except UnicodeEncodeError:
        line = json.dumps(value)
    return in_one_line(line) + "\n"


def in_one_line(text: str) -> str:
    """JSON that is one line to all who read lines: Python's and Node's end at letters, too, that JSON leaves as they are."""
    return text.translate(_LINE_ENDS)
