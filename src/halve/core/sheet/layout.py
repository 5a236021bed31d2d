"""Which column of this sheet is what."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from halve.core.errors import OptionRefused
from halve.core.models import SheetOptions
from halve.core.sheet import findings
from halve.core.sheet.headers import ERRORS, OUTPUT, distinct, find, placed
from halve.core.sheet.presets import BY_KEY, Preset, recognise


@dataclass(frozen=True, slots=True)
class Layout:
    """`headers`: their text. `serial`, `name`: places of columns, None where there is none. `images`: places, main one first.

    `output`, `errors`: places of columns of ours that the sheet has already, None where it has not. Of several the first, as
    ever: a result in each of two thousand would make a gigabyte of a page. `strict`: see Preset.
    """

    preset: Preset
    headers: tuple[str, ...]
    serial: int | None
    name: int | None
    images: tuple[int, ...]
    output: int | None
    errors: int | None
    strict: bool

    @property
    def known(self) -> int:
        """How many fields have a column."""
        return (self.serial is not None) + (self.name is not None) + bool(self.images)

    @property
    def image_header(self) -> str:
        """The header to name where a row has no image."""
        return self.headers[self.images[0]] if self.images else self.preset.images[0][0]

    @property
    def unnamed_after_images(self) -> int:
        """How many columns right behind the last one of images have no header: spreadsheets make them of a spilled list."""
        start = max(self.images, default=len(self.headers)) + 1
        count = 0
        for header in self.headers[start:]:
            if header.strip():
                break
            count += 1
        return count


class Missing(NamedTuple):
    """A column that is needed and not there. `accepted`: other headers that would do."""

    column: str
    accepted: Sequence[str] = ()


def lay_out(headers: Sequence[str], options: SheetOptions) -> tuple[Layout, list[Missing]]:
    """The layout, and each column that is needed and missing.

    Raises OptionRefused where a column that is read is one of ours, in which what was read would be overwritten. No accepted header
    is: only `columns` can name such.
    """
    places = placed(headers)
    preset = BY_KEY[options.preset] if options.preset else recognise(places)
    named = options.columns
    missing: list[Missing] = []

    def column(field: str, accepted: Sequence[str], *, needed: bool) -> int | None:
        if field in named:
            return named_column(named[field])
        place = find(accepted, places)
        if place is None and needed:
            wanted, *others = distinct(accepted)
            missing.append(Missing(wanted, others))
        return place

    def named_column(header: str) -> int | None:
        place = headers.index(header) if header in headers else find([header], places)
        if place is None:
            missing.append(Missing(header))
        return place

    serial = column("serial", preset.serial, needed=preset.strict and not (named and options.preset is None))
    name = column("name", preset.name, needed=True)
    images: list[int | None]
    if "images" in named:
        header = named["images"]
        parts = [header] if find([header], places) is not None else [part.strip() for part in header.split("+") if part.strip()]
        images = [named_column(part) for part in parts or [header]]
    else:
        images = [find(accepted, places) for accepted in preset.images]
        if all(place is None for place in images):
            wanted, *others = distinct(name for accepted in preset.images for name in accepted)
            missing.append(Missing(wanted, others))
    layout = Layout(
        preset,
        tuple(headers),
        serial,
        name,
        tuple(dict.fromkeys(place for place in images if place is not None)),
        find([OUTPUT], places),
        find([ERRORS], places),
        strict=preset.strict,
    )
    for place in (layout.serial, layout.name, *layout.images):
        if place is not None and place in (layout.output, layout.errors):
            raise OptionRefused("columns", _OVERWRITTEN.format(findings.shown(headers[place])))
    return layout, missing


_OVERWRITTEN = (
    "columns names {}, which is a column that results are written to: what stands in it would be lost. Give it another header in "
    "the sheet, and name that."
)
