"""What a second run over the same sheet costs: links that did not change, and bytes that are known from an origin without versions.

    python -m bench.again --images 2000

Every link has bytes of its own. The first run compresses all of them; the second goes into another folder, as tomorrow's
would; the third asks an origin that says nothing of versions, so that everything is downloaded and nothing compressed.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from urllib.request import urlopen

from bench.corpus import corpus
from bench.end_to_end import halve, serving
from bench.measure import Cost
from bench.report import note

ENOUGH = 2000
"""Images for a figure that is worth noting: starting up is a large part of a second run over fewer."""


def bodies(address: str) -> int:
    """How many the origin has sent so far."""
    with urlopen(f"{address}/bodies") as answer:
        return int(answer.read())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=2000)
    count = parser.parse_args().images
    pictures = corpus()
    print("run                        images  images/s  times  CPU ms each  bodies sent")
    with tempfile.TemporaryDirectory() as folder, serving(pictures.folder, 0.0) as address:
        first: Cost | None = None
        for name, where in (("first", address), ("unchanged", address), ("no word of versions", f"{address}/plain")):
            work, sent = Path(folder) / name.replace(" ", "-"), bodies(address)
            work.mkdir()
            cost = halve(pictures, where, count, work, cache=Path(folder) / "cache")
            first = first or cost
            times, cpu, sent = first.wall / cost.wall, cost.cpu / count * 1e3, bodies(address) - sent
            if name == "unchanged" and count >= ENOUGH:
                note("A second run over an unchanged sheet", f"{times:.1f}× faster, {sent:,} bodies downloaded")
            print(f"{name:25}  {count:6,}  {count / cost.wall:8.0f}  {times:5.1f}  {cpu:11.2f}  {sent:11,}", flush=True)


if __name__ == "__main__":
    main()
