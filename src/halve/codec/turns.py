"""Whose turn it is: images get a slot in the order they came; a brief one may be given one at which another is at work.

A child that has its next image already need not wait for its parent, who has other things to do. That is for brief ones only, and
behind brief ones: nobody shall wait behind a slow one while other children are free.
"""

from __future__ import annotations

import asyncio
from collections import deque

from halve.codec.slot import Slot, closed
from halve.codec.wire import AHEAD


class Turns:
    """Not an `asyncio.Queue`: there, a newcomer may overtake one who was just woken."""

    def __init__(self, slots: list[Slot]) -> None:
        self._slots = slots
        self._waiting: deque[tuple[asyncio.Future[Slot], bool]] = deque()
        self._closed = False

    async def next(self, *, brief: bool) -> Slot:
        """A slot, to be given back by `over`. StoreFailed after `close`."""
        if self._closed:
            raise closed()
        if not self._waiting and (slot := self._take(brief)) is not None:
            return slot
        waiter: asyncio.Future[Slot] = asyncio.get_running_loop().create_future()
        self._waiting.append((waiter, brief))
        try:
            return await waiter
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled() and not waiter.exception():
                self.over(waiter.result())  # handed over in the very moment of the cancellation
            self._serve()  # it may have been the one that the others waited for
            raise

    def over(self, slot: Slot) -> None:
        """An image is through with `slot`, well or not."""
        slot.images -= 1
        self._serve()

    def close(self) -> None:
        """Those who wait get StoreFailed."""
        self._closed = True
        for waiter, _ in self._waiting:
            if not waiter.done():
                waiter.set_exception(closed())
        self._waiting.clear()

    def _serve(self) -> None:
        while self._waiting:
            waiter, brief = self._waiting[0]
            if not waiter.done():
                slot = self._take(brief)
                if slot is None:
                    return
                waiter.set_result(slot)
            self._waiting.popleft()

    def _take(self, brief: bool) -> Slot | None:
        for slot in self._slots:
            if not slot.images:
                slot.images, slot.brief = 1, brief
                return slot
        for slot in self._slots:
            if brief and slot.brief and slot.images < AHEAD:
                slot.images += 1
                return slot
        return None
