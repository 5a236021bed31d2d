"""Where settings come from: the environment, then `.env` in the working directory. An empty value counts as not set."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

FILE = Path(".env")

Sources = Sequence[Mapping[str, str]]


def sources() -> Sources:
    """Names in capitals → values, the first source first. Raises UnicodeDecodeError for a `.env` that is not UTF-8."""
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

    return dotenv_values(FILE, encoding="utf-8")
