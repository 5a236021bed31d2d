"""How fast the state store is with a million products in it: python -m bench.states [--products N] [--parked N] [--url URL].

Inserts, claims and records are timed by the wall and by the CPU of this process; meanwhile a reader asks for a status as a
page would, and its slowest answers are told.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from halve.core.models import ImageResult, ImageState, Outcome, ProductState, Request, Row, SheetOptions
from halve.core.options import Options
from halve.core.ports import StateStore
from halve.states.sql import SqlStates

CHUNK = 5_000
RESULT = ImageResult(
    state=ImageState.DONE,
    attempts=1,
    key="0123456789abcdef/0123456789abcdef01234567.jpg",
    url="https://halve.example/image/0123456789abcdef-0123456789abcdef01234567.jpg",
    bytes_in=812_345,
    bytes_out=345_678,
    width=1600,
    height=1200,
    format="jpeg",
    quality=50,
)


@dataclass
class Watch:
    wall: float = 0.0
    cpu: float = 0.0

    @contextmanager
    def running(self) -> Iterator[None]:
        wall, cpu = time.perf_counter(), time.process_time()
        yield
        self.wall += time.perf_counter() - wall
        self.cpu += time.process_time() - cpu

    def tell(self, what: str, count: int) -> None:
        each = f"{1e3 * self.wall / count:8.4f} ms, {1e3 * self.cpu / count:8.4f} ms of CPU each" if count else ""
        print(f"{what:<52} {count / self.wall:>12,.0f}/s {each}", flush=True)


async def upload(states: StateStore, products: int, name: str) -> Request:
    request = Request(uuid4(), "", f"{name}.csv", uuid4().hex[:16], uuid4().hex * 2, Options(), SheetOptions())
    await states.create(request)
    inserting = Watch()
    for start in range(1, products + 1, CHUNK):
        rows = [
            Row(row, row + 1, str(row), f"Product number {row}", (f"https://shop.example/pictures/{name}/{row}.jpg",))
            for row in range(start, min(start + CHUNK, products + 1))
        ]
        with inserting.running():
            await states.add_products(request.id, rows)
    inserting.tell(f"insert {products:,} products by {CHUNK:,}", products)
    publishing = Watch()
    with publishing.running():
        await states.publish(
            request.id, input_key="input.csv", total_images=products, total_rows=products, failed_rows=0, repairs=()
        )
    publishing.tell(f"publish {products:,} products", 1)
    return request


async def park(states: StateStore, count: int) -> None:
    parking = Watch()
    with parking.running():
        left = count
        while left:
            claimed = await states.claim("parker", min(500, left), lease=3600)
            await states.record([Outcome(p.request_id, p.row, p.fence, p.results, ProductState.WAITING, 3600) for p in claimed])
            left -= len(claimed)
    parking.tell(f"claim and park {count:,}", count)


async def work(states: StateStore, batch: int, rounds: int) -> None:
    claiming, recording = Watch(), Watch()
    for _ in range(rounds):
        with claiming.running():
            claimed = await states.claim("worker", batch, lease=60)
        outcomes = [Outcome(p.request_id, p.row, p.fence, (RESULT,) * len(p.input_urls), ProductState.DONE) for p in claimed]
        with recording.running():
            await states.record(outcomes)
    claiming.tell(f"claims of {batch}, products", batch * rounds)
    recording.tell(f"records of {batch}, products", batch * rounds)


async def ask(states: StateStore, request: Request, waits: list[float]) -> None:
    while True:
        began = time.perf_counter()
        await states.request(request.id)
        waits.append(1e3 * (time.perf_counter() - began))
        await asyncio.sleep(0.005)


def tell_waits(what: str, waits: list[float]) -> None:
    cuts = statistics.quantiles(waits, n=100)
    print(f"{what:<52} {len(waits):>12,} x p50 {cuts[49]:.2f} ms, p99 {cuts[98]:.2f} ms, most {max(waits):.2f} ms", flush=True)
    waits.clear()


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--products", type=int, default=1_000_000)
    parser.add_argument("--parked", type=int, default=300_000)
    parser.add_argument("--url")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        states = await SqlStates.open(asked.url or f"sqlite:///{folder}/halve.db")
        try:
            await states.migrate()
            small = await upload(states, 5_000, "small")
            waits: list[float] = []
            asking = asyncio.create_task(ask(states, small, waits))
            huge = await upload(states, asked.products, "huge")
            tell_waits("status meanwhile", waits)
            await park(states, asked.parked)
            tell_waits("status meanwhile", waits)
            for batch, rounds in ((1, 1000), (8, 500), (64, 200)):
                await work(states, batch, rounds)
            tell_waits("status meanwhile", waits)
            for what, once in (
                ("sweep, nothing due", states.sweep),
                ("figures", states.figures),
                ("to_finish", states.to_finish),
                (f"cancel {asked.products:,} products", lambda: states.cancel(huge.id)),
                ("finish it", lambda: states.finish(huge.id, 0, output_key="o", failed_key=None, deliveries=[])),
                ("retry it", lambda: states.retry(huge.id)),
                ("erase it", lambda: states.erase(huge.id)),
            ):
                watch = Watch()
                with watch.running():
                    await once()
                watch.tell(what, 1)
            tell_waits("status meanwhile", waits)
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)
        finally:
            await states.close()
        size = sum(path.stat().st_size for path in Path(folder).iterdir())
        print(f"{'files':<52} {size / 1e6:>12,.0f} MB")


if __name__ == "__main__":
    asyncio.run(main())
