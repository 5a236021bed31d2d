"""How fast a state store is with a million products in it:

    python -m bench.states [--url URL | --postgresql | --mongodb] [--products N] [--parked N] [--claimers N] [--images N]

Inserts, claims and records are timed by the wall and by the CPU of this process; meanwhile a reader asks for a status as a
page would, and its slowest answers are told. Then many claimers claim at once, and record at once, on four handles as four
processes would have; and what a thousand images cost is counted in questions to a server. Without a URL it is SQLite in a new
file; `--postgresql` and `--mongodb` start the servers that the tests use: the first with fsync; the second is not mongod.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib.util
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from sqlalchemy import Engine, event

from halve.backends import open_states
from halve.core.models import ImageResult, ImageState, Outcome, Product, ProductState, Request, Row, SheetOptions
from halve.core.options import Options
from halve.core.ports import StateStore
from halve.settings import read_settings

CHUNK = 5_000
HANDLES = 4
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


async def at_once(handles: Sequence[StateStore], claimers: int, batch: int, count: int) -> None:
    """Claim `count` products by so many at once; then record them likewise."""
    rounds = max(1, count // (claimers * batch))
    held: list[list[list[Product]]] = [[] for _ in range(claimers)]
    claiming, recording = Watch(), Watch()

    async def claim(n: int) -> None:
        for _ in range(rounds):
            held[n].append(await handles[n % len(handles)].claim(f"worker {n}", batch, lease=600))

    async def record(n: int) -> None:
        for products in held[n]:
            outcomes = [Outcome(p.request_id, p.row, p.fence, (RESULT,) * len(p.input_urls), ProductState.DONE) for p in products]
            await handles[n % len(handles)].record(outcomes)

    with claiming.running():
        await asyncio.gather(*(claim(n) for n in range(claimers)))
    with recording.running():
        await asyncio.gather(*(record(n) for n in range(claimers)))
    done = sum(len(products) for one in held for products in one)
    claiming.tell(f"claims of {batch} by {claimers} at once, products", done)
    recording.tell(f"records of {batch} by {claimers} at once, products", done)


async def count_questions(states: StateStore, questions: Questions, images: int, batch: int) -> None:
    """What so many images cost from upload to end, one to a product."""
    seen = questions.asked
    request = await upload(states, images, "counted")
    for what, claims in (("upload", False), ("claims and records", True)):
        while claims and (claimed := await states.claim("counter", batch, lease=60)):
            await states.record([Outcome(p.request_id, p.row, p.fence, (RESULT,), ProductState.DONE) for p in claimed])
        print(f"{f'questions for {what} of {images:,} images':<52} {questions.asked - seen:>12,}", flush=True)
        seen = questions.asked
    await states.finish(request.id, 0, cancelled=False, output_key="o", failed_key=None, deliveries=[])
    print(f"{'questions for the end':<52} {questions.asked - seen:>12,}", flush=True)
    seen = questions.asked
    await states.request(request.id)
    print(f"{'questions for a look':<52} {questions.asked - seen:>12,}", flush=True)


class Questions:
    """Counts statements or commands that go to a server (SQLite is none), beginnings and ends of transactions apart."""

    def __init__(self) -> None:
        self.asked = 0
        event.listen(Engine, "before_cursor_execute", self._one_more)
        if importlib.util.find_spec("pymongo") is not None:
            from pymongo import monitoring

            counting = self

            class Commands(monitoring.CommandListener):
                def started(self, event: monitoring.CommandStartedEvent) -> None:
                    counting.asked += 1

                def succeeded(self, event: monitoring.CommandSucceededEvent) -> None: ...

                def failed(self, event: monitoring.CommandFailedEvent) -> None: ...

            monitoring.register(Commands())

    def _one_more(self, *_: object) -> None:
        self.asked += 1


@contextmanager
def server_for(asked: argparse.Namespace, folder: str) -> Iterator[str]:
    """The URL that was asked for, or that of a server started for it."""
    if asked.postgresql:
        from bench.servers import postgresql

        with postgresql(shared_buffers="128MB") as server:
            yield server.url()
    elif asked.mongodb:
        from tests.support.mongo import empty_database

        with empty_database() as (url, name):
            yield f"{url}/{name}"
    else:
        yield asked.url or f"sqlite:///{folder}/halve.db"


async def ask(states: StateStore, request: Request, waits: list[float]) -> None:
    while True:
        began = time.perf_counter()
        await states.request(request.id)
        waits.append(1e3 * (time.perf_counter() - began))
        await asyncio.sleep(0.005)


def tell_waits(what: str, waits: list[float]) -> None:
    cuts = statistics.quantiles(waits, n=100, method="inclusive")
    print(f"{what:<52} {len(waits):>12,} x p50 {cuts[49]:.2f} ms, p99 {cuts[98]:.2f} ms, most {max(waits):.2f} ms", flush=True)
    waits.clear()


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--products", type=int, default=1_000_000)
    parser.add_argument("--parked", type=int, default=100_000)
    parser.add_argument("--claimers", type=int, default=16)
    parser.add_argument(
        "--images", type=int, default=10_000, help="claimed and recorded by all claimers together, for each size of batch"
    )
    parser.add_argument("--url")
    parser.add_argument("--postgresql", action="store_true")
    parser.add_argument("--mongodb", action="store_true")
    asked = parser.parse_args()
    questions = Questions()
    with tempfile.TemporaryDirectory() as folder, server_for(asked, folder) as url:
        async with AsyncExitStack() as stack:
            handles = []
            for _ in range(HANDLES):
                handles.append(await open_states(read_settings(database_url=url)))
                stack.push_async_callback(handles[-1].close)
            await measure(handles, questions, asked)
        if size := sum(path.stat().st_size for path in Path(folder).iterdir()):
            print(f"{'files':<52} {size / 1e6:>12,.0f} MB")


async def measure(handles: Sequence[StateStore], questions: Questions, asked: argparse.Namespace) -> None:
    states = handles[0]
    await states.migrate()
    small = await upload(states, 5_000, "small")
    waits: list[float] = []
    asking = asyncio.create_task(ask(states, small, waits))
    huge = await upload(states, asked.products, "huge")
    tell_waits("status meanwhile", waits)
    await park(states, asked.parked)
    tell_waits("status meanwhile", waits)
    for batch, rounds in ((1, 500), (16, 100), (64, 50)):
        await work(states, batch, rounds)
    tell_waits("status meanwhile", waits)
    for batch in (1, 16):
        await at_once(handles, asked.claimers, batch, asked.images if batch > 1 else asked.images // 5)
    tell_waits("status meanwhile", waits)
    for what, once in (
        ("sweep, nothing due", states.sweep),
        ("figures", states.figures),
        ("to_finish", states.to_finish),
        (f"cancel {asked.products:,} products", lambda: states.cancel(huge.id)),
        ("finish it", lambda: states.finish(huge.id, 0, cancelled=False, output_key="o", failed_key=None, deliveries=[])),
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
    await states.erase(small.id)
    await count_questions(states, questions, 1000, 16)


if __name__ == "__main__":
    asyncio.run(main())
