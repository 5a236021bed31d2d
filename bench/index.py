"""The measures that were asked for, with what was measured: written into the benchmarks' README between two marks."""

from __future__ import annotations

import json

from bench.parts import PARTS
from bench.report import FOLDER, NOTED

BEGIN, END = "<!-- measures: written by `make bench` -->", "<!-- end of measures -->"

MEASURES = (
    ("Codec, JPEG to JPEG at quality 50: CPU", "≤ 0.42 of Pillow's", "requantiser"),
    ("Codec: bytes", "≤ 0.92 of Pillow's", "requantiser"),
    ("Codec: mean SSIMULACRA2", "no lower than Pillow's", "requantiser"),
    ("Bytes at the look of Pillow's quality 50", "–", "look"),
    ("Images a second beside the usual worker, no latency", "≥ 2.4× (goal 3×)", "end-to-end"),
    ("Images a second beside the usual worker, 200 ms of latency", "≥ 20× (goal 25×)", "end-to-end"),
    ("CPU an image above the codec's own", "≤ 1.5 ms where the usual worker takes 15.6, 0.096 of it (goal 1.0)", "overhead"),
    ("Memory of the whole tree, peak RSS", "≤ 250 MB", "end-to-end"),
    ("Memory of the whole tree, 10,000 images", "≤ 250 MB, flat", "memory"),
    ("`max_bytes=50%`: none over; mean score", "≥ an exhaustive search with Pillow", "codec"),
    ("`max_bytes=50%`: CPU", "≤ 1.6 of a single pass", "codec"),
    ("`quality=auto`: bytes at the mean score of a fixed quality", "fewer, no image below the floor", "codec"),
    ("A second run over an unchanged sheet", "≥ 20× faster, no body downloaded", "again"),
    ("A 100,000-row upload answered", "< 2 s", "upload"),
    ("Status meanwhile, p99", "< 50 ms", "upload"),
)
"""What is measured, what was asked, and the part that measures it; a part notes its figure under the first of these."""


def write_index() -> None:
    path = FOLDER / "README.md"
    before, _, rest = path.read_text().partition(BEGIN)
    after = rest.partition(END)[2]
    plot = "![Images a second, and CPU an image, beside others](end-to-end.svg)\n\n" if (FOLDER / "end-to-end.svg").exists() else ""
    path.write_text(f"{before}{BEGIN}\n{plot}{table()}\n\n{pages()}\n{END}{after}")


def pages() -> str:
    """What else was measured: the page of each part."""
    lines = ["| page | what it measures |", "| --- | --- |"]
    lines += [f"| [{part.title}]({part.name}.md) | {part.about} |" for part in PARTS if (FOLDER / f"{part.name}.md").exists()]
    return "\n".join(lines)


def table() -> str:
    known = json.loads(NOTED.read_text()) if NOTED.exists() else {}
    lines = ["| measure | asked | measured | command |", "| --- | --- | --- | --- |"]
    for measure, asked, part in MEASURES:
        figure = known.get(measure)
        told = (
            "not yet" if figure is None else f"**{figure['value']}**{' (busy machine)' if figure['busy'] else ''}, {figure['when']}"
        )
        page = f"[`python -m bench {part}`]({part}.md)" if (FOLDER / f"{part}.md").exists() else f"`python -m bench {part}`"
        lines.append(f"| {measure} | {asked} | {told} | {page} |")
    return "\n".join(lines)
