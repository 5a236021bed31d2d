"""A worker in a thread of its own, for callers that are threads themselves: one event loop and one codec pool a process."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import AbstractAsyncContextManager

import uvloop

from halve.engine.worker import Worker

IMAGES = 256
"""Images of one stint, more or less: about a second's work, so that wishes cost little and are spread well."""

CLOSE_WITHIN = 12.0
"""Seconds in which the worker must have handed everything back after it was told to stop."""


class Hands:
    """`opening` gives a worker with stints, open for as long as it is needed; `begun` is called when a stint finds work."""

    def __init__(self, opening: Callable[[], AbstractAsyncContextManager[Worker]], begun: Callable[[], None]) -> None:
        self._opening = opening
        self._begun = begun
        self._opened: Future[tuple[asyncio.AbstractEventLoop, Worker]] = Future()
        self._over = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name="hands", daemon=True)

    def start(self) -> None:
        """Returns when the worker is open; raises what kept it from opening."""
        self._thread.start()
        self._opened.result()

    def stint(self) -> int:
        """Do a bounded batch of what is ready, and wait for it; returns how many products that were.

        From any thread but the worker's.
        """
        loop, worker = self._opened.result()
        return asyncio.run_coroutine_threadsafe(worker.stint(IMAGES, self._begun), loop).result()

    def stop(self) -> None:
        """Begin no more; end what is in work, or hand it back. Returns at once, so that a signal's handler may call it."""
        self._say(Worker.stop)

    def close(self) -> bool:
        """Stop, and wait until all is put away; False where that takes too long."""
        self.stop()
        self._say(lambda _: self._over.set())
        self._thread.join(CLOSE_WITHIN)
        return not self._thread.is_alive()

    def _say(self, what: Callable[[Worker], None]) -> None:
        """To the worker, in its thread, if it is open."""
        if self._opened.done() and self._opened.exception() is None:
            loop, worker = self._opened.result()
            if not loop.is_closed():
                loop.call_soon_threadsafe(what, worker)

    def _run(self) -> None:
        try:
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                runner.run(self._live())
        except BaseException as error:
            if self._opened.done():
                raise
            self._opened.set_exception(error)

    async def _live(self) -> None:
        async with self._opening() as worker:
            self._opened.set_result((asyncio.get_running_loop(), worker))
            await self._over.wait()
