"""Rows packed into pages, and pages into documents.

A document of Firestore holds 1 MiB, each one written costs, and each field of it is indexed. So a sheet's rows lie by the hundred
in one document, as compressed JSON, until they are worked on. A row that is larger than a document goes on in others.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from halve.core.models import Row

PAGE_ROWS = 400
"""Most rows of a page."""

PAGE_IMAGES = 1_000
"""Most images of a page that has several rows: their results are written into it in the end, at some 150 bytes each."""

PAGE_CHARACTERS = 400_000
"""Most characters of a page that has several rows."""

PART = 500_000
"""Bytes of one document's share of a page that is larger."""


@dataclass(frozen=True, slots=True)
class Page:
    """Some rows in their order; `first_place` is that of the first among all of the request, from 1."""

    rows: tuple[Row, ...]
    first_place: int

    @property
    def last(self) -> int:
        """The last row's number, which is the page's name."""
        return self.rows[-1].row


def into_pages(rows: Sequence[Row], first_place: int) -> Iterator[Page]:
    taken: list[Row] = []
    images = characters = 0
    for row in rows:
        size = len(row.serial) + len(row.product_name) + sum(map(len, row.input_urls))
        if taken and (len(taken) == PAGE_ROWS or images + len(row.input_urls) > PAGE_IMAGES or characters + size > PAGE_CHARACTERS):
            yield Page(tuple(taken), first_place)
            first_place += len(taken)
            taken, images, characters = [], 0, 0
        taken.append(row)
        images += len(row.input_urls)
        characters += size
    if taken:
        yield Page(tuple(taken), first_place)


def pack(value: object) -> bytes:
    return zlib.compress(json.dumps(value, separators=(",", ":")).encode())


def unpack(packed: bytes) -> Any:
    return json.loads(zlib.decompress(packed))


def cut(packed: bytes) -> list[bytes]:
    """In pieces that fit a document each; mostly one."""
    return [packed[first : first + PART] for first in range(0, len(packed), PART)]
