"""What the demonstration shows in the end: each photograph before and after, the sum, and where to look."""

from __future__ import annotations

import csv
from pathlib import PurePosixPath

from rich.table import Table
from rich.text import Text

from halve.core.sizes import in_words, percent_less
from halve.demo.shop import PHOTOS
from halve.doors.cli.job import Result
from halve.doors.cli.summary import show_summary
from halve.doors.cli.terminal import out


def show_before_after(result: Result) -> None:
    """A table on stdout, read from output.csv as its user would, and the summary of the run."""
    table = Table(box=None, header_style="dim", padding=(0, 2, 0, 0))
    table.add_column("product")
    table.add_column("photograph")
    for heading in ("before", "after", "less"):
        table.add_column(heading, justify="right")
    with result.output_csv.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            product = row["Product Name"]
            for before, after in zip(row["Input Image Urls"].split(", "), row["Output Image Urls"].split(", "), strict=True):
                photo = PurePosixPath(before).name
                table.add_row(product, photo, *_sizes((PHOTOS / photo).stat().st_size, result, after))
                product = ""
    out().print(table)
    out().print()
    show_summary(result)


def _sizes(bytes_before: int, result: Result, after: str) -> tuple[str, str, Text]:
    if not after:
        return in_words(bytes_before), "–", Text("failed", style="red")
    bytes_after = (result.output_csv.parent / after).stat().st_size
    return in_words(bytes_before), in_words(bytes_after), Text(f"{percent_less(bytes_before, bytes_after)} %", style="green")
