"""Sheets for tests: bytes in, rows and findings out, and the report of products that went as the test wants them to."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from halve.core.errors import SheetRefused
from halve.core.finding import Finding
from halve.core.models import ImageResult, ImageState, Mode, Product, Row, SheetOptions
from halve.core.report import ReportWriter
from halve.core.sheet import SheetLimits, open_sheet
from halve.core.sheet.limits import ACCEPTED

LIMITS = SheetLimits(max_rows=1_000, max_urls_per_row=20, max_bytes=1_000_000)
HEADER = "S. No.,Product Name,Input Image Urls\n"
REQUEST = UUID(int=1)


@dataclass(frozen=True)
class Read:
    """What a whole pass over a sheet found. `refused`: what `check` raised, empty if the sheet may run."""

    rows: list[Row]
    findings: list[Finding]
    repairs: list[Finding]
    refused: tuple[Finding, ...]
    preset: str
    total_rows: int
    failed_rows: int
    total_images: int

    @property
    def urls(self) -> list[tuple[str, ...]]:
        return [row.input_urls for row in self.rows]

    @property
    def codes(self) -> list[tuple[int, str]]:
        return [(finding.line, finding.code) for finding in self.findings]


def options(mode: Mode = Mode.STRICT, preset: str | None = None, columns: Mapping[str, str] | None = None) -> SheetOptions:
    return SheetOptions(mode=mode, preset=preset, columns=dict(columns or {}))


class Sheets:
    """Sheets in a folder of the test's own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.output = folder / "output.csv"
        self.failed = folder / "failed.csv"

    def path(self, sheet: str | bytes) -> Path:
        path = self.folder / "sheet.csv"
        path.write_bytes(sheet.encode() if isinstance(sheet, str) else sheet)
        return path

    def read(
        self,
        sheet: str | bytes,
        how: SheetOptions | None = None,
        *,
        filename: str = "sheet.csv",
        limits: SheetLimits = LIMITS,
    ) -> Read:
        with open_sheet(self.path(sheet), filename, how or SheetOptions(), limits) as opened:
            rows = list(opened.rows())
            try:
                opened.check()
            except SheetRefused as error:
                refused = error.findings
            else:
                refused = ()
            return Read(
                rows,
                opened.findings,
                opened.repairs,
                refused,
                opened.layout.preset.key,
                opened.total_rows,
                opened.failed_rows,
                opened.total_images,
            )

    def refusal(self, sheet: str | bytes, how: SheetOptions | None = None, **more: object) -> SheetRefused:
        """The refusal of a sheet, on opening or after a pass."""
        limits = more.pop("limits", LIMITS)
        assert isinstance(limits, SheetLimits)
        filename = str(more.pop("filename", "sheet.csv"))
        try:
            with open_sheet(self.path(sheet), filename, how or SheetOptions(), limits) as opened:
                for _ in opened.rows():
                    pass
                opened.check()
        except SheetRefused as error:
            return error
        raise AssertionError("the sheet was not refused")

    def report(
        self,
        sheet: str | bytes,
        how: SheetOptions | None = None,
        result: Callable[[Row, int], ImageResult] | None = None,
        *,
        page: int = 3,
    ) -> None:
        """Run the sheet's good rows, every image with `result(row, place)`, and write both reports."""
        how = how or SheetOptions()
        path = self.path(sheet)
        with open_sheet(path, "sheet.csv", how, LIMITS) as opened:
            products = [product(row, result or done) for row in opened.rows()]
            opened.check()
        with open_sheet(path, "sheet.csv", how, ACCEPTED) as opened:
            writer = ReportWriter(opened, self.output, self.failed)
            for begin in range(0, len(products), page):
                writer.feed(products[begin : begin + page])
            writer.close()


def product(row: Row, result: Callable[[Row, int], ImageResult]) -> Product:
    results = tuple(result(row, place) for place in range(1, len(row.input_urls) + 1))
    return Product(REQUEST, row.row, row.serial, row.product_name, row.input_urls, results)


def done(row: Row, place: int) -> ImageResult:
    return ImageResult(state=ImageState.DONE, url=f"images/{row.row}-{place}.jpg")


def failing(*places: tuple[int, int], error: str = "not found (404)") -> Callable[[Row, int], ImageResult]:
    """Every image done but those at these `(row, place)`."""

    def result(row: Row, place: int) -> ImageResult:
        failed = ImageResult(state=ImageState.FAILED, error_code="not_found", error=error)
        return failed if (row.row, place) in places else done(row, place)

    return result


def cells(sheet: bytes, delimiter: str = ",", encoding: str = "utf-8-sig") -> list[list[str]]:
    """The sheet as any other program would read it."""
    return list(csv.reader(io.StringIO(sheet.decode(encoding), newline=""), delimiter=delimiter, strict=True))


def written(rows: Iterable[Sequence[object]], *, newline: str = "\n", **dialect: Any) -> str:
    """The rows as Python's own csv module writes them, with any line end.

    The module quotes a cell with a line end in it only if the dialect's own line end has that character, so it is told CR LF.
    """
    out = ""
    for row in rows:
        line = io.StringIO(newline="")
        csv.writer(line, **dialect, lineterminator="\r\n").writerow(row)
        out += line.getvalue().removesuffix("\r\n") + newline
    return out
