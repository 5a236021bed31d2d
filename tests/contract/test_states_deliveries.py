"""Notifications are made with the end of a request, sent by one at a time, and at least once."""

from __future__ import annotations

import asyncio
from uuid import uuid4

from halve.core.models import Delivery, DeliveryKind, DeliveryState, Request
from halve.core.ports import StateStore
from tests.contract.conftest import StateShelf
from tests.contract.sample import DONE, LEASE, finish, notice, upload, work_off

DAY = 86_400.0


async def ended(states: StateStore, *kinds: DeliveryKind) -> tuple[Request, list[Delivery]]:
    request = await upload(states, 1)
    await work_off(states, DONE)
    made = [notice(request, kind) for kind in kinds or (DeliveryKind.WEBHOOK,)]
    assert await finish(states, request.id, deliveries=made)
    return request, made


async def listed(states: StateStore, request: Request) -> Delivery:
    [delivery] = await states.deliveries(request.id)
    return delivery


async def test_deliveries_are_listed_oldest_first(states: StateStore) -> None:
    request, made = await ended(states, DeliveryKind.WEBHOOK, DeliveryKind.EMAIL)
    found = await states.deliveries(request.id)
    assert [(d.id, d.kind, d.target, d.request_id) for d in found] == [(d.id, d.kind, d.target, request.id) for d in made]
    assert (await states.figures())["deliveries.due"] == 2


async def test_a_delivery_made_at_the_end_is_due_at_once(states: StateStore) -> None:
    request, [made] = await ended(states)
    now = await listed(states, request)
    assert (now.state, now.attempts, now.last_answer) == (DeliveryState.DUE, 0, None)
    assert now.due_at is not None
    assert [delivery.id for delivery in await states.claim_deliveries("worker", 5, lease=LEASE)] == [made.id]


async def test_a_due_delivery_is_leased_to_one(shelf: StateShelf, states: StateStore) -> None:
    other = await shelf.open()
    _, made = await ended(states, *[DeliveryKind.WEBHOOK] * 6)
    claims = await asyncio.gather(*((states, other)[n % 2].claim_deliveries(f"w{n}", 2, lease=LEASE) for n in range(8)))
    leased = [delivery for claim in claims for delivery in claim]
    assert sorted(d.id for d in leased) == sorted(d.id for d in made)
    assert {(d.state, d.attempts, d.fence) for d in leased} == {(DeliveryState.LEASED, 1, 1)}


async def test_a_delivery_that_arrived_is_over(states: StateStore) -> None:
    request, _ = await ended(states)
    [delivery] = await states.claim_deliveries("worker", 5, lease=LEASE)
    await states.record_delivery(delivery, state=DeliveryState.DELIVERED, answer="200 OK")
    now = await listed(states, request)
    assert (now.state, now.attempts, now.last_answer, now.due_at) == (DeliveryState.DELIVERED, 1, "200 OK", None)
    assert await states.claim_deliveries("worker", 5, lease=LEASE) == []


async def test_a_delivery_that_failed_is_due_again_after_its_delay(shelf: StateShelf, states: StateStore) -> None:
    request, _ = await ended(states)
    for attempt in (1, 2, 3):
        [delivery] = await states.claim_deliveries("worker", 5, lease=LEASE)
        assert delivery.attempts == attempt
        await states.record_delivery(delivery, state=DeliveryState.DUE, answer=f"503, “busy” {attempt}", delay=300)
        assert await states.claim_deliveries("worker", 5, lease=LEASE) == []
        assert (await listed(states, request)).last_answer == f"503, “busy” {attempt}"
        await shelf.pass_time(301)
    [delivery] = await states.claim_deliveries("worker", 5, lease=LEASE)
    await states.record_delivery(delivery, state=DeliveryState.FAILED, answer="410 Gone")
    await shelf.pass_time(DAY)
    assert await states.claim_deliveries("worker", 5, lease=LEASE) == []
    assert (await listed(states, request)).state is DeliveryState.FAILED


async def test_a_delivery_whose_sender_vanished_is_sent_by_another(shelf: StateShelf, states: StateStore) -> None:
    request, _ = await ended(states)
    [old] = await states.claim_deliveries("slow", 5, lease=LEASE)
    await shelf.pass_time(LEASE + 1)
    assert await states.sweep() == 1
    [new] = await states.claim_deliveries("quick", 5, lease=LEASE)
    assert (new.id, new.attempts) == (old.id, 2)
    assert new.fence > old.fence
    await states.record_delivery(old, state=DeliveryState.FAILED, answer="too late")
    assert (await listed(states, request)).state is DeliveryState.LEASED
    await states.record_delivery(new, state=DeliveryState.DELIVERED, answer="204")
    await states.record_delivery(new, state=DeliveryState.DUE, answer="again")
    assert (await listed(states, request)).last_answer == "204"


async def test_the_dead_lose_their_deliveries_at_once(states: StateStore) -> None:
    await ended(states)
    [old] = await states.claim_deliveries("dead", 5, lease=LEASE)
    assert await states.void(["dead"]) == 1
    [new] = await states.claim_deliveries("alive", 5, lease=LEASE)
    assert new.id == old.id


async def test_leases_of_deliveries_are_renewed_with_the_others(shelf: StateShelf, states: StateStore) -> None:
    await ended(states)
    await states.claim_deliveries("worker", 5, lease=LEASE)
    await shelf.pass_time(LEASE - 10)
    await states.renew("worker", lease=LEASE)
    await shelf.pass_time(20)
    assert await states.sweep() == 0


async def test_a_delivery_due_absurdly_late_is_due_at_once(shelf: StateShelf, states: StateStore) -> None:
    await ended(states)
    [delivery] = await states.claim_deliveries("worker", 5, lease=LEASE)
    await states.record_delivery(delivery, state=DeliveryState.DUE, answer="503", delay=DAY)
    assert await states.sweep() == 0
    await shelf.pass_time(-DAY)
    assert await states.claim_deliveries("worker", 5, lease=LEASE) == []
    assert await states.sweep() == 1
    assert len(await states.claim_deliveries("worker", 5, lease=LEASE)) == 1
    await shelf.pass_time(-2 * DAY)
    assert await states.sweep() == 1


async def test_a_delivery_is_sent_again_under_its_old_id(states: StateStore) -> None:
    request, [made] = await ended(states)
    [delivery] = await states.claim_deliveries("worker", 5, lease=LEASE)
    await states.record_delivery(delivery, state=DeliveryState.FAILED, answer="gone")
    assert await states.redeliver(request.id, DeliveryKind.WEBHOOK)
    [again] = await states.claim_deliveries("worker", 5, lease=LEASE)
    assert (again.id, again.attempts) == (made.id, 1)
    await states.record_delivery(delivery, state=DeliveryState.FAILED, answer="stale")
    assert (await listed(states, request)).state is DeliveryState.LEASED


async def test_what_is_being_sent_may_be_asked_for_again(states: StateStore) -> None:
    """The attempt that is under way changes nothing then, or the wish would be lost."""
    request, _ = await ended(states)
    [delivery] = await states.claim_deliveries("worker", 5, lease=LEASE)
    assert await states.redeliver(request.id, DeliveryKind.WEBHOOK)
    await states.record_delivery(delivery, state=DeliveryState.DELIVERED, answer="200")
    [again] = await states.claim_deliveries("worker", 5, lease=LEASE)
    assert again.id == delivery.id


async def test_the_newest_delivery_of_a_kind_is_the_one_sent_again(states: StateStore) -> None:
    request, made = await ended(states, DeliveryKind.WEBHOOK, DeliveryKind.EMAIL, DeliveryKind.WEBHOOK)
    for delivery in await states.claim_deliveries("worker", 5, lease=LEASE):
        await states.record_delivery(delivery, state=DeliveryState.DELIVERED, answer="ok")
    assert await states.redeliver(request.id, DeliveryKind.WEBHOOK)
    assert [d.id for d in await states.claim_deliveries("worker", 5, lease=LEASE)] == [made[2].id]
    assert await states.redeliver(request.id, DeliveryKind.EMAIL)
    assert [d.id for d in await states.claim_deliveries("worker", 5, lease=LEASE)] == [made[1].id]


async def test_there_is_nothing_to_send_again_without_a_delivery(states: StateStore) -> None:
    request, _ = await ended(states, DeliveryKind.WEBHOOK)
    other = await upload(states, 1)
    assert not await states.redeliver(request.id, DeliveryKind.EMAIL)
    assert not await states.redeliver(other.id, DeliveryKind.WEBHOOK)
    assert not await states.redeliver(uuid4(), DeliveryKind.WEBHOOK)


async def test_those_due_longest_are_sent_first(shelf: StateShelf, states: StateStore) -> None:
    first, _ = await ended(states)
    await shelf.pass_time(5)
    second, _ = await ended(states)
    assert [d.request_id for d in await states.claim_deliveries("worker", 1, lease=LEASE)] == [first.id]
    assert [d.request_id for d in await states.claim_deliveries("worker", 1, lease=LEASE)] == [second.id]
    assert await states.claim_deliveries("worker", 0, lease=LEASE) == []
