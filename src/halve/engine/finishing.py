"""What comes when nothing of a request is open any more: it is ended, and whoever wants to know is told."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from uuid import UUID

from halve.core.errors import StoreFailed
from halve.core.log import Log
from halve.core.models import Delivery
from halve.core.pipeline import Pipeline
from halve.core.ports import StateStore
from halve.engine.retrying import PAUSE, Retrying, longer

log = Log(__name__)

DELIVERIES = 16
"""Webhooks and e-mails claimed at once."""

UNDER_WAY = 64
"""Webhooks and e-mails under way at once: each holds a connection, and receivers may take their time."""


class Finishing:
    """Works beside the images, and holds up none. `owner`, for `lease` seconds, is who claims deliveries. `on_ended` is told when a
    request has ended here.
    """

    def __init__(
        self,
        states: StateStore,
        pipeline: Pipeline,
        retrying: Retrying,
        *,
        owner: str,
        lease: float,
        on_ended: Callable[[], None],
    ) -> None:
        self._states = states
        self._pipeline = pipeline
        self._retrying = retrying
        self._owner, self._lease = owner, lease
        self._on_ended = on_ended
        self._requests: set[UUID] = set()
        self._claiming, self._delivering = asyncio.Lock(), 0
        self.tasks: set[asyncio.Task[None]] = set()

    async def finish_due(self) -> None:
        """End what a look at the store finds to be over."""
        for request_id in await self._states.to_finish():
            self.finish(request_id)

    def finish(self, request_id: UUID) -> None:
        """End this one, and begin with what is owed then."""
        if request_id not in self._requests:
            self._requests.add(request_id)
            self._begin(partial(self._finish, request_id))

    async def notify_due(self) -> None:
        """Begin with the deliveries that are due, as many as there is room for."""
        async with self._claiming:
            room = min(DELIVERIES, UNDER_WAY - self._delivering)
            if room <= 0 or self._retrying.stopping.is_set():
                return  # a later look has more, or the next worker
            for delivery in await self._states.claim_deliveries(self._owner, room, lease=self._lease):
                self._delivering += 1
                self._begin(partial(self._deliver, delivery))

    async def _finish(self, request_id: UUID) -> None:
        try:
            if await self._pipeline.finish(request_id):
                self._on_ended()
                await self.notify_due()
        finally:
            self._requests.discard(request_id)

    async def _deliver(self, delivery: Delivery) -> None:
        """Again and again while a store fails: this worker lives, and renews the lease of what it has not written down. Whoever is
        notified may hear of it twice then, under the same id.
        """
        pause = PAUSE
        try:
            while True:
                try:
                    return await self._pipeline.notify(delivery)
                except StoreFailed as error:
                    if self._retrying.stopping.is_set():
                        raise
                    self._retrying.failed(error)
                await self._retrying.pause(pause)
                pause = longer(pause)
        finally:
            self._delivering -= 1

    def _begin(self, work: Callable[[], Awaitable[None]]) -> None:
        """A failure is told, and made good by a later look."""
        task = asyncio.create_task(self._told(work))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def _told(self, work: Callable[[], Awaitable[None]]) -> None:
        try:
            await work()
        except StoreFailed as error:
            self._retrying.failed(error)
        except Exception:
            log.exception("ending or notifying a request failed unexpectedly")
