"""Products become claimable a batch at a time; whoever looks from outside cannot tell. Small batches here, to see many of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from halve.core.models import ProductState
from halve.states.sql import SqlStates, feeding
from tests.contract.conftest import StateShelf
from tests.contract.sample import DONE, FAILED, LEASE, finish, known, outcome, upload
from tests.contract.test_states_machine import run_machine


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feeding, "BATCH", 4)
    monkeypatch.setattr(feeding, "CLAIM_LIMIT", 2)


@pytest.fixture
async def shelf(database: Path) -> AsyncIterator[StateShelf]:
    async with AsyncExitStack() as stack:
        yield StateShelf(f"sqlite:///{database}", "sqlite", stack)


async def test_the_store_and_its_model_agree_with_small_batches_too(shelf: StateShelf, states: SqlStates) -> None:
    await run_machine(shelf, states, examples=15, exact=False)


async def test_no_more_is_ready_than_two_batches(states: SqlStates) -> None:
    await upload(states, 100)
    for _ in range(49):
        await states.claim("worker", 2, lease=LEASE)
        ready = await states._runner.read(lambda tx: tx.value("SELECT COUNT(*) FROM products WHERE state = 'ready'"))
        assert 2 <= ready <= 8
    assert (await states.figures())["products.ready"] == 2


async def test_requests_take_turns_place_by_place(states: SqlStates) -> None:
    requests = [await upload(states, 11) for _ in range(3)]
    order = [(product.request_id, product.row) for _ in range(3) for product in await states.claim("worker", 2, lease=LEASE)]
    assert order == [(request.id, row) for row in (1, 2) for request in requests]


async def test_products_that_come_back_go_first(states: SqlStates) -> None:
    request = await upload(states, 30)
    first, second = await states.claim("worker", 2, lease=LEASE)
    for _ in range(5):
        await states.claim("worker", 2, lease=LEASE)
    await states.record([outcome(second, *second.results, state=ProductState.READY)])
    assert [product.row for product in await states.claim("worker", 2, lease=LEASE)] == [2, 13]
    assert first.request_id == request.id


async def test_a_retry_feeds_scattered_failures_and_what_was_never_tried(states: SqlStates) -> None:
    request = await upload(states, 60)
    for _ in range(15):
        for product in await states.claim("worker", 2, lease=LEASE):
            await states.record([outcome(product, FAILED if product.row % 3 == 0 else DONE)])
    await states.cancel(request.id)
    await finish(states, request.id)
    assert await states.retry(request.id)
    rows: list[int] = []
    while claimed := await states.claim("worker", 2, lease=LEASE):
        rows += [product.row for product in claimed]
        await states.record([outcome(product, FAILED) for product in claimed])
    assert rows == [*range(3, 31, 3), *range(31, 61)]
    assert await finish(states, request.id, 1)
    assert (await known(states, request.id)).failed_images == 40


async def test_many_claims_at_once_get_everything_once(states: SqlStates) -> None:
    await upload(states, 80)
    claims = await asyncio.gather(*(states.claim(f"worker {n}", 2, lease=LEASE) for n in range(50)))
    assert sorted(product.row for claim in claims for product in claim) == list(range(1, 81))
