"""The table of settings in the README, made from the fields' own descriptions.

    python -m halve.doors.cli.settings_table README.md

writes it between its two markers; a test sees that it is current.
"""

from __future__ import annotations

import sys
from pathlib import Path

from pydantic import AliasChoices
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from halve.settings import Settings

BEGIN = "<!-- settings: written by `make docs` -->"
END = "<!-- end of settings -->"


def table() -> str:
    """Markdown: every setting, its default, what it does."""
    rows = [f"| {_names(name, field)} | {_default(field)} | {field.description} |" for name, field in Settings.model_fields.items()]
    return "\n".join(["| setting | default | what it does |", "| --- | --- | --- |", *rows])


def with_table(page: str) -> str:
    """The page with the table as it is now. ValueError where the markers are missing."""
    head, begin, rest = page.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"the page lacks {BEGIN} or {END}")
    return f"{head}{BEGIN}\n{table()}\n{END}{tail}"


def _names(name: str, field: FieldInfo) -> str:
    alias = field.validation_alias
    if isinstance(alias, AliasChoices):
        return " or ".join(f"`{choice}`" for choice in alias.choices)
    return f"`HALVE_{name.upper()}`"


def _default(field: FieldInfo) -> str:
    default = field.get_default(call_default_factory=False)
    if default in (None, (), PydanticUndefined):
        return "–"
    if isinstance(default, int) and not isinstance(default, bool):
        return f"{default:,}" if default > 9999 else str(default)
    return f"`{default}`" if isinstance(default, str | Path) else f"{default:g}"


def main(path: Path) -> None:
    path.write_text(with_table(path.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
