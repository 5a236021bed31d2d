"""What a state store costs for a thousand images: trips to the server, its own CPU, and time, at a worker's pace.

    python -m bench.store_costs postgresql mongodb sqlite

The pace is that of a worker of a cluster: claims of 24 products (a quarter of what is in flight), and records of 20 outcomes at a
time (200 images a second, gathered for 100 ms), or of 2, as one that is ten times slower.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import psutil

from bench.servers import listening, postgresql
from bench.states import RESULT, Questions, upload
from halve.backends import open_states
from halve.core.models import Outcome, ProductState
from halve.core.ports import StateStore
from halve.settings import read_settings
from tests.support.mongo import empty_database
from tests.support.postgres import run_sql

CLAIM = 24
RECORDS = (20, 2)


@dataclass(frozen=True)
class Costs:
    """For a thousand images: trips to the server, CPU of the server and of the process that asks, and time on the wall, in ms."""

    trips: float
    server: float
    asker: float
    wall: float


@asynccontextmanager
async def opened(what: str) -> AsyncIterator[tuple[StateStore, int | None]]:
    """An empty store, and the port that its server listens on."""
    with tempfile.TemporaryDirectory() as folder:
        if what == "postgresql":
            with postgresql() as server:
                run_sql(server.url(), "CREATE DATABASE bench")
                async with _states(server.url("bench")) as states:
                    yield states, server.port
        elif what == "mongodb":
            with empty_database() as (url, name):
                async with _states(f"{url}/{name}") as states:
                    yield states, int(url.rpartition(":")[2])
        else:
            async with _states(f"sqlite:///{folder}/halve.db") as states:
                yield states, None


@asynccontextmanager
async def _states(url: str) -> AsyncIterator[StateStore]:
    states = await open_states(read_settings(database_url=url))
    try:
        await states.migrate()
        yield states
    finally:
        await states.close()


async def costs(what: str, images: int, record: int, questions: Questions) -> Costs:
    async with opened(what) as (states, port):
        await upload(states, images + 400, what)
        await _work(states, 200, record)  # warm
        before, asker, wall, server = questions.asked, time.process_time(), time.perf_counter(), _cpu(port)
        await _work(states, images, record)
        each = 1000 / images
        return Costs(
            (questions.asked - before) * each,
            1000 * (_cpu(port) - server) * each,
            1000 * (time.process_time() - asker) * each,
            1000 * (time.perf_counter() - wall) * each,
        )


async def _work(states: StateStore, images: int, record: int) -> None:
    pending: list[Outcome] = []
    for _ in range(0, images, CLAIM):
        claimed = await states.claim("bench", CLAIM, lease=60)
        await states.request(claimed[0].request_id)
        pending += [Outcome(p.request_id, p.row, p.fence, (RESULT,), ProductState.DONE) for p in claimed]
        while len(pending) >= record:
            await states.record(pending[:record])
            del pending[:record]


def _cpu(port: int | None) -> float:
    """Seconds of CPU that the server on that port has used, its children included."""
    spent = 0.0
    for pid in set(listening(port)) if port else ():
        for process in (psutil.Process(pid), *psutil.Process(pid).children(recursive=True)):
            times = process.cpu_times()
            spent += times.user + times.system + times.children_user + times.children_system
    return spent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("stores", nargs="*", default=["sqlite", "postgresql", "mongodb"])
    parser.add_argument("--images", type=int, default=4000)
    asked = parser.parse_args()
    questions = Questions()
    for what in asked.stores:
        for record in RECORDS:
            found = asyncio.run(costs(what, asked.images, record, questions))
            print(
                f"{what}, records of {record}; a thousand images: {found.trips:.0f} trips, "
                f"{found.server:.0f} ms CPU of the server, {found.asker:.0f} ms of the asker, {found.wall:.0f} ms",
                flush=True,
            )


if __name__ == "__main__":
    main()
