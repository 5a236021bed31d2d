"""One line of JSON for a stream, whatever letters that can hold."""

from __future__ import annotations

import json
from typing import TextIO


def json_line(value: object, stream: TextIO) -> str:
    """With its line end; its letters as they are, or all escaped where the stream has no place for one of them."""
    line = json.dumps(value, ensure_ascii=False)
    try:
        line.encode(stream.encoding or "utf-8")
    except UnicodeEncodeError:
        line = json.dumps(value)
    return line + "\n"
