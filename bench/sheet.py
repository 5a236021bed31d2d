"""Rows per second and peak memory of reading a sheet and of writing its report.

    python -m bench.sheet [ROWS]

Each figure is taken in a process of its own, so that the peak is that of the one thing measured; 100,000 and 1,000,000 rows
if no number is given. Rows per second are those of CPU time, which a busy machine falsifies less than the clock's.
"""

from __future__ import annotations

import multiprocessing
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from uuid import uuid4

from halve.core.models import ImageResult, ImageState, Product, Row, SheetOptions
from halve.core.report import ReportWriter
from halve.core.sheet import SheetLimits, open_sheet

LIMITS = SheetLimits(max_rows=10_000_000, max_urls_per_row=100, max_bytes=2_000_000_000)

SHAPES = {
    "in quotes": '{n},Running shoe no. {n},"https://cdn.example.com/p/{n}/front.jpg, https://cdn.example.com/p/{n}/back.jpg"\n',
    "spilled": "{n},Running shoe no. {n},https://cdn.example.com/p/{n}/front.jpg,https://cdn.example.com/p/{n}/back.jpg\n",
    "no quotes": "{n},Running shoe no. {n},https://cdn.example.com/p/{n}/front.jpg|https://cdn.example.com/p/{n}/back.jpg\n",
    "quoted newlines": '{n},"Running shoe\nno. {n}","https://cdn.example.com/p/{n}/front.jpg\nhttps://cdn.example.com/p/{n}/back.jpg"\n',
}


def write(path: Path, shape: str, rows: int) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        file.write("S. No.,Product Name,Input Image Urls\n")
        file.writelines(shape.format(n=n) for n in range(1, rows + 1))


def parse(path: Path) -> None:
    with open_sheet(path, path.name, SheetOptions(), LIMITS) as sheet:
        for _ in sheet.rows():
            pass
        sheet.check()


def report(path: Path) -> None:
    """The products are made on the way, which is part of the time."""
    with open_sheet(path, path.name, SheetOptions(), LIMITS) as fresh, open_sheet(path, path.name, SheetOptions(), LIMITS) as sheet:
        writer = ReportWriter(fresh, path.with_suffix(".out"), path.with_suffix(".failed"))
        products = done(sheet.rows())
        while page := list(islice(products, 2_000)):
            writer.feed(page)
        writer.close()


def done(rows: Iterator[Row]) -> Iterator[Product]:
    request, good = (
        uuid4(),
        ImageResult(state=ImageState.DONE, url="https://halve.example.com/image/0123456789abcdef-0123456789.jpg"),
    )
    bad = ImageResult(state=ImageState.FAILED, error="not found (404)")
    for row in rows:
        results = tuple(bad if row.row % 100 == 0 else good for _ in row.input_urls)
        yield Product(request, row.row, row.serial, row.product_name, row.input_urls, results)


Figures = tuple[float, float, float]
"""Seconds by the clock, seconds of CPU, and the peak of resident memory in MB."""


def measure(what: Callable[[Path], None], path: Path) -> Figures:
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_measured, (what, path))


def _measured(what: Callable[[Path], None], path: Path) -> Figures:
    clock, cpu = time.perf_counter(), time.process_time()
    what(path)
    return time.perf_counter() - clock, time.process_time() - cpu, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    sizes = [int(sys.argv[1])] if len(sys.argv) > 1 else [100_000, 1_000_000]
    print(f"{'rows':>9}  {'shape':<16} {'what':<7} {'clock s':>8} {'CPU s':>8} {'rows/s':>10} {'peak MB':>8}")
    with tempfile.TemporaryDirectory() as folder:
        for rows in sizes:
            for name, shape in SHAPES.items():
                path = Path(folder, "sheet.csv")
                write(path, shape, rows)
                for what in (parse, report):
                    clock, cpu, peak = measure(what, path)
                    speed = f"{clock:>8.2f} {cpu:>8.2f} {rows / cpu:>10,.0f}"
                    print(f"{rows:>9,}  {name:<16} {what.__name__:<7} {speed} {peak:>8.0f}")


if __name__ == "__main__":
    main()
