"""How long a long sheet takes to be accepted, and how long others wait for `/status` meanwhile.

    python -m bench.upload --rows 100000

A real `halve serve`. Its worker does its work meanwhile, on pictures that are not there: what it finds at the other end of a
loopback connection is 404. `/status` of an earlier request is asked for every few milliseconds, over one kept connection.
"""

from __future__ import annotations

import argparse
import http.client
import os
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import requests

from bench.corpus import corpus
from bench.end_to_end import serving
from bench.report import note

EVERY = 0.005
"""Seconds between an answer of `/status` and the next question."""


@dataclass
class Waits:
    """Seconds that each answer took, and whether it is over."""

    seconds: list[float] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)


@contextmanager
def server(data: Path) -> Iterator[str]:
    command = [sys.executable, "-m", "halve", "serve", "--port", "0", "--data", str(data)]
    environment = {**os.environ, "HALVE_ALLOW_PRIVATE": "127.0.0.0/8"}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            assert process.stdout is not None
            found = re.search(r"http://\S+", process.stdout.readline())
            assert found is not None
            yield found[0]
        finally:
            process.terminate()


def sheet(rows: int, address: str) -> bytes:
    lines = (f"{n},Running shoe no. {n},{address}/gone/{n}.jpg\n" for n in range(1, rows + 1))
    return ("S. No.,Product Name,Input Image Urls\n" + "".join(lines)).encode()


def hand_in(base: str, content: bytes) -> str:
    answer = requests.post(f"{base}/upload", files={"file": ("products.csv", content)}, timeout=120)
    answer.raise_for_status()
    return str(answer.json()["request_id"])


def ask(base: str, request_id: str, waits: Waits) -> None:
    connection = http.client.HTTPConnection(urlsplit(base).netloc)
    while not waits.over.is_set():
        asked = time.perf_counter()
        connection.request("GET", f"/status/{request_id}")
        answer = connection.getresponse()
        assert (answer.status, bool(answer.read())) == (200, True)
        waits.seconds.append(time.perf_counter() - asked)
        time.sleep(EVERY)
    connection.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    print("upload s  status median ms    p99 ms    most ms")
    with serving(corpus().folder, 0.0) as address, tempfile.TemporaryDirectory() as data, server(Path(data)) as base:
        content, earlier = sheet(arguments.rows, address), hand_in(base, sheet(10, address))
        figures: list[tuple[float, float]] = []
        for _ in range(arguments.rounds):
            waits = Waits()
            asking = threading.Thread(target=ask, args=(base, earlier, waits))
            asking.start()
            began = time.perf_counter()
            uploaded = hand_in(base, content)
            took = time.perf_counter() - began
            waits.over.set()
            asking.join()
            p99 = statistics.quantiles(waits.seconds, n=100, method="inclusive")[98]
            figures.append((took, p99))
            median, most = statistics.median(waits.seconds), max(waits.seconds)
            print(f"{took:8.2f}  {median * 1e3:16.1f}  {p99 * 1e3:8.1f}  {most * 1e3:9.1f}", flush=True)
            requests.post(f"{base}/cancel/{uploaded}", timeout=30).raise_for_status()
            requests.delete(f"{base}/requests/{uploaded}", timeout=60).raise_for_status()
    if arguments.rows >= 100_000:
        note("A 100,000-row upload answered", f"{statistics.median(took for took, _ in figures):.2f} s")
        note("Status meanwhile, p99", f"{statistics.median(p99 for _, p99 in figures) * 1e3:.0f} ms")


if __name__ == "__main__":
    main()
