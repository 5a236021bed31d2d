"""The worker: claims products, hands them to the pipeline, records what comes of them, and minds the rest.

It keeps nothing that matters in memory. Stopped at any moment, by SIGKILL too, another one goes on from the state store.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

from halve.core.attempts import LOST_BEFORE_ALONE
from halve.core.errors import NotFound, StoreFailed
from halve.core.log import Log
from halve.core.models import ImageResult, Outcome, Product, ProductState, Request
from halve.core.pipeline import Pipeline
from halve.core.ports import ImageStore, StateStore
from halve.engine.finishing import Finishing
from halve.engine.holder import Holder
from halve.engine.recorder import Recorder
from halve.engine.retrying import Retrying
from halve.engine.stints import Stints
from halve.engine.tempo import ALONE, Tempo

log = Log(__name__)

LEASE = 60.0
"""Seconds for which a product is leased; renewed three times in that span."""

GRACE = 8.0
"""Seconds that what is in work has to end when the worker is stopped, unless told otherwise; then it is handed back."""

FLUSH = 2.0
"""Seconds after that in which the last outcomes must be written."""

VOID_EVERY = 5.0
"""Seconds between looks for workers of the same folder that have died."""

KEEPING_EVERY = 3600.0
"""Most seconds between looks for requests that have been kept long enough; fewer where they are kept for less than a day."""

AFTER_FAILURE = 2.0
"""Seconds before a product whose bytes could not be stored is tried again."""


class Worker:
    """`in_flight` images at once at the most (a product that alone has more is worked on all the same).

    `keep_days`: finished requests older than that are erased; None: never. `grace`: seconds that work has to end on stopping.
    `on_failure` is told of each StoreFailed; the worker itself waits and goes on. `on_ended` is told when a request has ended here.
    `stints`: claim nothing but what these ask for; minding the rest is done all the same. `on_due` is told when something
    became ready: a sweep put it back, or its worker died. `tempo`: how the store is asked.
    """

    def __init__(
        self,
        states: StateStore,
        images: ImageStore,
        pipeline: Pipeline,
        holder: Holder,
        *,
        in_flight: int,
        keep_days: float | None = None,
        grace: float = GRACE,
        on_failure: Callable[[StoreFailed], None] | None = None,
        on_ended: Callable[[], None] = lambda: None,
        stints: Stints | None = None,
        on_due: Callable[[], None] = lambda: None,
        tempo: Tempo = ALONE,
    ) -> None:
        self._states = states
        self._images = images
        self._pipeline = pipeline
        self._holder = holder
        self._in_flight = in_flight
        self._portion = min(tempo.claim, max(1, in_flight // 4))
        self._keep_days = keep_days
        self._grace = grace
        self._stints = stints
        self._on_due = on_due
        self._gather = tempo.gather
        self._mind_every = max(tempo.mind, states.poll)
        self._recorder = Recorder(states)
        self._products: dict[asyncio.Task[None], Product] = {}
        self._at_work = 0  # images of those products
        self._suspect: Product | None = None
        self._wake, self._stopping = asyncio.Event(), asyncio.Event()
        self._idle = asyncio.Event()  # nothing is in work, and nothing was ready when it was last looked for
        self._retrying = Retrying(self._stopping, on_failure)
        self._finishing = Finishing(states, pipeline, self._retrying, owner=holder.name, lease=LEASE, on_ended=on_ended)

    def nudge(self) -> None:
        """There may be something to do: look now."""
        self._wake.set()

    def stop(self) -> None:
        """Claim no more; end what is in work, or hand it back after `grace` seconds. `run` returns then."""
        self._stopping.set()
        self._wake.set()

    async def stint(self, images: int, begun: Callable[[], None] = lambda: None) -> int:
        """Do up to about `images` images, as long as there are any; returns how many products that were.

        `begun` is called as soon as something was claimed for it. Only for a worker with stints.
        """
        assert self._stints is not None, "this worker looks for work by itself"
        asked = self._stints.one(images, begun)
        self._wake.set()
        return await asked

    async def run(self) -> None:
        """Work until stopped. Survives failing stores: it waits and tries again."""
        await self._retrying.once(self._void_the_dead)  # before anything is claimed: what they held comes first
        async with asyncio.TaskGroup() as group:
            minding = [
                group.create_task(self._retrying.every(seconds, step))
                for step, seconds in (
                    (self._record, 0.0),
                    (self._sweep, self._mind_every),
                    (self._finishing.finish_due, self._mind_every),
                    (self._finishing.notify_due, self._mind_every),
                    (self._renew, LEASE / 3),
                    (self._void_the_dead, VOID_EVERY),
                    (self._keep_house, _keeping_every(self._keep_days)),
                )
            ]
            try:
                while not self._stopping.is_set():
                    await self._retrying.once(self._claim)
                await self._wind_up()
            finally:
                if self._stints is not None:
                    self._stints.close()
                for task in minding:
                    task.cancel()
                await self._call_off()

    # ── claiming and processing ───────────────────────────────────────────────────────────────────────────────────────

    async def _claim(self) -> None:
        """Claim what there is room for, or wait until there may be some."""
        self._wake.clear()
        free = self._in_flight - self._at_work
        if self._suspect is not None:
            if not self._products:
                self._begin(self._suspect)  # nothing is claimed until it has ended
        elif free >= self._portion and (self._stints is None or self._stints.asking):
            claimed = await self._states.claim(self._holder.name, self._portion, lease=LEASE)
            begun: list[asyncio.Task[None]] = []
            for product in claimed:
                if product.lost < LOST_BEFORE_ALONE:
                    begun.append(self._begin(product))
                elif self._suspect is None:
                    self._suspect = product
                else:  # its turn comes; meanwhile it must not be charged with what another does
                    self._recorder.put(_handed_back(product, product.results, delay=AFTER_FAILURE))
            if self._stints is not None and (begun or not claimed):
                self._stints.give(begun, sum(len(product.input_urls) for product in claimed))
            if claimed:
                return
        await self._rest()

    async def _rest(self) -> None:
        if not self._products:
            self._idle.set()
        with suppress(TimeoutError):
            async with asyncio.timeout(self._states.poll):
                await self._wake.wait()

    def _begin(self, product: Product) -> asyncio.Task[None]:
        task = asyncio.create_task(self._process(product))
        self._products[task] = product
        self._idle.clear()
        self._at_work += len(product.input_urls)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[None]) -> None:
        product = self._products.pop(task)
        self._at_work -= len(product.input_urls)
        if product is self._suspect:
            self._suspect = None
        self._wake.set()

    async def _process(self, product: Product) -> None:
        so_far = product.results

        def tell(outcome: Outcome) -> None:
            nonlocal so_far
            so_far = outcome.results
            self._recorder.put(outcome)

        try:
            self._recorder.put(await self._pipeline.process(product, tell))
        except NotFound:
            # Handed back all the same: where the request is gone that changes nothing, and a lease is renewed as long as we live.
            self._recorder.put(_handed_back(product, so_far, delay=AFTER_FAILURE))
            log.info("request erased while in work", request_id=str(product.request_id), row=product.row)
        except asyncio.CancelledError:
            self._recorder.put(_handed_back(product, so_far))
            raise
        except Exception as error:
            self._recorder.put(_handed_back(product, so_far, delay=AFTER_FAILURE))
            if isinstance(error, StoreFailed):
                self._retrying.failed(error)
            else:
                log.exception("product failed unexpectedly", request_id=str(product.request_id), row=product.row)

    async def _wind_up(self) -> None:
        """Let what is in work end, hand back the rest, and write it all down. What was to be told is told by the next worker."""
        if in_work := (*self._products, *self._finishing.tasks):
            await asyncio.wait(in_work, timeout=self._grace)
        await self._call_off()
        if self._suspect is not None:
            self._recorder.put(_handed_back(self._suspect, self._suspect.results))
        try:
            async with asyncio.timeout(FLUSH):
                await self._recorder.flush()
        except (TimeoutError, StoreFailed) as error:
            reason = str(error) or "the database did not answer in time"
            log.warning("stopped before all was recorded; the leases will run out", reason=reason)

    async def _call_off(self) -> None:
        """Cancel what is in work, and wait until it has let go of all that it holds."""
        for task in (left := (*self._products, *self._finishing.tasks)):
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    # ── minding the rest ──────────────────────────────────────────────────────────────────────────────────────────────

    async def _record(self) -> None:
        """Write what there is, and let more gather, unless nothing is in work that could bring any."""
        for request_id in await self._recorder.write():
            self._finishing.finish(request_id)
        self._wake.set()
        with suppress(TimeoutError):
            async with asyncio.timeout(self._gather):
                await self._idle.wait()

    async def _sweep(self) -> None:
        if await self._states.sweep():
            self._wake.set()
            self._on_due()

    async def _renew(self) -> None:
        """Who has nothing in hand renews nothing. What is leased to it all the same it has ended, and the database has forgotten
        that, as where a standby took over or commits were not waited for: it is done again.
        """
        if self._products or self._suspect is not None or self._finishing.tasks or not self._recorder.empty:
            await self._states.renew(self._holder.name, lease=LEASE)

    async def _keep_house(self) -> None:
        """Erase what was kept long enough."""
        if self._keep_days is None:
            return
        while expired := await self._states.expired(days=self._keep_days):
            if not any([await self._erased(request) for request in expired]):
                return

    async def _erased(self, request: Request) -> bool:
        """False for one that stays: it runs again, or its files cannot be deleted just now, as where a bucket has a hold on one."""
        present = await self._states.request(request.id)
        if present is not None and present.round != request.round:
            return False  # its failed images were asked for once more, just now
        if request.secret:
            try:
                await self._images.delete_folder(request.folder)
            except StoreFailed as error:
                self._retrying.failed(error)
                return False
        await self._states.erase(request.id)
        return True

    async def _void_the_dead(self) -> None:
        dead = self._holder.the_dead()
        if dead:
            if await self._states.void(dead):
                self._wake.set()
                self._on_due()
            self._holder.forget(dead)


def _handed_back(product: Product, results: tuple[ImageResult, ...], *, delay: float = 0.0) -> Outcome:
    state = ProductState.WAITING if delay else ProductState.READY
    return Outcome(product.request_id, product.row, product.fence, results, state, delay)


def _keeping_every(keep_days: float | None) -> float:
    """Seconds between looks: an hour, or a twenty-fourth of a time that is shorter than a day, but no less than one."""
    return KEEPING_EVERY * min(1.0, max(keep_days or 1.0, 1 / KEEPING_EVERY))
