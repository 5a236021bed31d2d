"""Whether `halve run` needs more memory for a longer sheet: the peak of the whole tree of processes, for sheets ten times as long.

python -m bench.memory --images 1000 10000
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from bench.corpus import corpus
from bench.end_to_end import halve, serving
from bench.report import note


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, nargs="+", default=[1_000, 10_000])
    pictures = corpus()
    print("images  images/s  CPU ms each  peak RSS of the tree, MB")
    with serving(pictures.folder, 0.0) as address:
        for count in parser.parse_args().images:
            with tempfile.TemporaryDirectory() as work:
                cost = halve(pictures, address, count, Path(work))
            print(f"{count:6,}  {count / cost.wall:8.0f}  {cost.cpu / count * 1e3:11.1f}  {cost.peak / 1e6:24.0f}", flush=True)
            if count == 10_000:
                note("Memory of the whole tree, 10,000 images", f"{cost.peak / 1e6:.0f} MB")


if __name__ == "__main__":
    main()
