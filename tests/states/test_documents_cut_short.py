"""A document store's steps are of several writes: every operation is killed before each of them in turn, and the next process makes
it good.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from halve.core.models import DeliveryState, ImageState, Product, ProductState, Request, Status
from halve.core.ports import StateStore
from halve.states import firestore
from halve.states.firestore import FirestoreStates
from halve.states.mongo import MongoStates
from tests.contract import backends
from tests.contract.sample import DONE, FAILED, LEASE, PENDING, draft, finish, known, notice, outcome, publish, rows, upload
from tests.support.dying import Killed, dying
from tests.support.dying_firestore import dying_firestore
from tests.support.firestore import ask
from tests.support.lots import small_lots

PRODUCTS, IMAGES = 10, 2


pytestmark = pytest.mark.torture  # dozens of killed connections


@pytest.fixture(params=["mongodb", "firestore"])
async def url(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> AsyncIterator[str]:
    """Of an empty database; lots are small, so that ten products are several."""
    small_lots(monkeypatch, 4)
    monkeypatch.setattr(firestore, "MEND_EVERY", 0.0)
    async with backends.STATES[request.param].empty(tmp_path) as url:
        yield url


@pytest.fixture
async def states(url: str) -> AsyncIterator[StateStore]:
    states: StateStore = await (MongoStates if url.startswith("mongodb") else FirestoreStates).open(url)
    await states.migrate()
    yield states
    await states.close()


async def all_documents(url: str, states: Any) -> int:
    if url.startswith("firestore"):
        names = [name.split("/documents/")[1] for name in await asyncio.to_thread(ask, url, "names")]
        return len([name for name in names if not name.startswith(("meta/", "secrets/"))])
    base = states._base
    return sum([await collection.count_documents({}) for collection in (base.requests, base.products, base.deliveries)])


@dataclass
class Scene:
    """The survivor's handle, the one that dies, and what they are about."""

    url: str
    states: StateStore
    request: Request

    async def pass_time(self, seconds: float) -> None:
        await backends.STATES[self.url.partition(":")[0]].pass_time(self.url, seconds)

    async def killed(self, do: Callable[[StateStore], Awaitable[object]], *, after: int) -> bool:
        """Whether it came to the killing: it may have been done before."""
        doomed: Any = (dying if self.url.startswith("mongodb") else dying_firestore)(self.url, after=after)
        doomed._checked = True
        try:
            await do(doomed)
        except Killed:
            return True
        finally:
            await doomed.close()
        return False

    async def recover(self) -> None:
        """What workers do all the time, after the leases of the dead one have run out."""
        for _ in range(2):
            await self.pass_time(2 * LEASE)
            await self.states.sweep()

    async def work_off(self) -> list[Product]:
        worked: list[Product] = []
        while claimed := await self.states.claim("survivor", 2, lease=LEASE):
            await self.states.record([outcome(product, *[DONE] * IMAGES) for product in claimed])
            worked += claimed
        return worked

    async def truth(self) -> tuple[int, int]:
        """Images done, and those that failed in this round or, after the end, at all; by the products alone."""
        now = await known(self.states, self.request.id)
        results = [result for product in await self.states.products(self.request.id) for result in product.results]
        failed = [r for r in results if r.state is ImageState.FAILED and (now.finished or r.round == now.round)]
        return sum(result.succeeded for result in results), len(failed)

    async def check_counts(self) -> Request:
        now = await known(self.states, self.request.id)
        done, failed = await self.truth()
        assert (now.done_images, now.failed_images, now.bytes_in, now.bytes_out) == (done, failed, 1000 * done, 400 * done)
        return now

    async def check_end(self, round: int = 0) -> Request:
        """It can be ended, once, and says what is so."""
        assert await self.states.to_finish() == [self.request.id]
        assert await finish(self.states, self.request.id, round, deliveries=[notice(self.request)])
        assert not await finish(self.states, self.request.id, round)
        return await self.check_counts()


@pytest.fixture
async def scene(url: str, states: StateStore) -> Scene:
    return Scene(url, states, await upload(states, PRODUCTS, IMAGES))


KILLS = range(7)


@pytest.mark.parametrize("after", KILLS)
async def test_an_upload_said_again_after_a_kill_is_whole_and_there_once(url: str, states: StateStore, after: int) -> None:
    scene = Scene(url, states, draft())

    async def upload_it(states: StateStore) -> None:
        await states.create(scene.request)
        await states.add_products(scene.request.id, rows(6, IMAGES))
        await states.add_products(scene.request.id, rows(4, IMAGES, first=7))
        await publish(states, scene.request, images=PRODUCTS * IMAGES)

    await scene.killed(upload_it, after=after)
    if await states.request(scene.request.id) is None:
        assert await states.claim("early", 2, lease=LEASE) == []
        await upload_it(states)
    await scene.recover()
    assert [product.row for product in await scene.work_off()] == list(range(1, PRODUCTS + 1))
    assert (await scene.check_end()).done_images == PRODUCTS * IMAGES


@pytest.mark.parametrize("after", KILLS)
@pytest.mark.parametrize("claims", [1, 2])
async def test_what_a_killed_worker_claimed_is_worked_on_by_another(scene: Scene, claims: int, after: int) -> None:
    async def claim(states: StateStore) -> None:
        for _ in range(claims):
            await states.claim("doomed", 2, lease=LEASE)

    await scene.killed(claim, after=after)
    await scene.recover()
    assert sorted(product.row for product in await scene.work_off()) == list(range(1, PRODUCTS + 1))
    assert (await scene.check_end()).done_images == PRODUCTS * IMAGES


@pytest.mark.parametrize("after", range(5))
@pytest.mark.parametrize("last", [False, True])
async def test_what_a_killed_worker_recorded_counts_once(scene: Scene, after: int, last: bool) -> None:
    held: list[Product] = []
    while len(held) < PRODUCTS and (claimed := await scene.states.claim("doomed", 2, lease=LEASE)):
        held += claimed
    assert len(held) == PRODUCTS
    said = held if last else held[:5]

    async def record(states: StateStore) -> None:
        await states.record([outcome(product, DONE, DONE if product.row % 2 else FAILED) for product in said])

    await scene.killed(record, after=after)
    await scene.check_counts()
    await record(scene.states)
    await scene.check_counts()
    await scene.recover()
    await scene.check_counts()
    await scene.work_off()
    ended = await scene.check_end()
    assert ended.done_images + ended.failed_images == PRODUCTS * IMAGES


@pytest.mark.parametrize("after", range(5))
async def test_the_last_record_of_a_killed_worker_ends_in_a_finish(scene: Scene, after: int) -> None:
    held: list[Product] = []
    while claimed := await scene.states.claim("doomed", 2, lease=LEASE):
        held += claimed
    await scene.killed(lambda states: states.record([outcome(product, DONE, DONE) for product in held]), after=after)
    await scene.recover()
    await scene.work_off()
    assert (await scene.check_end()).done_images == PRODUCTS * IMAGES


@pytest.mark.parametrize("after", KILLS)
async def test_a_request_whose_cancelling_was_cut_short_ends_as_cancelled_and_can_run_again(scene: Scene, after: int) -> None:
    first, second = await scene.states.claim("doomed", 2, lease=LEASE)
    await scene.states.record([outcome(first, DONE, PENDING, state=ProductState.WAITING, delay=60)])
    if not await scene.killed(lambda states: states.cancel(scene.request.id), after=after):
        assert (await known(scene.states, scene.request.id)).status is Status.CANCELLED
    if (await known(scene.states, scene.request.id)).status is not Status.CANCELLED:
        assert await scene.states.cancel(scene.request.id)
    assert {product.state for product in await scene.states.products(scene.request.id)} == {ProductState.CANCELLED}
    assert await scene.states.record([outcome(second, DONE, DONE)]) == set()
    await scene.recover()
    assert await scene.states.claim("survivor", 2, lease=LEASE) == []
    ended = await scene.check_end()
    assert (ended.status, ended.done_images) == (Status.CANCELLED, 1)
    assert set((await scene.states.figures()).values()) <= {0, 1}
    assert await scene.states.retry(scene.request.id)
    assert len(await scene.work_off()) == PRODUCTS
    assert (await scene.check_end(1)).done_images == PRODUCTS * IMAGES


@pytest.mark.parametrize("after", range(5))
async def test_an_end_that_was_cut_short_has_its_deliveries_once(scene: Scene, after: int) -> None:
    await scene.work_off()
    made = notice(scene.request)
    await scene.killed(lambda states: finish(states, scene.request.id, deliveries=[made]), after=after)
    await scene.recover()
    ended = (await known(scene.states, scene.request.id)).finished
    assert await finish(scene.states, scene.request.id, deliveries=[made]) is not ended
    assert [(d.id, d.state) for d in await scene.states.deliveries(scene.request.id)] == [(made.id, DeliveryState.DUE)]
    [leased] = await scene.states.claim_deliveries("survivor", 9, lease=LEASE)
    assert leased.id == made.id
    assert await scene.states.claim_deliveries("survivor", 9, lease=LEASE) == []


@pytest.mark.parametrize("after", KILLS)
async def test_a_retry_that_was_cut_short_runs_all_that_failed_once(scene: Scene, after: int) -> None:
    for _ in range(5):
        for product in await scene.states.claim("worker", 2, lease=LEASE):
            await scene.states.record([outcome(product, DONE, DONE if product.row == 3 else FAILED)])
    await scene.check_end()
    await scene.killed(lambda states: states.retry(scene.request.id), after=after)
    if (await known(scene.states, scene.request.id)).finished:
        assert await scene.states.retry(scene.request.id)
    now = await scene.check_counts()
    assert (now.round, now.done_images, now.failed_images) == (1, 11, 0)
    await scene.recover()
    assert [product.row for product in await scene.work_off()] == [row for row in range(1, PRODUCTS + 1) if row != 3]
    assert (await scene.check_end(1)).done_images == PRODUCTS * IMAGES
    assert len(await scene.states.deliveries(scene.request.id)) == 2


@pytest.mark.parametrize("after", KILLS)
async def test_an_erasure_that_was_cut_short_is_gone_on_with(scene: Scene, after: int) -> None:
    leased = await scene.states.claim("worker", 2, lease=LEASE)
    await scene.killed(lambda states: states.erase(scene.request.id), after=after)
    if after == 0:
        await scene.states.erase(scene.request.id)
    assert await scene.states.request(scene.request.id) is None
    assert await scene.states.products(scene.request.id) == []
    assert await scene.states.record([outcome(leased[0], DONE, DONE)]) == set()
    await scene.recover()
    assert await all_documents(scene.url, scene.states) == 0


async def test_a_claim_that_nobody_heard_of_is_given_back(url: str, scene: Scene) -> None:
    """Its holder lives, and would renew the leases for ever."""
    for wait in range(12):
        task = asyncio.create_task(scene.states.claim("worker", 1, lease=LEASE))
        await asyncio.sleep(0.001 * wait)
        task.cancel()
        claimed = (await asyncio.gather(task, return_exceptions=True))[0]
        if isinstance(claimed, list):
            await scene.states.record([outcome(p, *p.results, state=ProductState.READY) for p in claimed])
    seen: set[tuple[UUID, int]] = set()
    while claimed := await scene.states.claim("worker", 2, lease=LEASE):
        seen |= {(product.request_id, product.row) for product in claimed}
    assert len(seen) == PRODUCTS
