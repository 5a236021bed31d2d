"""What concerns many products is done in several transactions. Here the process dies after the first of them."""

from __future__ import annotations

import pytest

from halve.core.models import ProductState, Status
from halve.states.sql import SqlStates, ending
from tests.contract.sample import DONE, LEASE, PENDING, draft, finish, known, outcome, publish, rows, upload

PRODUCTS = 2500


@pytest.mark.parametrize("written", [0, 700])
async def test_a_cancelled_request_stays_so_whatever_its_rows_say(states: SqlStates, written: int) -> None:
    request = await upload(states, PRODUCTS)
    leased = [product for _ in range(4) for product in await states.claim("worker", 300, lease=LEASE)]
    await states.record([outcome(p, PENDING, state=ProductState.WAITING, delay=0) for p in leased[:600]])
    await states._runner.write(ending.cancel, request.id)
    ids = await states._runner.read(ending.fed_products, request.id)
    await states._runner.write(ending.cancel_products, request.id, ids[:written])

    assert {product.state for product in await states.products(request.id, limit=PRODUCTS)} == {ProductState.CANCELLED}
    assert await states.record([outcome(leased[700], DONE)]) == set()
    while await states.sweep():
        pass
    assert await states.void(["worker"]) >= 0
    assert await states.claim("other", 100, lease=LEASE) == []
    assert await states.claim("other", 100, lease=LEASE) == []
    assert (await states.figures())["products.ready"] == 0
    assert await finish(states, request.id)
    assert (await known(states, request.id)).status is Status.CANCELLED


@pytest.mark.parametrize("written", [0, 700])
async def test_a_request_can_run_again_after_its_cancelling_was_cut_short(states: SqlStates, written: int) -> None:
    request = await upload(states, PRODUCTS)
    leased = [product for _ in range(4) for product in await states.claim("worker", 300, lease=LEASE)]
    await states.record([outcome(p, PENDING, state=ProductState.WAITING, delay=5000) for p in leased[:600]])
    await states._runner.write(ending.cancel, request.id)
    ids = await states._runner.read(ending.fed_products, request.id)
    await states._runner.write(ending.cancel_products, request.id, ids[:written])
    assert await finish(states, request.id)

    assert await states.retry(request.id)
    assert await states.record([outcome(product, DONE) for product in leased]) == set()
    seen: list[int] = []
    while claimed := await states.claim("worker", 500, lease=LEASE):
        seen += [product.row for product in claimed]
        await states.record([outcome(product, DONE) for product in claimed])
    assert seen == list(range(1, PRODUCTS + 1))
    assert await finish(states, request.id, 1)
    assert (await known(states, request.id)).done_images == PRODUCTS


async def test_cancelling_goes_no_further_once_the_request_runs_again(states: SqlStates) -> None:
    request = await upload(states, 10)
    await states.claim("worker", 3, lease=LEASE)
    await states._runner.write(ending.cancel, request.id)
    ids = await states._runner.read(ending.fed_products, request.id)
    await finish(states, request.id)
    assert await states.retry(request.id)
    await states._runner.write(ending.cancel_products, request.id, ids)
    assert len(await states.claim("worker", 20, lease=LEASE)) == 10


async def test_an_erased_request_is_gone_at_once_and_sweeps_take_its_rows(states: SqlStates) -> None:
    request = await upload(states, PRODUCTS, idempotency_key="k")
    leased = await states.claim("worker", 10, lease=LEASE)
    await states._runner.write(ending.erase, request.id)
    assert await states.request(request.id) is None
    assert await states.products(request.id) == []
    assert await states.by_idempotency_key("", "k") is None
    assert await states.expired(days=0) == []
    assert await states.record([outcome(leased[0], DONE)]) == set()
    assert await states.claim("worker", 10, lease=LEASE) == []
    for _ in range(4):
        await states.sweep(limit=1000)
    assert await states._runner.read(lambda tx: tx.value("SELECT COUNT(*) FROM products")) == 0
    assert await states._runner.read(lambda tx: tx.value("SELECT COUNT(*) FROM requests")) == 0


async def test_an_upload_that_was_cut_short_is_found_and_erased(states: SqlStates) -> None:
    abandoned = draft()
    await states.create(abandoned)
    await states.add_products(abandoned.id, rows(5000))
    await states._runner.write(lambda tx: tx.change("UPDATE requests SET created_at = created_at - 90000"))
    [found] = await states.expired(days=30)
    assert found.id == abandoned.id
    await states.erase(found.id)
    assert await states._runner.read(lambda tx: tx.value("SELECT COUNT(*) FROM products")) == 0


async def test_an_upload_that_came_second_under_its_key_leaves_no_rows(states: SqlStates) -> None:
    winner = await upload(states, 1, idempotency_key="k")
    loser = draft(idempotency_key="k")
    await states.create(loser)
    await states.add_products(loser.id, rows(5000))
    assert (await publish(states, loser, images=5000)).id == winner.id
    assert await states._runner.read(lambda tx: tx.value("SELECT COUNT(*) FROM products")) == 1
