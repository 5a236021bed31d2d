"""Which headers mean what, however they are spelt."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

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

_IGNORED = str.maketrans("", "", " ._\t\r\n\"'\u00a0\u200b\ufeff")


def spelling(header: str) -> str:
    """A header without what is of no account: case, spaces, dots, underscores, and quotes or BOMs that strayed into it."""
    return header.translate(_IGNORED).casefold()


def find(names: Iterable[str], headers: Sequence[str]) -> int | None:
    """The place of the first of `names` that is among the headers; of headers that are spelt alike the first."""
    spelt = [spelling(header) for header in headers]
    for name in names:
        key = spelling(name)
        if key in spelt:
            return spelt.index(key)
    return None


def distinct(names: Iterable[str]) -> list[str]:
    """The names without those that are spelt like an earlier one."""
    first: dict[str, str] = {}
    for name in names:
        first.setdefault(spelling(name), name)
    return list(first.values())
