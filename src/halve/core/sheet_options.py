"""How a sheet is to be read, from the words of a command line or a form."""

from __future__ import annotations

import re

from halve.core.errors import OptionRefused
from halve.core.models import Mode, SheetOptions
from halve.core.sheet.presets import BY_KEY

FIELDS = ("serial", "name", "images")
"""What a column can be to us."""

PRESETS = tuple(BY_KEY)

MOST_JOINED = 100
"""Columns of images that may be joined. A list may have spilled from each of them, so each row that looks like that is looked at as
often.
"""

_NEXT_FIELD = re.compile(r",(?=\s*\w+\s*=)")

_EXAMPLE = "columns must be such as serial=SKU,name=Title,images=Pictures"


def read_sheet_options(mode: str | None = None, preset: str | None = None, columns: str | None = None) -> SheetOptions:
    """None and an empty word stand for the default. A header in `columns` may hold commas, so long as no `word=` follows one.

    Raises OptionRefused, naming the field and the values it may have.
    """
    return SheetOptions(
        mode=_mode(mode) if mode else Mode.STRICT,
        preset=_preset(preset) if preset else None,
        columns=_columns(columns) if columns else {},
    )


def _mode(word: str) -> Mode:
    try:
        return Mode(word.strip().lower())
    except ValueError:
        raise OptionRefused("mode", f"mode must be strict or lenient, not {word[:40]!r}.") from None


def _preset(word: str) -> str:
    name = word.strip().lower()
    if name not in PRESETS:
        raise OptionRefused("preset", f"preset must be {', '.join(PRESETS[:-1])} or {PRESETS[-1]}, not {word[:40]!r}.")
    return name


def _columns(words: str) -> dict[str, str]:
    columns: dict[str, str] = {}
    for part in _NEXT_FIELD.split(words):
        name, equals, header = part.partition("=")
        name, header = name.strip().lower(), header.strip().encode(errors="replace").decode()  # a shell's bytes need not be UTF-8
        if name not in FIELDS or not equals:
            raise OptionRefused("columns", f"{_EXAMPLE}; {part.strip()[:40]!r} begins with none of {', '.join(FIELDS)}.")
        if not header:
            raise OptionRefused("columns", f"{_EXAMPLE}; {name} names no header.")
        if name in columns:
            raise OptionRefused("columns", f"{_EXAMPLE}; {name} is there twice.")
        if header.count("+") >= MOST_JOINED:
            raise OptionRefused(
                "columns", f"columns joins more than {MOST_JOINED} headers by +. Leave out those that are not needed."
            )
        columns[name] = header
    return columns
