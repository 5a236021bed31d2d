"""The options that several commands share, each with the one text that explains it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer


def place(word: str) -> Path | None:
    """A folder or file. Left empty it counts as not given, as everywhere; `Path` would make the working directory of it."""
    from halve.settings.readers import folder

    return folder(word) if word else None


def output(metavar: str, help: str) -> Any:
    """`-o`: where a command puts what it makes. Its `metavar` says whether that is a folder or a file."""
    return typer.Option("--output", "-o", metavar=metavar, parser=place, help=help)


def data(help: str) -> Any:
    """`--data`: the folder of the embedded default, in place of the one that the settings name."""
    return typer.Option("--data", metavar="DIR", parser=place, help=f"{help} Default: HALVE_DATA_DIR or ./halve-data.")


_HOW = "How to compress"
_SHEET = "How to read the sheet"

Sheet = Annotated[
    Path,
    typer.Argument(
        metavar="SHEET", help="CSV, TSV or semicolons, gzipped or not, with product names and image links.", show_default=False
    ),
]
Quality = Annotated[
    str | None,
    typer.Option(
        metavar="N",
        help="1 to 100, the JPEG scale; its visual equal elsewhere. auto: as few bytes as look nearly the same. Default: 50.",
        rich_help_panel=_HOW,
    ),
]
MaxBytes = Annotated[
    str | None,
    typer.Option(
        metavar="S",
        help="The best quality that fits: a share of the input such as 50%, or a size such as 200KB.",
        rich_help_panel=_HOW,
    ),
]
Format = Annotated[
    str | None, typer.Option(metavar="F", help="keep, jpeg, png, webp, avif or smallest. Default: keep.", rich_help_panel=_HOW)
]
MaxSize = Annotated[
    str | None, typer.Option(metavar="PX", help="Longest edge in pixels; smaller images stay as they are.", rich_help_panel=_HOW)
]
Mode = Annotated[
    str | None,
    typer.Option(
        metavar="M",
        help="strict: one mistake refuses the sheet. lenient: good rows run, bad ones go to failed.csv. Default: strict.",
        rich_help_panel=_SHEET,
    ),
]
Preset = Annotated[
    str | None,
    typer.Option(
        metavar="P", help="plain, shopify, woocommerce, google or magento. Default: found by the headers.", rich_help_panel=_SHEET
    ),
]
Columns = Annotated[
    str | None,
    typer.Option(metavar="C", help="Which column is which: serial=SKU,name=Title,images=Pictures.", rich_help_panel=_SHEET),
]
Concurrency = Annotated[
    int | None,
    typer.Option(metavar="N", min=1, max=256, help="Cores to use. Default: HALVE_CONCURRENCY, or all.", show_default=False),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout instead of text.")]
