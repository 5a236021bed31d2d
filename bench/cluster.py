"""A Celery cluster against the embedded default, turn by turn, on the same cores.

    python -m bench.cluster --images 2000 --rounds 3

Both are `halve serve` and get the same sheet over HTTP. The one works itself, on SQLite and a folder; the other leaves images to a
`celery -A halve.engine.celery worker`, on PostgreSQL and Valkey. The clock runs from the upload to the end of the request, with all
of it started and warm; CPU and memory are those of all processes together, PostgreSQL and Valkey included.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import requests

from bench.corpus import Corpus, corpus
from bench.end_to_end import serving, urls
from bench.measure import Cost, measured
from bench.servers import listening, postgresql
from tests.support.brokers import flush_valkey, valkey_url
from tests.support.postgres import run_sql
from tests.support.server import free_port
from tests.support.shop import sheet_of

WARM = 40
"""Images before the clock starts: imports done, codec children started, connections open."""


@contextmanager
def process(environment: dict[str, str], *words: str) -> Iterator[int]:
    environment = {**os.environ, **environment}
    with subprocess.Popen(
        [sys.executable, *words], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as running:
        try:
            yield running.pid
        finally:
            running.terminate()


def one_round(pictures: Corpus, address: str, images: int, cluster: bool) -> Cost:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        settings = {"HALVE_DATA_DIR": str(folder), "HALVE_ALLOW_PRIVATE": "127.0.0.0/8", "HALVE_LOG_LEVEL": "warning"}
        roots = []
        if cluster:
            server = stack.enter_context(postgresql())  # durable, as SQLite is here
            run_sql(server.url(), "CREATE DATABASE bench")
            flush_valkey()
            settings |= {"HALVE_DATABASE_URL": server.url("bench"), "HALVE_BROKER_URL": f"{valkey_url()}/0"}
            subprocess.run(
                [sys.executable, "-m", "halve", "init-db"], env={**os.environ, **settings}, check=True, capture_output=True
            )
            roots = listening(server.port, int(valkey_url().rpartition(":")[2]))
            roots.append(stack.enter_context(process(settings, "-m", "celery", "-A", "halve.engine.celery", "worker")))
        port = free_port()
        roots.append(stack.enter_context(process(settings, "-m", "halve", "serve", "--port", str(port))))
        base = f"http://127.0.0.1:{port}"
        until_it_answers(base)
        run(base, urls(pictures, address, WARM))
        with measured(*roots) as cost:
            run(base, urls(pictures, address, images))
        return cost


def run(base: str, addresses: list[str]) -> None:
    """One sheet, from its upload to its end."""
    sheet = sheet_of([(f"Product {n}", [url]) for n, url in enumerate(addresses)])
    request_id = requests.post(f"{base}/upload", files={"file": ("sheet.csv", sheet)}, timeout=60).json()["request_id"]
    while (status := requests.get(f"{base}/status/{request_id}", timeout=60).json())["completed_at"] is None:
        time.sleep(0.05)
    assert status["no_img_compressed"] == len(addresses), status


def until_it_answers(base: str) -> None:
    while True:
        try:
            requests.get(f"{base}/healthz", timeout=5)
        except requests.RequestException:
            time.sleep(0.05)
        else:
            return


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--corpus", type=int, default=200, help="different pictures")
    arguments = parser.parse_args()
    pictures = corpus(arguments.corpus)
    costs: dict[bool, list[Cost]] = {False: [], True: []}
    with serving(pictures.folder, 0.0) as address:
        for _ in range(arguments.rounds):
            for cluster in (False, True):
                cost = one_round(pictures, address, arguments.images, cluster)
                costs[cluster].append(cost)
                tell("Celery, PostgreSQL, Valkey" if cluster else "embedded, SQLite", arguments.images, [cost])
    print("medians:")
    rates = {cluster: tell("Celery" if cluster else "embedded", arguments.images, costs[cluster]) for cluster in (False, True)}
    print(f"throughput of the cluster: {100 * rates[True] / rates[False]:.0f} % of the embedded default")


def tell(what: str, images: int, costs: list[Cost]) -> float:
    rate = statistics.median(images / cost.wall for cost in costs)
    cpu = statistics.median(1000 * cost.cpu / images for cost in costs)
    print(f"{what:<28} {rate:7.1f} images/s {cpu:7.2f} ms CPU an image {max(c.peak for c in costs) / 1e6:7.0f} MB", flush=True)
    return rate


if __name__ == "__main__":
    main()
