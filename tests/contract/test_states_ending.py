"""Requests end once, are cancelled, run again and are forgotten, whatever goes on meanwhile."""

from __future__ import annotations

import asyncio
from uuid import uuid4

import pytest

from halve.core.models import DeliveryKind, ImageResult, ImageState, ProductState, Status
from halve.core.ports import StateStore
from tests.contract.conftest import StateShelf
from tests.contract.sample import (
    DONE,
    FAILED,
    KEPT,
    LEASE,
    PENDING,
    draft,
    finish,
    known,
    notice,
    outcome,
    rows,
    upload,
    work_off,
)

HOUR = 3600.0
DAY = 86_400.0


# ── finish ────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("results", "status"),
    [((DONE, DONE), Status.COMPLETED), ((KEPT, FAILED), Status.COMPLETED), ((FAILED, FAILED), Status.FAILED)],
)
async def test_a_request_ends_by_what_became_of_its_images(
    states: StateStore, results: tuple[ImageResult, ...], status: Status
) -> None:
    request = await upload(states, 3, 2)
    await work_off(states, *results)
    before = await known(states, request.id)
    assert await finish(states, request.id, failed_key="folder/failed.csv")
    after = await known(states, request.id)
    assert (after.status, after.finished) == (status, True)
    assert (after.output_key, after.failed_key) == ("folder/output.csv", "folder/failed.csv")
    for name in ("done_images", "failed_images", "bytes_in", "bytes_out", "total_images", "created_at"):
        assert getattr(after, name) == getattr(before, name), name
    assert after.completed_at is not None
    assert after.created_at is not None
    assert after.completed_at >= after.created_at
    assert await states.open_requests("") == 0
    assert await states.to_finish() == []


async def test_what_is_open_does_not_end(states: StateStore) -> None:
    request = await upload(states, 2)
    assert not await finish(states, request.id)
    first, second = await states.claim("worker", 2, lease=LEASE)
    await states.record([outcome(first, DONE), outcome(second, PENDING, state=ProductState.WAITING, delay=99)])
    assert not await finish(states, request.id)
    assert not await finish(states, uuid4())
    assert await states.to_finish() == []
    assert not (await known(states, request.id)).finished


async def test_it_ends_in_its_round_alone(states: StateStore) -> None:
    request = await upload(states, 1)
    await work_off(states, FAILED)
    assert not await finish(states, request.id, round=1)
    assert await finish(states, request.id, round=0)
    assert await states.retry(request.id)
    await work_off(states, FAILED)
    assert not await finish(states, request.id, round=0)
    assert await finish(states, request.id, round=1)


async def test_of_many_who_end_it_at_once_one_does(shelf: StateShelf, states: StateStore) -> None:
    handles = [states, *[await shelf.open() for _ in range(3)]]
    request = await upload(states, 3)
    await work_off(states, DONE)
    ended = await asyncio.gather(*(finish(handles[n % 4], request.id, deliveries=[notice(request)]) for n in range(16)))
    assert sorted(ended) == [False] * 15 + [True]
    assert len(await states.deliveries(request.id)) == 1
    assert not await finish(states, request.id, deliveries=[notice(request)])
    assert len(await states.deliveries(request.id)) == 1


async def test_those_to_finish_are_told_oldest_first(states: StateStore) -> None:
    requests = [await upload(states, 1) for _ in range(4)]
    await work_off(states, DONE)
    await finish(states, requests[1].id)
    assert await states.to_finish() == [requests[0].id, requests[2].id, requests[3].id]
    assert await states.to_finish(limit=2) == [requests[0].id, requests[2].id]


# ── cancel ────────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_cancelled_request_is_worked_on_no_more(shelf: StateShelf, states: StateStore, several_lots: int) -> None:
    request, other = await upload(states, several_lots, 2), await upload(states, 3)
    products = [product for product in await states.claim("worker", 40, lease=LEASE) if product.request_id == request.id]
    done, failed, partly, waiting, leased = products[:5]
    await states.record(
        [
            outcome(done, DONE, DONE),
            outcome(failed, DONE, FAILED),
            outcome(partly, KEPT, PENDING, state=ProductState.LEASED),
            outcome(waiting, PENDING, FAILED, state=ProductState.WAITING, delay=60),
        ]
    )
    before = await known(states, request.id)
    assert await states.cancel(request.id)
    assert not await states.cancel(request.id)
    assert (await known(states, request.id)).status is Status.CANCELLED
    assert await states.to_finish() == [request.id]
    assert await states.record([outcome(leased, DONE, DONE), outcome(partly, DONE, DONE)]) == set()
    await states.renew("worker", lease=LEASE)
    await shelf.pass_time(2 * LEASE)
    while await states.sweep():
        pass
    assert {product.request_id for product in await states.claim("other", 500, lease=LEASE)} == {other.id}
    assert await states.claim("other", 500, lease=LEASE) == []
    after = await known(states, request.id)
    assert (after.done_images, after.failed_images, after.bytes_in) == (4, 2, before.bytes_in)

    by_row = {product.row: product for product in await states.products(request.id, limit=2000)}
    assert by_row[done.row].state is ProductState.DONE
    assert by_row[failed.row].state is ProductState.FAILED
    assert {p.state for row, p in by_row.items() if row not in (done.row, failed.row)} == {ProductState.CANCELLED}
    assert [result.state for result in by_row[partly.row].results] == [ImageState.KEPT, ImageState.CANCELLED]
    assert [result.state for result in by_row[waiting.row].results] == [ImageState.CANCELLED, ImageState.FAILED]
    untouched = by_row[several_lots].results[0]
    assert (untouched.state, untouched.error_code, untouched.error) == (ImageState.CANCELLED, "cancelled", "cancelled")


async def test_a_cancelled_request_ends_as_cancelled(states: StateStore) -> None:
    request = await upload(states, 3)
    [product] = await states.claim("worker", 1, lease=LEASE)
    await states.record([outcome(product, DONE)])
    assert await states.cancel(request.id)
    assert not (await known(states, request.id)).finished
    assert await states.open_requests("") == 1
    assert await finish(states, request.id)
    ended = await known(states, request.id)
    assert (ended.status, ended.finished, ended.done_images, ended.failed_images) == (Status.CANCELLED, True, 1, 0)
    assert not await states.cancel(request.id)


async def test_what_was_owed_before_a_request_was_cancelled_is_not_made(states: StateStore) -> None:
    request = await upload(states, 1)
    await work_off(states, DONE)
    assert await states.cancel(request.id)
    owed = [notice(request, DeliveryKind.EMAIL)]
    assert not await states.finish(request.id, 0, cancelled=False, output_key="o", failed_key=None, deliveries=owed)
    assert await states.deliveries(request.id) == []
    assert await states.finish(request.id, 0, cancelled=True, output_key="o", failed_key=None, deliveries=[])
    assert (await known(states, request.id)).status is Status.CANCELLED


async def test_what_is_over_or_unknown_cannot_be_cancelled(states: StateStore) -> None:
    request = await upload(states, 1)
    await work_off(states, DONE)
    await finish(states, request.id)
    assert not await states.cancel(request.id)
    assert not await states.cancel(uuid4())
    assert (await known(states, request.id)).status is Status.COMPLETED


async def test_cancelling_and_ending_at_once_leaves_one_story(shelf: StateShelf, states: StateStore) -> None:
    other = await shelf.open()
    for _ in range(5):
        request = await upload(states, 2)
        await work_off(states, DONE)
        cancelled, ended = await asyncio.gather(other.cancel(request.id), finish(states, request.id))
        assert ended or await finish(states, request.id)
        assert (await known(states, request.id)).status is (Status.CANCELLED if cancelled else Status.COMPLETED)


async def test_claims_while_it_is_cancelled_give_nothing_that_counts(
    shelf: StateShelf, states: StateStore, several_lots: int
) -> None:
    other = await shelf.open()
    request = await upload(states, several_lots)

    async def keep_working() -> None:
        while claimed := await other.claim("worker", 20, lease=LEASE):
            await other.record([outcome(product, DONE) for product in claimed])

    working = asyncio.create_task(keep_working())
    await asyncio.sleep(0.05)
    assert await states.cancel(request.id)
    counted = (await known(states, request.id)).done_images
    await working
    assert (await known(states, request.id)).done_images == counted
    assert await finish(states, request.id)
    ended = await known(states, request.id)
    truth = [product.state for product in await states.products(request.id, limit=several_lots)]
    assert ended.done_images == counted == truth.count(ProductState.DONE)
    assert truth.count(ProductState.CANCELLED) == several_lots - counted


# ── retry ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_failed_images_run_again_and_successes_stay(states: StateStore) -> None:
    request = await upload(states, 5, 2)
    for product in await states.claim("worker", 5, lease=LEASE):
        await states.record([outcome(product, DONE, FAILED if product.row in (2, 4) else DONE)])
    await finish(states, request.id, failed_key="folder/failed.csv", deliveries=[notice(request)])
    assert await states.retry(request.id)
    again = await known(states, request.id)
    assert (again.status, again.round, again.finished) == (Status.PROCESSING, 1, False)
    assert (again.output_key, again.failed_key) == (None, None)
    assert (again.done_images, again.failed_images, again.percent) == (8, 0, 80)
    assert await states.to_finish() == []
    assert not await states.retry(request.id)

    products = await states.claim("worker", 10, lease=LEASE)
    assert [product.row for product in products] == [2, 4]
    assert {product.round for product in products} == {1}
    assert {product.fence for product in products} == {2}
    assert [result.state for result in products[0].results] == [ImageState.DONE, ImageState.FAILED]
    assert [result.round for result in products[0].results] == [0, 0]
    assert await states.record([outcome(products[0], DONE, DONE)]) == set()
    assert await states.record([outcome(products[1], DONE, FAILED)]) == {request.id}
    now = await known(states, request.id)
    assert (now.done_images, now.failed_images) == (9, 1)
    assert await finish(states, request.id, 1, deliveries=[notice(request)])
    assert len(await states.deliveries(request.id)) == 2
    ended = await known(states, request.id)
    assert (ended.status, ended.done_images, ended.failed_images) == (Status.COMPLETED, 9, 1)


async def test_progress_in_a_later_round_counts_no_failure_of_an_earlier_one(states: StateStore) -> None:
    request = await upload(states, 1, 3)
    await work_off(states, FAILED, FAILED, DONE)
    await finish(states, request.id)
    await states.retry(request.id)
    [product] = await states.claim("worker", 1, lease=LEASE)
    old = product.results
    partly = outcome(product, DONE, DONE, DONE, state=ProductState.LEASED)
    await states.record([type(partly)(request.id, 1, product.fence, (partly.results[0], old[1], old[2]), ProductState.LEASED)])
    now = await known(states, request.id)
    assert (now.done_images, now.failed_images) == (2, 0)


async def test_lost_leases_are_forgotten_in_another_round(shelf: StateShelf, states: StateStore) -> None:
    request = await upload(states, 1)
    await states.claim("dead", 1, lease=LEASE)
    await shelf.pass_time(LEASE + 1)
    await states.sweep()
    [product] = await states.claim("worker", 1, lease=LEASE)
    assert product.lost == 1
    await states.record([outcome(product, FAILED)])
    await finish(states, request.id)
    await states.retry(request.id)
    [product] = await states.claim("worker", 1, lease=LEASE)
    assert product.lost == 0


async def test_there_is_nothing_to_retry_where_all_is_well_or_still_open(states: StateStore) -> None:
    request = await upload(states, 1)
    assert not await states.retry(request.id)
    [product] = await states.claim("worker", 1, lease=LEASE)
    await states.record([outcome(product, DONE)])
    assert not await states.retry(request.id)
    await finish(states, request.id)
    assert not await states.retry(request.id)
    assert not await states.retry(uuid4())
    assert (await known(states, request.id)).round == 0


async def test_what_was_cancelled_can_run_again(states: StateStore) -> None:
    request = await upload(states, 1100, 2)
    products = await states.claim("worker", 6, lease=LEASE)
    done, failed, waiting, *leased = products
    await states.record(
        [
            outcome(done, DONE, DONE),
            outcome(failed, DONE, FAILED),
            outcome(waiting, DONE, PENDING, state=ProductState.WAITING, delay=HOUR),
        ]
    )
    await states.cancel(request.id)
    assert not await states.retry(request.id)
    await finish(states, request.id)
    assert await states.retry(request.id)
    assert await states.record([outcome(product, DONE, DONE) for product in leased]) == set()
    again = await known(states, request.id)
    assert (again.status, again.done_images, again.failed_images) == (Status.PROCESSING, 4, 0)
    worked = await work_off(states, DONE, DONE)
    assert [product.row for product in worked] == [row for row in range(1, 1101) if row != done.row]
    by_row = {product.row: product for product in worked}
    assert [result.state for result in by_row[waiting.row].results] == [ImageState.DONE, ImageState.PENDING]
    assert await states.to_finish() == [request.id]
    assert await finish(states, request.id, 1)
    ended = await known(states, request.id)
    assert (ended.status, ended.done_images, ended.failed_images) == (Status.COMPLETED, 2200, 0)


async def test_a_retry_that_is_cancelled_keeps_the_failures_it_did_not_come_to(states: StateStore) -> None:
    request = await upload(states, 4)
    await work_off(states, FAILED)
    await finish(states, request.id)
    await states.retry(request.id)
    [product] = await states.claim("worker", 1, lease=LEASE)
    await states.record([outcome(product, DONE)])
    await states.cancel(request.id)
    await finish(states, request.id, 1)
    ended = await known(states, request.id)
    shown = [result.state for product in await states.products(request.id) for result in product.results]
    assert (ended.done_images, ended.failed_images) == (1, shown.count(ImageState.FAILED)) == (1, 3)
    assert await states.retry(request.id)
    assert len(await work_off(states, DONE)) == 3
    assert await finish(states, request.id, 2)
    assert (await known(states, request.id)).done_images == 4


async def test_many_failures_run_again_one_batch_after_another(states: StateStore) -> None:
    request = await upload(states, 1500)
    while claimed := await states.claim("worker", 500, lease=LEASE):
        await states.record([outcome(product, DONE if product.row % 5 == 0 else FAILED) for product in claimed])
    await finish(states, request.id)
    for round in (1, 2):
        assert await states.retry(request.id)
        assert (await known(states, request.id)).failed_images == 0
        worked = await work_off(states, FAILED)
        assert [product.row for product in worked] == [row for row in range(1, 1501) if row % 5]
        assert await finish(states, request.id, round)
        assert (await known(states, request.id)).failed_images == 1200


async def test_of_many_who_retry_at_once_one_does(shelf: StateShelf, states: StateStore) -> None:
    handles = [states, *[await shelf.open() for _ in range(3)]]
    request = await upload(states, 3)
    await work_off(states, FAILED)
    await finish(states, request.id)
    retried = await asyncio.gather(*(handles[n % 4].retry(request.id) for n in range(12)))
    assert sorted(retried) == [False] * 11 + [True]
    assert (await known(states, request.id)).round == 1
    assert len(await states.claim("worker", 10, lease=LEASE)) == 3


# ── erase, expire ─────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_an_erased_request_leaves_nothing(shelf: StateShelf, states: StateStore, several_lots: int) -> None:
    finished, request = await upload(states, 2), await upload(states, several_lots)
    await states.claim("worker", 20, lease=LEASE)
    await states.void(["worker"])
    for product in await states.claim("worker", 4, lease=LEASE):
        await states.record([outcome(product, DONE)])
    await finish(states, finished.id, deliveries=[notice(finished)])
    [leased] = await states.claim("worker", 1, lease=LEASE)
    for erased in (finished, request):
        await states.erase(erased.id)
        await states.erase(erased.id)
        assert await states.request(erased.id) is None
        assert await states.products(erased.id) == []
        assert await states.deliveries(erased.id) == []
        assert not await states.cancel(erased.id)
        assert not await states.retry(erased.id)
        assert not await finish(states, erased.id)
    assert await states.record([outcome(leased, DONE)]) == set()
    await shelf.pass_time(2 * LEASE)
    await states.sweep()
    assert await states.claim("worker", 10, lease=LEASE) == []
    assert await states.claim_deliveries("worker", 10, lease=LEASE) == []
    assert await states.to_finish() == []
    assert await states.expired(days=0) == []
    assert (await states.requests(None, limit=10)).items == ()
    assert set((await states.figures()).values()) == {0}


async def test_erasing_while_others_work_harms_none(shelf: StateShelf, states: StateStore, several_lots: int) -> None:
    other = await shelf.open()
    doomed, kept = await upload(states, several_lots), await upload(states, 50)

    async def keep_working() -> None:
        while claimed := await other.claim("worker", 20, lease=LEASE):
            await other.record([outcome(product, DONE) for product in claimed])

    working = asyncio.create_task(keep_working())
    await asyncio.sleep(0.02)
    await states.erase(doomed.id)
    await working
    assert await states.request(doomed.id) is None
    assert await states.to_finish() == [kept.id]
    assert (await known(states, kept.id)).done_images == 50
    assert set((await states.figures()).values()) == {0, 1}


async def test_what_is_old_is_found(shelf: StateShelf, states: StateStore) -> None:
    old, running = await upload(states, 1), await upload(states, 0)
    abandoned = draft()
    await states.create(abandoned)
    await states.add_products(abandoned.id, rows(2))
    await work_off(states, DONE)
    await finish(states, old.id)
    await states.cancel(running.id)
    assert await states.expired(days=30) == []
    await shelf.pass_time(DAY + HOUR)
    assert [request.id for request in await states.expired(days=30)] == [abandoned.id]
    await shelf.pass_time(29 * DAY)
    fresh = draft()
    await states.create(fresh)
    expired = await states.expired(days=30)
    assert {request.id for request in expired} == {old.id, abandoned.id}
    assert {request.folder for request in expired} == {old.folder, abandoned.folder}
    assert len(await states.expired(days=30, limit=1)) == 1
    for request in expired:
        await states.erase(request.id)
    assert await states.expired(days=30) == []
