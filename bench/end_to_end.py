"""`halve run` beside other ways to do the same job, turn by turn in one run, on loopback, with and without latency.

    python -m bench end-to-end      or      python -m bench.end_to_end --images 1500 --rounds 3

All fetch the same pictures from the same server and may use two cores. In each round each has its turn; what is told are medians of
the rounds, and the median of the ratios within a round.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from bench import plots
from bench.corpus import Corpus, corpus
from bench.measure import Cost, emptied
from bench.peers import Job, NotHere, Peer, ours
from bench.peers.commands import IMG2DATASET, SHARP, XARGS
from bench.peers.ours import OURS
from bench.peers.thumbor import THUMBOR
from bench.peers.usual import CROWD, USUAL
from bench.report import ended, note, place

PEERS = (USUAL, CROWD, IMG2DATASET, SHARP, THUMBOR, XARGS, OURS)
LATENCIES = (0.0, 0.2)
IN_FLIGHT = {0.0: 4, 0.2: 64}
"""Downloads that peers may have waiting at once, by latency: more than that made none of them quicker."""


FAULTS = (subprocess.CalledProcessError, aiohttp.ClientError, TimeoutError, AssertionError)


@dataclass(frozen=True)
class Turn:
    """What one peer did in one round."""

    images: int
    cost: Cost
    bytes_out: int

    @property
    def rate(self) -> float:
        return self.images / self.cost.wall


@contextmanager
def serving(folder: Path, latency: float) -> Iterator[str]:
    command = [sys.executable, "-m", "bench.origin", str(folder), "--latency", str(latency)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as origin:
        try:
            assert origin.stdout is not None
            yield f"http://127.0.0.1:{origin.stdout.readline().strip()}"
        finally:
            origin.terminate()


def urls(pictures: Corpus, address: str, count: int) -> list[str]:
    """As many URLs, all different, over the files of the corpus."""
    return [f"{address}/{pictures.names[n % len(pictures.names)]}?n={n}" for n in range(count)]


def halve(pictures: Corpus, address: str, count: int, work: Path, *, cache: Path | None = None) -> Cost:
    """`halve run` over so many images, into `work/out`. `cache`: where it remembers runs before this one; None: there were none."""
    return ours.run(Job(urls(pictures, address, count), work / "out", 0), cache=cache)


def take_turn(peer: Peer, pictures: Corpus, address: str, images: int, latency: float, work: Path) -> Turn:
    """In `work`, a folder of this turn's own."""
    folder = work / "out"
    folder.mkdir(parents=True)
    cost = peer.run(Job(urls(pictures, address, images), folder, IN_FLIGHT[latency]))
    sizes = [file.stat().st_size for file in folder.rglob("*") if file.is_file() and is_jpeg(file)]
    emptied(work)
    assert len(sizes) == images, f"{peer.name}: {len(sizes)} of {images}"
    return Turn(images, cost, sum(sizes))


def is_jpeg(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(3) == b"\xff\xd8\xff"


def measure(peers: list[Peer], pictures: Corpus, latency: float, images: int, rounds: int, work: Path) -> dict[Peer, list[Turn]]:
    """`images` a turn; fewer for whoever downloads one at a time where that is slow: its rate does not grow with them."""
    turns: dict[Peer, list[Turn]] = {peer: [] for peer in peers}
    with serving(pictures.folder, latency) as address:
        for number in range(rounds):
            for index, peer in enumerate(list(turns)):
                mine = images if peer.patient or not latency else max(40, images // 16)
                try:
                    turn = take_turn(peer, pictures, address, mine, latency, work / f"{latency}-{number}-{index}")
                except FAULTS as fault:
                    if peer in (OURS, USUAL):
                        raise
                    print(f"{peer.name} is left out at {latency * 1e3:.0f} ms: {fault}", flush=True)
                    turns.pop(peer)
                    continue
                turns[peer].append(turn)
                told = f"{turn.rate:6.0f} images/s  {1e3 * turn.cost.cpu / mine:5.1f} ms of CPU each"
                print(f"{latency * 1e3:3.0f} ms, round {number + 1}: {peer.name:<28} {told}", flush=True)
    return turns


def median(turns: list[Turn], figure: str) -> float:
    values = {
        "rate": [turn.rate for turn in turns],
        "cpu": [1e3 * turn.cost.cpu / turn.images for turn in turns],
        "out": [turn.bytes_out / turn.images for turn in turns],
        "peak": [turn.cost.peak / 1e6 for turn in turns],
    }
    return statistics.median(values[figure])


def times(turns: list[Turn], beside: list[Turn]) -> float:
    return statistics.median(mine.rate / other.rate for mine, other in zip(turns, beside, strict=True))


def table(turns: dict[Peer, list[Turn]], latency: float, pictures: Corpus) -> list[str]:
    lines = []
    for peer, mine in sorted(turns.items(), key=lambda item: median(item[1], "rate")):
        name = f"**{peer.name}**" if peer is OURS else peer.name
        figures = f"{median(mine, 'rate'):.0f} | {times(mine, turns[USUAL]):.2f}× | {median(mine, 'cpu'):.1f}"
        share = median(mine, "out") / pictures.bytes
        lines.append(
            f"| {latency * 1e3:.0f} ms | {name} | {mine[0].images:,} | {figures} | {median(mine, 'peak'):.0f} | {share:.3f} |"
        )
    return lines


def present() -> tuple[list[Peer], list[str], list[str]]:
    """Who takes part, with what versions; and a sentence about each that does not."""
    here, versions, absent = [], [], []
    for peer in PEERS:
        try:
            version = peer.ready()
        except NotHere as reason:
            absent.append(str(reason))
            continue
        here.append(peer)
        versions.append(f"| {peer.name} | {version} | {peer.how} |")
    return here, versions, absent


def page(lines: list[str], versions: list[str], absent: list[str], rounds: int, pictures: Corpus) -> str:
    files = f"{len(pictures.names)} JPEGs of {pictures.megapixels:.2f} megapixels and {pictures.bytes / 1000:.0f} kB in the mean"
    newline = "\n"
    return f"""# End to end, beside others

The job: fetch every image of a list, turn it into a JPEG of quality 50, have it on the disk. The images come from a server on
loopback, at once or {max(LATENCIES) * 1e3:.0f} ms after they were asked for: {files},
43 % of them progressive ([corpus](corpus.md)).

![Images a second, and CPU an image, of each](end-to-end.svg)

Medians of {rounds} rounds; in each round each has its turn. "Times" is the median of the ratios to the first within a round.
CPU is user and system time of the whole tree of processes, the broker's and the short-lived ones' included. Memory is the sum
of the resident sets of the tree at its highest, looked at 20 times a second: pages that processes share count in each.

| latency | what | images | images/s | times | CPU ms an image | peak RSS, MB | bytes out/in |
| --- | --- | --- | --- | --- | --- | --- | --- |
{newline.join(lines)}

What each is and how it was set up, so that it does as well as it can:

| | version | set-up |
| --- | --- | --- |
{newline.join(versions)}

{" ".join(absent)}
Peers' own dependencies are installed on demand, pinned, apart from this project's: `bench/peers/`.
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--corpus", type=int, default=200, help="different pictures")
    arguments = parser.parse_args()
    pictures = corpus(arguments.corpus)
    peers, versions, absent = present()
    lines, rates, cpu = [], {}, {}
    with tempfile.TemporaryDirectory() as work:
        for latency in LATENCIES:
            here = [peer for peer in peers if latency or peer is not CROWD]
            turns = measure(here, pictures, latency, arguments.images, arguments.rounds, Path(work))
            lines += table(turns, latency, pictures)
            rates[latency] = {peer.name: median(mine, "rate") for peer, mine in turns.items()}
            cpu[latency] = {peer.name: median(mine, "cpu") for peer, mine in turns.items()}
            what = "no latency" if not latency else f"{latency * 1e3:.0f} ms of latency"
            note(f"Images a second beside the usual worker, {what}", f"{times(turns[OURS], turns[USUAL]):.1f}×")
            if not latency:
                note("Memory of the whole tree, peak RSS", f"{median(turns[OURS], 'peak'):.0f} MB at {arguments.images:,} images")
    print("\n".join(lines))
    plots.rates(place("end-to-end"), rates, cpu, OURS.name)
    ended("end-to-end", page(lines, versions, absent, arguments.rounds, pictures))


if __name__ == "__main__":
    main()
