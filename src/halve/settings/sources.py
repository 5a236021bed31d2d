"""Where settings come from: the environment, then `.env` in the working directory. An empty value counts as not set."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from io import StringIO
from pathlib import Path

FILE = Path(".env")

Sources = Sequence[Mapping[str, str]]


class Unreadable(Exception):
    """The `.env` is there, and what it says is not clear. To pass over a line could be to serve without the keys that it names."""


def sources() -> Sources:
    """Names in capitals → values, the first source first. Raises Unreadable."""
    return [_set(os.environ), _set(_of_the_file())]


def first(found: Sources, names: Sequence[str]) -> tuple[str, str | None]:
    """The name and value that count, of a setting with several names; None: it is not set."""
    return next(((name, source[name]) for source in found for name in names if name in source), (names[0], None))


def _set(values: Mapping[str, str | None]) -> dict[str, str]:
    return {name.upper(): value for name, value in values.items() if value}


def _of_the_file() -> Mapping[str, str | None]:
    if not FILE.is_file():
        return {}
    from dotenv import dotenv_values
    from dotenv.parser import parse_stream

    try:
        text = FILE.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise Unreadable("is not UTF-8; save it as UTF-8") from None
    for binding in parse_stream(StringIO(text)):
        if binding.error:
            blank = len(binding.original.string) - len(binding.original.string.lstrip())
            line = binding.original.line + binding.original.string.count("\n", 0, blank)
            raise Unreadable(f"cannot be read at line {line}: write NAME=value, with quotes around a value in pairs or not at all")
    return dotenv_values(stream=StringIO(text))
