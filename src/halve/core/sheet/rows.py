"""A record judged: a row that can run, or all that is wrong with it."""

from __future__ import annotations

from halve.core.finding import Finding
from halve.core.models import Row
from halve.core.sheet import findings
from halve.core.sheet.layout import Layout
from halve.core.sheet.limits import SheetLimits
from halve.core.sheet.records import BLANK, Record, value
from halve.core.sheet.urls import read_urls

GROUPS_REMEMBERED = 10_000
"""Products of several rows whose name is remembered, the latest. Their rows follow one another in every export."""

LONGEST_TITLE = 255
"""Characters of such a name that its other rows inherit, and of a serial that has any: Shopify itself takes no more. One as long
as a row would be stored with each of the rows below it.
"""


class Judge:
    """Judges records in the order of the sheet: a product of several rows has its name in the first of them."""

    def __init__(self, layout: Layout, limits: SheetLimits) -> None:
        self._layout = layout
        self._limits = limits
        self._width = len(layout.headers)
        self._names: dict[str, str] = {}

    def judge(self, number: int, record: Record) -> tuple[Row | None, list[Finding]]:
        """The row, or what is wrong with it. Neither: a row without image that a preset lets pass.

        `number`: its place among the records below the header, from 1.
        """
        fields, layout = record.fields, self._layout
        if (record.unclosed is not None or len(fields) > self._width) and (misshapen := self._misshapen(record)):
            return None, [misshapen]  # its cells do not stand under their headers: more findings would mislead
        wrong: list[Finding] = []
        serial = _text(fields, layout.serial)
        name = _text(fields, layout.name)
        if not layout.strict:
            name = self._inherited(serial, name)
        if not name and layout.name is not None:
            wrong.append(findings.empty_name(record.line, layout.headers[layout.name]))
        unnamed = len(wrong)
        urls = self._urls(record, wrong)
        if not urls and len(wrong) == unnamed and not layout.strict:
            return None, []
        if wrong:
            return None, wrong
        return Row(number, record.line, serial, name, tuple(urls)), []

    def _misshapen(self, record: Record) -> Finding | None:
        headers = self._layout.headers
        if record.unclosed is not None:
            return findings.unclosed_quote(record.line, headers[record.unclosed] if record.unclosed < len(headers) else "")
        return findings.extra_cells(record.line, len(record.fields), len(headers)) if self._layout.images else None

    def _urls(self, record: Record, wrong: list[Finding]) -> list[str]:
        layout, fields = self._layout, record.fields
        most = self._limits.max_urls_per_row
        urls: list[str] = []
        faults = 0
        for place in layout.images:
            if place < len(fields):
                good, bad = read_urls(value(fields[place]), record.line, layout.headers[place], most)
                urls += good
                wrong += bad
                faults += len(bad)
        if len(urls) + faults > most:
            wrong[len(wrong) - faults :] = [findings.too_many_urls(record.line, layout.image_header, len(urls) + faults, most)]
        elif layout.strict and layout.images and not urls and not faults:
            wrong.append(findings.no_url(record.line, layout.image_header))
        return urls

    def _inherited(self, serial: str, name: str) -> str:
        """The name, or that of the product's first row, or what else it can be called by."""
        if not self._layout.preset.groups or not 0 < len(serial) <= LONGEST_TITLE:
            return name or serial
        if name:
            self._names.pop(serial, None)
            self._names[serial] = name[:LONGEST_TITLE]
            if len(self._names) > GROUPS_REMEMBERED:
                del self._names[next(iter(self._names))]
        return name or self._names.get(serial, serial)


def _text(fields: list[str], place: int | None) -> str:
    return value(fields[place]).strip(BLANK) if place is not None and place < len(fields) else ""
