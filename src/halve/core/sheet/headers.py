"""Which headers mean what, however they are spelt."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from halve.core.sheet.records import BLANK

SERIAL = (
    "S. No.",
    "S.No",
    "Sr. No.",
    "Sno",
    "Serial Number",
    "serial_number",
    "#",
    "id",
    "Serial No.",
    "Serial",
)
NAME = ("Product Name", "productName", "product", "name", "title")
IMAGES = (
    "Input Image Urls",
    "Input Image URLs",
    "inputImageUrls",
    "image_urls",
    "images",
    "image links",
    "Input Image Url",
    "Image Url",
)
OUTPUT = "Output Image Urls"
ERRORS = "Image Errors"
NOT_RUN = "not run: "
"""How the cell of errors begins in a row that did not run."""
OF_A_RUN = "images/"
"""How paths begin that `halve run` writes."""

_IGNORED = str.maketrans("", "", BLANK + "._\"'")


def spelling(header: str) -> str:
    """A header without what is of no account: case, blanks, dots, underscores, and quotes that strayed into it."""
    return header.translate(_IGNORED).casefold()


def placed(headers: Iterable[str]) -> dict[str, int]:
    """The place of each header by how it is spelt; of headers that are spelt alike that of the first."""
    places: dict[str, int] = {}
    for place, header in enumerate(headers):
        places.setdefault(spelling(header), place)
    return places


def find(names: Iterable[str], places: Mapping[str, int]) -> int | None:
    """The place of the first of `names` that is among the headers."""
    return next((places[key] for key in map(spelling, names) if key in places), None)


def distinct(names: Iterable[str]) -> list[str]:
    """The names without those that are spelt like an earlier one."""
    first: dict[str, str] = {}
    for name in names:
        first.setdefault(spelling(name), name)
    return list(first.values())
