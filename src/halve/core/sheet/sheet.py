"""A sheet that can be read: its records one after the other, the rows that can run, and all that is wrong with it."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from enum import Enum, auto
from types import TracebackType
from typing import Self

from halve.core.errors import SheetRefused
from halve.core.finding import Finding
from halve.core.models import Mode, Row, SheetOptions
from halve.core.sheet import findings
from halve.core.sheet.encoding import Encoding
from halve.core.sheet.layout import Layout
from halve.core.sheet.limits import MOST_FINDINGS, MOST_REPAIRS, SPARE_LINES, SheetLimits
from halve.core.sheet.records import Record, Scanner
from halve.core.sheet.rows import Judge
from halve.core.sheet.source import Source
from halve.core.sheet.spills import Mender


class Part(Enum):
    """What a record is to the sheet. `ABOVE`: what stands above the header. `BLANK`: a record with nothing in it."""

    ABOVE = auto()
    HEADER = auto()
    BLANK = auto()
    ROW = auto()


@dataclass(slots=True)
class Entry:
    """One record of the sheet, mended. `row`: its number among the rows, from 1; 0 for what is no row."""

    part: Part
    record: Record
    row: int = 0
    repair: Finding | None = None


@dataclass(frozen=True, slots=True)
class Form:
    """How the sheet is written: its bytes, characters and cells. `above`: records before the header's."""

    source: Source
    encoding: Encoding
    separator: str
    above: int

    def records(self) -> Iterator[Record]:
        """All records from the top, header and blank ones included."""
        return iter(Scanner(self.encoding.texts(self.source), self.separator))


class Sheet:
    """Made by `open_sheet`. Reads the file anew with every pass, and holds none of it.

    `findings`, `repairs`, `total_rows`, `failed_rows` (rows that were refused) and `total_images` (of good rows) are complete
    when `rows()` is exhausted. Of more than 100,000 findings or 1,000 repairs the last entry tells how many are not listed.
    """

    def __init__(self, form: Form, header: Record, layout: Layout, options: SheetOptions, limits: SheetLimits) -> None:
        self.form = form
        self.header = header
        self.layout = layout
        self.options = options
        self.limits = limits
        self._reset()
        self._passes: list[Generator[Entry, None, None]] = []

    def _reset(self) -> None:
        self.findings: list[Finding] = []
        self.repairs: list[Finding] = []
        self.total_rows = 0
        self.failed_rows = 0
        self.total_images = 0
        self._unlisted = {"findings": 0, "repairs": 0}
        self._broken = False
        self._read = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """End every pass under way. Repeatable."""
        while self._passes:
            self._passes.pop().close()

    def judge(self) -> Judge:
        """A judge of this sheet's records, for one pass."""
        return Judge(self.layout, self.limits)

    def entries(self) -> Iterator[Entry]:
        """Every record from the top, mended where that is possible. SheetRefused where the sheet cannot be read on."""
        entries = self._entries()
        self._passes.append(entries)
        return entries

    def _entries(self) -> Generator[Entry, None, None]:
        mender = Mender(self.layout, self.form.separator)
        width, number, blank = len(self.layout.headers), 0, 0
        most_blank = self.limits.max_rows + SPARE_LINES
        spare = self.layout.unnamed_after_images
        for place, record in enumerate(self.form.records()):
            if place <= self.form.above:
                yield Entry(Part.HEADER if place == self.form.above else Part.ABOVE, record)
            elif record.blank:
                blank += 1
                if blank > most_blank:
                    raise SheetRefused([findings.too_many_blank_lines(record.line, most_blank)])
                yield Entry(Part.BLANK, record)
            else:
                number += 1
                if number > self.limits.max_rows:
                    raise SheetRefused([findings.too_many_rows(record.line, self.limits.max_rows)])
                mend = spare or len(record.fields) != width or record.unclosed is not None
                yield Entry(Part.ROW, record, number, mender.mend(record) if mend else None)

    def rows(self) -> Iterator[Row]:
        """One pass over the sheet: its good rows, those with at least one image and nothing wrong. Raises nothing for the
        others: `check` tells, after the pass.
        """
        self._reset()
        judge = self.judge()
        try:
            for entry in self.entries():
                if entry.part is not Part.ROW:
                    continue
                self.total_rows += 1
                if entry.repair:
                    self._list(self.repairs, "repairs", entry.repair, MOST_REPAIRS)
                row, wrong = judge.judge(entry.row, entry.record)
                if row is not None:
                    self.total_images += len(row.input_urls)
                    yield row
                elif wrong:
                    self.failed_rows += 1
                    for finding in wrong:
                        self._list(self.findings, "findings", finding, MOST_FINDINGS)
        except SheetRefused as refused:
            self._broken = True
            self.findings.extend(refused.findings)
        self._close_list(self.findings, "findings", findings.more_findings)
        self._close_list(self.repairs, "repairs", findings.more_repairs)
        self._read = True

    def check(self) -> None:
        """After a whole pass: raise SheetRefused unless the sheet may run.

        In strict mode any finding refuses it, in lenient mode that no row is good; in both, that it has no rows, or that it
        cannot be read to its end.
        """
        if not self._read:
            raise RuntimeError("check() comes after a whole pass of rows()")
        wrong = list(self.findings)
        if not self.total_rows and not self._broken:
            wrong.append(findings.no_rows(empty=False))
        elif not self.total_images and not wrong:
            wrong.append(findings.no_images(self.layout.image_header))
        if wrong and (self.options.mode is Mode.STRICT or self._broken or not self.total_images):
            raise SheetRefused(wrong)

    def _list(self, items: list[Finding], which: str, finding: Finding, most: int) -> None:
        if len(items) < most:
            items.append(finding)
        else:
            self._unlisted[which] += 1

    def _close_list(self, items: list[Finding], which: str, summary: Callable[[int], Finding]) -> None:
        if self._unlisted[which]:
            items.append(summary(self._unlisted[which]))
