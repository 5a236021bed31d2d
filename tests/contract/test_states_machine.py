"""Whatever is done in whatever order, the store and a simple model of it agree on every product and every count."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar, cast

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, multiple, rule, run_state_machine_as_test

from halve.core.models import ImageResult, ImageState, Outcome, Product, ProductState
from halve.core.ports import StateStore
from tests.contract.conftest import StateShelf
from tests.contract.model import Model, to_be_tried, tried
from tests.contract.sample import DONE, FAILED, KEPT, PENDING, finish, notice, upload

T = TypeVar("T")

HOLDERS = st.sampled_from(["anna", "bo", "cia"])
LEASES = st.sampled_from([100.0, 1000.0])
RESULTS = st.sampled_from([DONE, KEPT, FAILED, PENDING])


class StateMachine(RuleBasedStateMachine):
    """Runs in a thread, since Hypothesis knows no coroutines; the store's are sent to the loop it belongs to."""

    requests: Bundle[Any] = Bundle("requests")
    leases: Bundle[Product] = Bundle("leases")

    def __init__(self, shelf: StateShelf, states: StateStore, loop: asyncio.AbstractEventLoop, *, exact: bool = True) -> None:
        super().__init__()
        self.shelf, self.states, self.loop, self.exact = shelf, states, loop, exact
        self.model = Model()

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(60)

    @initialize(target=requests, products=st.integers(1, 6), images=st.integers(1, 3))
    def begin(self, products: int, images: int) -> Any:
        return self.upload_one(products, images)

    @rule(target=requests, products=st.integers(1, 12), images=st.integers(1, 3))
    def upload(self, products: int, images: int) -> Any:
        return self.upload_one(products, images)

    def upload_one(self, products: int, images: int) -> Any:
        request = self.run(upload(self.states, products, images))
        self.model.upload(request, products, images)
        return request

    @rule(target=leases, holder=HOLDERS, n=st.integers(1, 10), lease=LEASES)
    def claim(self, holder: str, n: int, lease: float) -> Any:
        ready = self.model.count(ProductState.READY)
        claimed = self.run(self.states.claim(holder, n, lease=lease))
        assert len(claimed) <= min(n, ready)
        assert len(claimed) == min(n, ready) if self.exact else bool(claimed) == bool(ready)
        for product in claimed:
            self.model.claim(product, holder, lease)
        return multiple(*claimed)

    @rule(
        lease=leases, new=st.lists(RESULTS, min_size=3, max_size=3), delay=st.sampled_from([0.0, 50.0, 500.0]), over=st.booleans()
    )
    def record(self, lease: Product, new: tuple[ImageResult, ...], delay: float, over: bool) -> None:
        self.record_as(lease, new, delay, over=over)

    def record_as(self, lease: Product, new: tuple[ImageResult, ...], delay: float, *, over: bool) -> None:
        product = self.model.leased(lease)
        before = product.results if product else lease.results
        results = tuple(tried(result, now, lease.round) for result, now in zip(before, new, strict=False))
        if not over or any(to_be_tried(result, lease.round) for result in results):
            state = ProductState.WAITING if over else ProductState.LEASED
        else:
            state = ProductState.DONE if all(result.succeeded for result in results) else ProductState.FAILED
        self.say(lease, results, state, delay)

    @rule(holder=HOLDERS, new=st.tuples(RESULTS, RESULTS, RESULTS))
    def work_off(self, holder: str, new: tuple[ImageResult, ...]) -> None:
        """All there is, to its end: so that requests come to theirs."""
        while claimed := self.run(self.states.claim(holder, 100, lease=1000.0)):
            for number, lease in enumerate(claimed):
                self.model.claim(lease, holder, 1000.0)
                ends = [result if result.state is not ImageState.PENDING else FAILED for result in new]
                self.record_as(lease, (*ends[number % 3 :], *ends[: number % 3]), 0.0, over=True)
        assert self.model.count(ProductState.READY) == 0

    @rule(lease=leases)
    def hand_back(self, lease: Product) -> None:
        product = self.model.leased(lease)
        self.say(lease, product.results if product else lease.results, ProductState.READY, 0.0)

    def say(self, lease: Product, results: tuple[ImageResult, ...], state: ProductState, delay: float) -> None:
        said = Outcome(lease.request_id, lease.row, lease.fence, results, state, delay)
        complete = self.run(self.states.record([said]))
        if (product := self.model.leased(lease)) is not None:
            self.model.record(product, results, state, delay)
            assert (lease.request_id in complete) == (self.model.requests[lease.request_id].open == 0)

    @rule(seconds=st.sampled_from([50.0, 150.0, 1050.0]), sweep=st.booleans())
    def time_passes(self, seconds: float, sweep: bool) -> None:
        self.run(self.shelf.pass_time(seconds))
        self.model.now += seconds
        if sweep:
            self.sweep()

    def sweep(self) -> None:
        assert self.run(self.states.sweep()) == self.model.sweep()

    @rule(holder=HOLDERS, lease=LEASES)
    def renew(self, holder: str, lease: float) -> None:
        self.run(self.states.renew(holder, lease=lease))
        self.model.renew(holder, lease)

    @rule(holder=HOLDERS)
    def void(self, holder: str) -> None:
        assert self.run(self.states.void([holder])) == self.model.void(holder)

    @rule(request=requests, early=st.integers(-1, 1))
    def finish(self, request: Any, early: int) -> None:
        if (whole := self.model.requests.get(request.id)) is not None:
            round = whole.round + early
            made = self.run(finish(self.states, request.id, round, deliveries=[notice(request)]))
            assert made == self.model.finish(request.id, round)

    @rule()
    def finish_what_can_be(self) -> None:
        for id in self.run(self.states.to_finish()):
            assert self.run(finish(self.states, id, self.model.requests[id].round, deliveries=[]))
            assert self.model.finish(id, self.model.requests[id].round)
            self.model.requests[id].deliveries -= 1

    @rule(request=requests, what=st.sampled_from(["retry", "retry", "retry", "cancel", "cancel", "erase"]))
    def ask(self, request: Any, what: str) -> None:
        if what == "erase":
            self.run(self.states.erase(request.id))
            self.model.requests.pop(request.id, None)
        elif request.id in self.model.requests and what == "retry":
            assert self.run(self.states.retry(request.id)) == self.model.retry(request.id)
        elif request.id in self.model.requests:
            assert self.run(self.states.cancel(request.id)) == self.model.cancel(request.id)

    @invariant()
    def all_is_as_it_should_be(self) -> None:
        self.run(self.compare())

    async def compare(self) -> None:
        listed = await self.states.requests(None, limit=1000)
        assert [request.id for request in listed.items] == [*reversed(self.model.requests)]
        for request in listed.items:
            model = self.model.requests[request.id]
            assert (request.status, request.round, request.finished) == (model.status, model.round, model.finished)
            assert (request.done_images, request.failed_images, request.bytes_in, request.bytes_out) == model.counts()
            assert len(await self.states.deliveries(request.id)) == model.deliveries
            products = await self.states.products(request.id)
            assert [(p.row, p.state, p.fence, p.lost, p.results) for p in products] == [
                (p.row, p.state, p.fence, p.lost, p.shown()) for p in model.products
            ]
            failed = await self.states.products(request.id, failed_only=True)
            assert [p.row for p in failed] == [
                p.row for p in model.products if any(result.state is ImageState.FAILED for result in p.results)
            ]
        finishable = [id for id, model in self.model.requests.items() if not model.finished and not model.open]
        assert await self.states.to_finish() == finishable
        figures = await self.states.figures()
        for state in (ProductState.READY, ProductState.WAITING, ProductState.LEASED):
            assert figures[f"products.{state}"] == self.model.count(state)

    def teardown(self) -> None:
        for id in list(self.model.requests):
            self.run(self.states.erase(id))
        assert set(self.run(self.states.figures()).values()) == {0}


async def run_machine(shelf: StateShelf, states: StateStore, *, examples: int, exact: bool = True) -> None:
    loop = asyncio.get_running_loop()

    def machine() -> StateMachine:
        return StateMachine(shelf, states, loop, exact=exact)

    await asyncio.to_thread(
        run_state_machine_as_test,
        cast("type[RuleBasedStateMachine]", machine),
        settings=settings(
            max_examples=examples,
            stateful_step_count=50,
            deadline=None,
            phases=[Phase.explicit, Phase.reuse, Phase.generate],  # shrinking takes minutes here: turn it on by hand
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
        ),
    )


async def test_the_store_and_its_model_agree(shelf: StateShelf, states: StateStore) -> None:
    await run_machine(shelf, states, examples=15)
