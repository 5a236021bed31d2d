"""Work is handed out once, in a fair order, and counted once."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import replace

import pytest

from halve.core.models import ImageState, Outcome, Product, ProductState, Status
from halve.core.ports import StateStore
from tests.contract.conftest import StateShelf
from tests.contract.sample import DONE, FAILED, KEPT, LEASE, PENDING, finish, known, outcome, upload, where, work_off

DAY = 86_400.0


async def the_product(states: StateStore, product: Product) -> Product:
    [found] = await states.products(product.request_id, after_row=product.row - 1, limit=1)
    return found


# ── claim ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_claim_leases_products_with_a_new_fence(states: StateStore) -> None:
    request = await upload(states, 3, 2)
    claimed = await states.claim("worker", 2, lease=LEASE)
    assert where(claimed) == [(request.id, 1), (request.id, 2)]
    assert {product.state for product in claimed} == {ProductState.LEASED}
    assert {product.fence for product in claimed} == {1}
    assert claimed[0].input_urls == ("https://shop.test/1/0.jpg", "https://shop.test/1/1.jpg")
    assert claimed[0].results == (PENDING, PENDING)
    assert where(await states.claim("other", 10, lease=LEASE)) == [(request.id, 3)]
    assert await states.claim("other", 10, lease=LEASE) == []


async def test_nothing_is_claimed_where_nothing_is_asked_for(states: StateStore) -> None:
    request = await upload(states)
    assert await states.claim("worker", 0, lease=LEASE) == []
    assert (await known(states, request.id)).status is Status.PENDING


async def test_the_first_claim_turns_a_request_from_pending_to_processing(states: StateStore) -> None:
    first, second = await upload(states), await upload(states)
    await states.claim("worker", 1, lease=LEASE)
    assert (await known(states, first.id)).status is Status.PROCESSING
    assert (await known(states, second.id)).status is Status.PENDING


async def test_a_small_sheet_does_not_wait_behind_a_huge_one(states: StateStore, several_lots: int) -> None:
    huge = await upload(states, several_lots)
    await states.claim("worker", 10, lease=LEASE)
    small = await upload(states, 5)
    seen: list[int] = []
    for _ in range(5):
        seen += [product.row for product in await states.claim("worker", 4, lease=LEASE) if product.request_id == small.id]
    assert seen == [1, 2, 3, 4, 5]
    assert (await known(states, huge.id)).status is Status.PROCESSING


async def test_first_places_come_before_second_ones(states: StateStore) -> None:
    requests = [await upload(states, 4) for _ in range(3)]
    claimed = await states.claim("worker", 9, lease=LEASE)
    assert where(claimed) == [(request.id, row) for row in (1, 2, 3) for request in requests]


async def test_a_huge_sheet_is_not_starved_by_small_ones(states: StateStore) -> None:
    huge = await upload(states, 300)
    await states.claim("worker", 100, lease=LEASE)
    counted: Counter[bool] = Counter()
    for _ in range(12):
        await upload(states, 4)
        counted.update(product.request_id == huge.id for product in await states.claim("worker", 4, lease=LEASE))
    assert counted[True] == 12  # one claim in four


async def test_every_product_of_a_large_sheet_is_handed_out_once_and_in_order(states: StateStore) -> None:
    request = await upload(states, 2200)
    rows: list[int] = []
    while claimed := await states.claim("worker", 170, lease=LEASE):
        rows += [product.row for product in claimed]
    assert rows == list(range(1, 2201))
    assert (await states.figures())["products.leased"] == 2200
    assert (await known(states, request.id)).status is Status.PROCESSING


async def test_large_sheets_take_turns_all_the_way(states: StateStore) -> None:
    """Also where their rows become claimable a batch at a time."""
    first, second = await upload(states, 2300), await upload(states, 2300)
    taken = Counter({first.id: 0, second.id: 0})
    while claimed := await states.claim("worker", 100, lease=LEASE):
        taken.update(product.request_id for product in claimed)
        # One claim in four serves the older one, so it may be ahead; the younger one is never ahead of it by more than a claim.
        assert taken[second.id] <= taken[first.id] + 100
        if taken[first.id] < 2300:
            assert taken[second.id] >= taken[first.id] * 0.5 - 100
    assert taken == {first.id: 2300, second.id: 2300}


async def test_a_product_is_leased_to_one_of_many_who_ask_at_once(shelf: StateShelf, states: StateStore) -> None:
    handles = [states, *[await shelf.open() for _ in range(3)]]
    await upload(states, 100)
    claims = await asyncio.gather(*(handles[n % 4].claim(f"worker {n}", 7, lease=LEASE) for n in range(20)))
    rows = [product.row for claim in claims for product in claim]
    assert sorted(rows) == list(range(1, 101))


# ── record ────────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_outcomes_are_kept_and_counted(states: StateStore) -> None:
    request = await upload(states, 2, 3)
    first, second = await states.claim("worker", 2, lease=LEASE)
    assert await states.record([outcome(first, DONE, KEPT, FAILED)]) == set()
    assert await states.record([outcome(second, DONE, DONE, DONE)]) == {request.id}
    assert [product.state for product in await states.products(request.id)] == [ProductState.FAILED, ProductState.DONE]
    assert (await the_product(states, first)).results == (DONE, KEPT, FAILED)
    now = await known(states, request.id)
    assert (now.done_images, now.failed_images, now.bytes_in, now.bytes_out, now.percent) == (5, 1, 4100, 1699, 100)
    assert now.status is Status.PROCESSING


async def test_results_come_back_as_they_were_given(states: StateStore) -> None:
    odd = replace(
        FAILED, round=3, attempts=7, crashes=2, error_code="x_y", error="“odd”; 'quoted' \"too\", näh", bytes_in=2**40, width=65535
    )
    await upload(states, 1, 2)
    [product] = await states.claim("worker", 1, lease=LEASE)
    await states.record([Outcome(product.request_id, 1, product.fence, (odd, DONE), ProductState.FAILED)])
    assert (await the_product(states, product)).results == (odd, DONE)


async def test_saying_it_twice_counts_it_once(states: StateStore) -> None:
    request = await upload(states, 2, 2)
    first, second = await states.claim("worker", 2, lease=LEASE)
    for _ in range(2):
        await states.record([outcome(first, DONE, PENDING, state=ProductState.LEASED)])
    await states.record([outcome(first, DONE, FAILED), outcome(first, DONE, FAILED), outcome(second, DONE, DONE)])
    await states.record([outcome(second, FAILED, FAILED)])
    now = await known(states, request.id)
    assert (now.done_images, now.failed_images, now.bytes_in) == (3, 1, 3000)


async def test_progress_is_counted_while_the_lease_goes_on(states: StateStore) -> None:
    request = await upload(states, 1, 3)
    [product] = await states.claim("worker", 1, lease=LEASE)
    for results, counts in (
        ((DONE, PENDING, PENDING), (1, 0)),
        ((DONE, FAILED, PENDING), (1, 1)),
        ((DONE, PENDING, PENDING), (1, 0)),
    ):
        assert await states.record([outcome(product, *results, state=ProductState.LEASED)]) == set()
        now = await known(states, request.id)
        assert (now.done_images, now.failed_images) == counts
    assert await states.record([outcome(product, DONE, DONE, DONE)]) == {request.id}
    assert (await known(states, request.id)).done_images == 3


async def test_a_stale_fence_changes_nothing(shelf: StateShelf, states: StateStore) -> None:
    request = await upload(states, 1)
    [old] = await states.claim("slow", 1, lease=LEASE)
    await shelf.pass_time(LEASE + 1)
    await states.sweep()
    assert await states.record([outcome(old, DONE)]) == set()
    [new] = await states.claim("quick", 1, lease=LEASE)
    assert new.fence > old.fence
    assert await states.record([outcome(old, DONE)]) == set()
    assert (await known(states, request.id)).done_images == 0
    assert (await the_product(states, new)).state is ProductState.LEASED
    assert await states.record([outcome(new, FAILED)]) == {request.id}


async def test_a_lease_past_its_time_holds_until_it_is_swept(shelf: StateShelf, states: StateStore) -> None:
    request = await upload(states, 1)
    [product] = await states.claim("slow", 1, lease=LEASE)
    await shelf.pass_time(LEASE + 1)
    assert await states.claim("other", 1, lease=LEASE) == []
    assert await states.record([outcome(product, DONE)]) == {request.id}


async def test_what_is_unknown_or_erased_is_passed_over(states: StateStore) -> None:
    gone, kept = await upload(states, 1), await upload(states, 1)
    products = await states.claim("worker", 2, lease=LEASE)
    await states.erase(gone.id)
    ghost = replace(outcome(products[1], DONE), row=99)
    assert await states.record([ghost, *(outcome(product, DONE) for product in products)]) == {kept.id}
    assert (await known(states, kept.id)).done_images == 1
    assert await states.record([]) == set()


async def test_a_batch_may_speak_of_many_requests(states: StateStore) -> None:
    requests = [await upload(states, 2) for _ in range(5)]
    products = await states.claim("worker", 10, lease=LEASE)
    spoken = [outcome(product, DONE) for product in products if product.row == 1 or product.request_id != requests[0].id]
    assert await states.record(spoken) == {request.id for request in requests[1:]}


async def test_the_requests_with_none_open_are_told_again(states: StateStore) -> None:
    """For the sake of one who was killed between the record and the finish."""
    request = await upload(states, 1)
    [product] = await states.claim("worker", 1, lease=LEASE)
    assert await states.record([outcome(product, DONE)]) == {request.id}
    assert await states.record([outcome(product, DONE)]) == {request.id}
    assert await states.to_finish() == [request.id]


async def test_waiting_products_come_back_after_their_delay(shelf: StateShelf, states: StateStore) -> None:
    request = await upload(states, 1, 2)
    [product] = await states.claim("worker", 1, lease=LEASE)
    waiting = outcome(product, DONE, replace(PENDING, attempts=1), state=ProductState.WAITING, delay=120)
    assert await states.record([waiting]) == set()
    assert (await the_product(states, product)).state is ProductState.WAITING
    assert await states.sweep() == 0
    await shelf.pass_time(121)
    assert await states.claim("worker", 1, lease=LEASE) == []
    assert await states.sweep() == 1
    [again] = await states.claim("worker", 1, lease=LEASE)
    assert (again.fence, again.lost) == (2, 0)
    assert again.results == waiting.results
    assert (await known(states, request.id)).done_images == 1


async def test_a_product_handed_back_is_ready_at_once(states: StateStore) -> None:
    await upload(states, 1)
    [product] = await states.claim("worker", 1, lease=LEASE)
    await states.record([replace(outcome(product, *product.results, state=ProductState.READY))])
    [again] = await states.claim("other", 1, lease=LEASE)
    assert (again.lost, again.results) == (0, product.results)
    assert again.fence > product.fence


async def test_a_product_is_not_cancelled_by_its_record(states: StateStore) -> None:
    await upload(states, 1)
    [product] = await states.claim("worker", 1, lease=LEASE)
    with pytest.raises(ValueError):
        await states.record([outcome(product, DONE, state=ProductState.CANCELLED)])


async def test_failures_are_found_without_the_rest(states: StateStore) -> None:
    request = await upload(states, 20, 2)
    for product in await states.claim("worker", 20, lease=LEASE):
        await states.record([outcome(product, DONE, FAILED if product.row % 5 == 0 else DONE)])
    failed = await states.products(request.id, failed_only=True)
    assert [product.row for product in failed] == [5, 10, 15, 20]
    assert [p.row for p in await states.products(request.id, failed_only=True, after_row=5, limit=2)] == [10, 15]


async def test_a_failure_is_found_while_its_product_is_still_at_work(states: StateStore) -> None:
    request = await upload(states, 2, 2)
    [product] = await states.claim("worker", 1, lease=LEASE)
    await states.record([outcome(product, FAILED, PENDING, state=ProductState.LEASED)])
    assert [product.row for product in await states.products(request.id, failed_only=True)] == [1]


# ── leases ────────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_renewing_keeps_leases_and_brings_none_back(shelf: StateShelf, states: StateStore) -> None:
    await upload(states, 4)
    kept = await states.claim("alive", 2, lease=LEASE)
    lost = await states.claim("dead", 2, lease=LEASE)
    await shelf.pass_time(LEASE - 10)
    await states.renew("alive", lease=LEASE)
    await shelf.pass_time(20)
    assert await states.sweep() == 2
    await states.renew("dead", lease=LEASE)
    assert sorted(where(await states.claim("third", 9, lease=LEASE))) == sorted(where(lost))
    assert await states.record([outcome(product, DONE) for product in kept]) == set()
    assert (await known(states, kept[0].request_id)).done_images == 2


async def test_a_lost_lease_is_noted_and_charged_to_nobody(shelf: StateShelf, states: StateStore) -> None:
    await upload(states, 1)
    for lost in range(3):
        [product] = await states.claim("worker", 1, lease=LEASE)
        assert (product.lost, product.fence) == (lost, lost + 1)
        await shelf.pass_time(LEASE + 1)
        assert await states.sweep() == 1


async def test_the_dead_lose_their_leases_at_once(states: StateStore) -> None:
    await upload(states, 2500)
    dead = [product for _ in range(6) for product in await states.claim("dead", 200, lease=LEASE)]
    also = await states.claim("also dead", 5, lease=LEASE)
    alive = await states.claim("alive", 5, lease=LEASE)
    assert await states.void(["dead", "also dead", "unknown"]) == 1205
    assert await states.void(["dead", "also dead"]) == 0
    assert await states.void([]) == 0
    assert await states.record([outcome(dead[0], DONE), outcome(also[0], DONE), outcome(alive[0], DONE)]) == set()
    assert (await known(states, dead[0].request_id)).done_images == 1
    again = await states.claim("next", 5, lease=LEASE)
    assert where(again) == where(dead[:5])
    assert {product.lost for product in again} == {0}


async def test_a_sweep_takes_no_more_than_its_limit(shelf: StateShelf, states: StateStore) -> None:
    await upload(states, 25)
    await states.claim("dead", 25, lease=LEASE)
    await shelf.pass_time(LEASE + 1)
    assert [await states.sweep(limit=10) for _ in range(4)] == [10, 10, 5, 0]


async def test_what_is_due_absurdly_late_comes_back(shelf: StateShelf, states: StateStore) -> None:
    """Clocks jump: what was timed by a clock two days ahead is not waited for."""
    await upload(states, 3)
    leased, waiting, soon = await states.claim("worker", 3, lease=LEASE)
    await states.record([outcome(waiting, PENDING, state=ProductState.WAITING, delay=100)])
    await shelf.pass_time(-2 * DAY)
    await states.renew("worker", lease=LEASE)
    assert await states.sweep() == 1
    [back] = await states.claim("worker", 9, lease=LEASE)
    assert (back.row, back.lost) == (waiting.row, 0)
    await shelf.pass_time(-2 * DAY)
    assert await states.sweep() == 3
    assert {product.lost for product in await states.claim("worker", 9, lease=LEASE)} == {0}
    assert await states.record([outcome(leased, DONE), outcome(soon, DONE)]) == set()


async def test_a_day_is_not_absurd(shelf: StateShelf, states: StateStore) -> None:
    await upload(states, 1)
    [product] = await states.claim("worker", 1, lease=LEASE)
    await states.record([outcome(product, PENDING, state=ProductState.WAITING, delay=DAY)])
    assert await states.sweep() == 0
    await shelf.pass_time(DAY + 1)
    assert await states.sweep() == 1


# ── figures ───────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_figures_tell_what_there_is_to_do(states: StateStore, several_lots: int) -> None:
    await upload(states, several_lots)
    ended = await upload(states, 1)
    products = await states.claim("worker", 10, lease=LEASE)
    done = next(product for product in products if product.request_id == ended.id)
    rest = [product for product in products if product.request_id != ended.id]
    await states.record([outcome(done, DONE), outcome(rest[0], PENDING, state=ProductState.WAITING, delay=99)])
    await finish(states, ended.id)
    assert await states.figures() == {
        "requests.pending": 0,
        "requests.processing": 1,
        "requests.completed": 1,
        "requests.failed": 0,
        "requests.cancelled": 0,
        "products.ready": several_lots - 9,
        "products.waiting": 1,
        "products.leased": 8,
        "deliveries.due": 0,
    }


async def test_images_of_a_product_may_wait_and_fail_and_succeed_in_any_order(states: StateStore) -> None:
    request = await upload(states, 40, 3)
    worked = await work_off(states, DONE, FAILED, KEPT)
    assert len(worked) == 40
    now = await known(states, request.id)
    assert (now.done_images, now.failed_images) == (80, 40)
    states_of_images = [result.state for product in await states.products(request.id) for result in product.results]
    assert Counter(states_of_images) == {ImageState.DONE: 40, ImageState.FAILED: 40, ImageState.KEPT: 40}
