"""The table of settings in the README, made from the fields' own descriptions.

    python -m halve.doors.cli.settings_table README.md

writes it between its two markers; a test sees that it is current.
"""

from __future__ import annotations

import sys
from dataclasses import MISSING, Field, fields
from pathlib import Path
from typing import Any

from halve.settings import Settings, names_of

BEGIN = "<!-- settings: written by `make docs` -->"
END = "<!-- end of settings -->"


def table() -> str:
    """Markdown: every setting, its default, what it does."""
    rows = [f"| {_names(field)} | {_default(field)} | {_description(field)} |" for field in fields(Settings)]
    return "\n".join(["| setting | default | what it does |", "| --- | --- | --- |", *rows])


def with_table(page: str) -> str:
    """The page with the table as it is now. ValueError where the markers are missing."""
    head, begin, rest = page.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"the page lacks {BEGIN} or {END}")
    return f"{head}{BEGIN}\n{table()}\n{END}{tail}"


def _names(field: Field[Any]) -> str:
    return " or ".join(f"`{name}`" for name in names_of(field.name))


def _description(field: Field[Any]) -> str:
    """With the bounds of a number that has an upper one."""
    read, text = field.metadata["read"], str(field.metadata["description"])
    return f"{text} {read.bounds.capitalize()}." if getattr(read, "most", None) is not None else text


def _default(field: Field[Any]) -> str:
    default = field.default
    if default in (None, (), MISSING):
        return "–"
    if isinstance(default, int) and not isinstance(default, bool):
        return f"{default:,}" if default > 9999 else str(default)
    return f"`{default}`" if isinstance(default, str | Path) else f"{default:g}"


def main(path: Path) -> None:
    path.write_text(with_table(path.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
