"""What an image costs beside the codec: CPU of the process that fetches, stores and records, and of the codec's children.

    python -m bench.overhead --images 1500

The pictures come from a server on loopback, without latency. Starting up is part of it. Milliseconds are the machine's: the usual
worker, who does the same job in turns with it, is the measure that they are to be taken by.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

from bench.corpus import corpus
from bench.end_to_end import serving, take_turn, urls
from bench.measure import emptied
from bench.peers.usual import USUAL
from bench.report import note

ENOUGH = 1500
"""Images for a figure that is worth noting."""

USUAL_SHARE = 5
"""The usual worker, whose CPU does not depend on how many there are, does one in so many."""


def spent(sheet: Path, out: Path) -> tuple[float, float]:
    """Seconds of CPU of `halve run` itself, and of its children."""
    command = [sys.executable, "-m", "halve", "run", str(sheet), "-o", str(out), "--allow-private", "127.0.0.0/8"]
    environment = {**os.environ, "HALVE_CACHE_DIR": str(out.with_name("cache"))}
    own, children = 0.0, dict[int, float]()
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as run:
        process = psutil.Process(run.pid)
        while run.poll() is None:
            with contextlib.suppress(psutil.Error):
                own = _seconds(process)
                for child in process.children():
                    with contextlib.suppress(psutil.Error):
                        children[child.pid] = _seconds(child)
            time.sleep(0.02)
    assert run.returncode == 0
    return own, sum(children.values())


def _seconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=1500)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    count, pictures = arguments.images, corpus()
    own, shares = list[float](), list[float]()
    print("images  CPU ms each: beside the codec  of the codec  of the usual worker")
    with serving(pictures.folder, 0.0) as address, tempfile.TemporaryDirectory() as turns:
        for number in range(arguments.rounds):
            work = Path(turns, str(number))
            work.mkdir()
            sheet = work / "sheet.csv"
            rows = (f"{n},Product {n},{url}\n" for n, url in enumerate(urls(pictures, address, count), start=1))
            sheet.write_text("S. No.,Product Name,Input Image Urls\n" + "".join(rows))
            beside, codec = (1e3 * seconds / count for seconds in spent(sheet, work / "out"))
            emptied(work)
            usual = take_turn(USUAL, pictures, address, max(10, count // USUAL_SHARE), 0.0, work / "usual")
            others = 1e3 * usual.cost.cpu / usual.images
            own.append(beside)
            shares.append(beside / others)
            print(f"{count:6,}  {beside:30.2f}  {codec:12.2f}  {others:19.1f}", flush=True)
    if count >= ENOUGH:
        told = f"{statistics.median(own):.1f} ms, {statistics.median(shares):.3f} of the usual worker's"
        note("CPU an image above the codec's own", told)


if __name__ == "__main__":
    main()
