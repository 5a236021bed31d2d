"""How much of a sheet is read before it is called too much."""

from __future__ import annotations

from dataclasses import dataclass

UNPACKED_SHARE = 10
"""A gz may unpack to this many times `max_bytes`; anything beyond is taken for a bomb."""

LONGEST_RECORD = 4 * 2**20
"""Characters of one record, its quoted newlines included. What is longer has, nearly always, lost a closing quote."""

MOST_COLUMNS = 2_000
"""Columns of a sheet. Every short row is filled up to the header's width, so a header without bound would blow up the report."""

SPARE_LINES = 2**20
"""Blank lines that a sheet may have beyond as many as it may have rows: all of a sheet of Excel's. A gz of one megabyte is a
thousand million of them, half an hour's reading.
"""

LONGEST_URL = 8_192
"""Characters of one URL; servers and browsers give up at about this length."""

MOST_FINDINGS = 100_000
"""Findings that are listed one by one; those beyond are counted in a last one."""

MOST_REPAIRS = 1_000
"""Repairs that are listed one by one; those beyond are counted in a last one."""


@dataclass(frozen=True, slots=True)
class SheetLimits:
    """`max_rows` counts records below the header, `max_urls_per_row` images of one record, `max_bytes` the file's bytes (for
    a gz: the packed ones; it may unpack to ten times as many).
    """

    max_rows: int
    max_urls_per_row: int
    max_bytes: int


ACCEPTED = SheetLimits(max_rows=2**53, max_urls_per_row=2**53, max_bytes=2**53)
"""For a sheet that was taken in once: limits lowered since then must not keep its owner from the report."""
