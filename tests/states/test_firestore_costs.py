"""What a thousand images cost on Firestore is counted, and docs/backends/firestore.md says what was counted."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from halve.core.models import DeliveryState
from halve.states.firestore import FirestoreStates
from tests.contract import elsewhere
from tests.contract.sample import DONE, LEASE, finish, known, notice, outcome, upload
from tests.support.firestore import ask
from tests.support.shop import open_shop

PAGE = Path(__file__).parents[2] / "docs" / "backends" / "firestore.md"

Cost = tuple[int, int, int]
"""Documents read, written, deleted."""


def documented(step: str) -> Cost:
    found = re.search(rf"^\| {re.escape(step)} \| ([\d,]+) \| ([\d,]+) \| ([\d,]+) \|$", PAGE.read_text(), re.MULTILINE)
    assert found, f"{PAGE.name} says nothing of {step!r}"
    read, written, deleted = (int(number.replace(",", "")) for number in found.groups())
    return read, written, deleted


async def cost(url: str, do: Callable[[], Awaitable[object]]) -> Cost:
    names = ("reads", "writes", "deletes")
    before = await asyncio.to_thread(ask, url, "counted")
    await do()
    after = await asyncio.to_thread(ask, url, "counted")
    read, written, deleted = (after[name] - before[name] for name in names)
    return read, written, deleted


@pytest.mark.parametrize(("products", "images"), [(1000, 1), (200, 5)])
async def test_a_thousand_images_cost_what_is_said(products: int, images: int, tmp_path: Path) -> None:
    async with elsewhere.firestore_database(tmp_path) as url:
        states = await FirestoreStates.open(url)
        await states.migrate()
        request = await upload(states, 1, 1)

        async def hand_in() -> None:
            nonlocal request
            request = await upload(states, products, images)

        async def work() -> None:
            while claimed := await states.claim("worker", 16, lease=LEASE):
                await states.record([outcome(product, *[DONE] * images) for product in claimed])

        async def report() -> None:
            assert len(await states.products(request.id, limit=2000)) == products

        async def notify() -> None:
            [delivery] = await states.claim_deliveries("worker", 16, lease=LEASE)
            await states.record_delivery(delivery, state=DeliveryState.DELIVERED, answer="200")

        await work()
        steps: dict[str, Callable[[], Awaitable[object]]] = {
            "upload": hand_in,
            "claims and records": work,
            "report": report,
            "end, with its webhook": lambda: finish(states, request.id, deliveries=[notice(request)]),
            "webhook sent": notify,
            "erasure": lambda: states.erase(request.id),
        }
        told = f"{products:,} rows of {images} image{'s' if images > 1 else ''}"
        measured = {f"{told}: {name}": await cost(url, do) for name, do in steps.items()}
        await states.close()
    print(*(f"| {name} | {read:,} | {written:,} | {deleted:,} |" for name, (read, written, deleted) in measured.items()), sep="\n")
    for name, found in measured.items():
        assert found == pytest.approx(documented(name), rel=0.02, abs=3), name  # abs: a look at the clock more or less


async def test_looking_at_a_sheet_costs_the_same_however_long_it_is(tmp_path: Path) -> None:
    async with elsewhere.firestore_database(tmp_path) as url:
        states = await FirestoreStates.open(url)
        await states.migrate()
        request = await upload(states, 1500)
        assert await cost(url, lambda: known(states, request.id)) == documented("a look at a request at work")
        await states.cancel(request.id)
        await finish(states, request.id)
        assert await cost(url, lambda: known(states, request.id)) == documented("a look at one that is over")
        assert await cost(url, lambda: states.products(request.id, limit=100)) == documented("100 of its products")
        assert await cost(url, states.figures) == documented("figures for monitoring")
        await states.close()


@pytest.mark.torture
async def test_a_worker_with_nothing_to_do_costs_what_is_said(tmp_path: Path) -> None:
    async with elsewhere.firestore_database(tmp_path) as url:
        states = await FirestoreStates.open(url)
        await states.migrate()
        await states.close()
        async with open_shop(tmp_path, poll=None, database_url=url, storage_url=str(tmp_path / "images")):
            await asyncio.sleep(1)
            read, written, _ = await cost(url, lambda: asyncio.sleep(6))
    hourly, _, _ = documented("an hour of a worker with nothing to do")
    assert 0.4 * hourly < read * 600 < 1.3 * hourly  # a busy machine looks less often, none looks more often
    assert written == 0
