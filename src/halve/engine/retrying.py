"""Steps of a worker that go on whatever a store does: where it fails, they wait, ever longer, and are done again."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress

from halve.core.errors import StoreFailed
from halve.core.log import Log

log = Log(__name__)

PAUSE = 0.5
"""Seconds before the next attempt after a store failed; longer each time."""

MOST_PATIENCE = 30.0
"""Longest pause, in seconds, after a store failed again and again."""


class Retrying:
    """`on_failure` is told of each StoreFailed. Once `stopping` is set, nothing is tried again and no pause goes on."""

    def __init__(self, stopping: asyncio.Event, on_failure: Callable[[StoreFailed], None] | None) -> None:
        self.stopping = stopping
        self._on_failure = on_failure
        self._silent_until = 0.0

    async def every(self, seconds: float, step: Callable[[], Awaitable[None]]) -> None:
        """Do a step again and again, with so many seconds between, until cancelled."""
        while True:
            await self.once(step)
            await asyncio.sleep(seconds)

    async def once(self, step: Callable[[], Awaitable[None]]) -> None:
        """Do a step until it goes well, or the worker is stopped."""
        pause = PAUSE
        while True:
            try:
                return await step()
            except StoreFailed as error:
                self.failed(error)
            except Exception:
                log.exception("a step of the worker failed unexpectedly")
            await self.pause(pause)
            if self.stopping.is_set():
                return None
            pause = longer(pause)

    async def pause(self, seconds: float) -> None:
        """Cut short when the worker is stopped."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.stopping.wait()

    def failed(self, error: StoreFailed) -> None:
        """Told once in a while: a full disk fails every image in work, and each for the same reason."""
        if time.monotonic() >= self._silent_until:
            self._silent_until = time.monotonic() + MOST_PATIENCE
            log.error("store failed, trying again", reason=str(error))
        if self._on_failure is not None:
            self._on_failure(error)


def longer(pause: float) -> float:
    """The pause after that one."""
    return min(pause * 2, MOST_PATIENCE)
