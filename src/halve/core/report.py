"""Sheets out: the user's own sheet again, to the letter, with our two columns; and the rows that failed, as a sheet of their own.

Each cell of the user's is written as it was read, quotes and all; each record ends as it did. What differs is what had to be
mended: a spilled list is joined, a quote that nothing closes is put in quotes, a short row is filled up so that our cells stand
under our headers. In a row with cells too many, which did not run, they stand there too, before the cells that have no header.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self, TextIO

from halve.core.errors import StoreFailed
from halve.core.models import ImageResult, ImageState, Product
from halve.core.sheet import Sheet, findings
from halve.core.sheet.headers import ERRORS, NOT_RUN, OUTPUT
from halve.core.sheet.records import Record, is_quoted, quoted, value
from halve.core.sheet.sheet import Entry, Part

_BUFFER = 256 * 1024

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
"""What makes a spreadsheet take a cell for a formula, when the cell begins with it (OWASP, CSV injection)."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f]+")
_NUMBER = re.compile(r"\s*+[+-]?+[\d.,]*+\s*+")

_NOT_RUN_REASONS = 3
"""Findings of a row that its cell names; the rest are in the answer that refused it."""


class ReportWriter:
    """Writes both sheets in one pass over `sheet`, a fresh one over the same input.

    Give it the products in the order of their rows, then close it. Raises StoreFailed where the disk is full. There is a file
    `failed` in the end if a row failed: one that is left over from an earlier run is removed.
    """

    def __init__(self, sheet: Sheet, output: Path, failed: Path) -> None:
        self._sheet = sheet
        self._failed_path = failed
        self._entries = sheet.entries()
        self._judge = sheet.judge()
        self._cells = _Cells(sheet)
        self._products: deque[Product] = deque()
        self._header: list[str] = []
        self._failed: TextIO | None = None
        self._last = 0
        self._closed = False
        with _disk_trouble():
            failed.unlink(missing_ok=True)
            self._output = self._create(output)

    def feed(self, products: Sequence[Product]) -> None:
        """Write every record up to the last of these products' rows. Rows come in rising order, each once."""
        if self._closed:
            raise ValueError("the report is closed")
        for product in products:
            if product.row <= self._last:
                raise ValueError(f"row {product.row} comes after row {self._last}")
            self._last = product.row
        self._products.extend(products)
        if products:
            with _disk_trouble():
                self._write_until(self._last)

    def close(self) -> None:
        """Write the records that are left, and finish both files. Repeatable."""
        if self._closed:
            return
        self._closed = True
        try:
            with _disk_trouble():
                self._write_until(None)
        finally:
            with _disk_trouble():
                self._close_files()
        if self._products:
            raise ValueError(f"the sheet has no row {self._products[0].row}")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if kind is None:
            self.close()
        elif not self._closed:
            self._closed = True
            self._close_files()

    def _write_until(self, row: int | None) -> None:
        """Write on until that row is written; None: to the end."""
        for entry in self._entries:
            self._write(entry)
            if row is not None and entry.row >= row:
                return

    def _write(self, entry: Entry) -> None:
        record = entry.record
        if entry.part is Part.ROW:
            self._write_row(entry)
        elif entry.part is Part.HEADER:
            line = self._cells.header(record)
            self._header.append(line)
            self._output.write(line)
        else:
            line = self._cells.blank(record) if entry.part is Part.BLANK else self._cells.as_it_is(record)
            self._output.write(line)
            if not record.blank:  # `sep=;` belongs to the failures' sheet too
                self._header.append(line)

    def _write_row(self, entry: Entry) -> None:
        if self._products and self._products[0].row == entry.row:
            results = self._products.popleft().results
            failed = not all(result.succeeded for result in results)
            line = self._cells.row(entry.record, outputs_cell(results), errors_cell(results))
        else:
            reason = self._why_not_run(entry)
            failed = bool(reason)
            line = self._cells.row(entry.record, "", reason)
        self._output.write(line)
        if failed:
            if self._failed is None:
                self._failed = self._create(self._failed_path)
                self._failed.writelines(self._header)
            self._failed.write(line)

    def _why_not_run(self, entry: Entry) -> str:
        """Empty for a row that was never meant to run: one without images, in a preset that has such."""
        row, wrong = self._judge.judge(entry.row, entry.record)
        if row is not None:  # good by no limits but those of the sheet, which the intake's were not
            wrong = [findings.too_many_urls(entry.record.line, self._sheet.layout.image_header, len(row.input_urls))]
        return f"{NOT_RUN}{'; '.join(finding.message.rstrip('.') for finding in wrong[:_NOT_RUN_REASONS])}" if wrong else ""

    def _create(self, path: Path) -> TextIO:
        encoding = self._sheet.form.encoding
        file = path.open("w", encoding=encoding.codec, newline="", buffering=_BUFFER)
        if encoding.bom:
            file.write("\ufeff")
        return file

    def _close_files(self) -> None:
        try:
            self._output.close()
        finally:
            if self._failed is not None:
                self._failed.close()


def outputs_cell(results: Sequence[ImageResult]) -> str:
    """The links of a row's images, in their order; an image that failed leaves its place empty."""
    return ", ".join(result.url or "" if result.succeeded else "" for result in results)


def errors_cell(results: Sequence[ImageResult]) -> str:
    """Such as `2: not found (404); 3: timeout`, positions from 1; empty where none failed."""
    return "; ".join(f"{place}: {_reason(result)}" for place, result in enumerate(results, start=1) if not result.succeeded)


def _reason(result: ImageResult) -> str:
    if result.error:
        return result.error
    if result.state is ImageState.CANCELLED:
        return "cancelled"
    return result.error_code or ("not done" if result.state is ImageState.PENDING else "failed")


class _Cells:
    """Puts records together again, our cells among them."""

    def __init__(self, sheet: Sheet) -> None:
        layout = sheet.layout
        self._encoding = sheet.form.encoding
        self._separator = sheet.form.separator
        self._width = len(layout.headers)
        self._output, self._errors = layout.output, layout.errors
        self._to_quote = re.compile(rf'[{re.escape(self._separator)}"\r\n]|^\s|\s$')
        self._quote_all = all(map(is_quoted, sheet.header.fields))

    def header(self, record: Record) -> str:
        """Columns of ours that were there keep the name they have."""
        fields = list(record.fields)
        fields += [self._cell(name, record) for name, place in ((OUTPUT, self._output), (ERRORS, self._errors)) if place is None]
        return self._separator.join(fields) + record.ending

    def row(self, record: Record, outputs: str, errors: str) -> str:
        fields = record.fields
        output, error = self._cell(outputs, record), self._cell(errors, record)
        if len(fields) < self._width:
            fields = fields + [""] * (self._width - len(fields))
        own, ours = list(fields[: self._width]), []
        for cell, place in ((output, self._output), (error, self._errors)):
            if place is None:
                ours.append(cell)
            else:
                own[place] = cell
        return self._separator.join([*own, *ours, *fields[self._width :]]) + record.ending

    def blank(self, record: Record) -> str:
        """A line of separators alone that is as wide as the others, with ours, so that it stays so; any other as it is. Filled up,
        a megabyte of them would be a thousand megabytes.
        """
        wide = len(record.fields) >= max(self._width, 2)
        return self.row(record, "", "") if wide else self.as_it_is(record)

    def as_it_is(self, record: Record) -> str:
        return self._separator.join(record.fields) + record.ending

    def _cell(self, text: str, record: Record) -> str:
        if not text and not self._quote_all:
            return ""
        text = self._encoding.encodable(text)
        if text.startswith(_FORMULA):
            text = "'" + text
        text = _CONTROL.sub(" ", text)
        return quoted(text) if self._to_quote.search(text) or self._quotes_strings(record) else text

    def _quotes_strings(self, record: Record) -> bool:
        """Whether the sheet puts strings in quotes without need: then ours are in quotes too."""
        fields = record.fields
        if self._quote_all:
            return all(is_quoted(field) or _NUMBER.fullmatch(field) for field in fields)
        return is_quoted(fields[0]) and all(map(is_quoted, fields)) and any(not self._to_quote.search(value(f)) for f in fields)


@contextmanager
def _disk_trouble() -> Generator[None, None, None]:
    try:
        yield
    except OSError as error:
        raise StoreFailed(f"the report cannot be written: {error.strerror or error}") from error
