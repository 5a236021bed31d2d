"""A place in the pool: it has a child, or is getting one."""

from __future__ import annotations

import asyncio

from halve.codec import wire
from halve.codec.limits import CodecLimits
from halve.codec.process import Child, Gone, how_it_ended
from halve.core.errors import StoreFailed

STARTS = 3
"""How often in a row a child is started in vain before that is an error."""

_BEFORE_SECOND_START = 0.1  # seconds; doubled before the third


class Slot:
    """Holds one child at a time. Methods that are not coroutines act at once, so a cancelled caller leaves nothing half done."""

    def __init__(self, limits: CodecLimits) -> None:
        self._limits = limits
        self._next: asyncio.Task[Child] | None = None

    def warm(self) -> None:
        """Have a child started in the background, unless there is one."""
        if self._next is None:
            self._begin(None)

    async def child(self) -> Child:
        """The child, alive and ready for an image. StoreFailed where none can be started."""
        if (child := self._present()) is not None and not child.alive:
            self._begin(child)  # it died while idle: no image's fault
        self.warm()
        task = self._next
        assert task is not None
        try:
            return await asyncio.shield(task)
        except StoreFailed:
            self._next = None  # whoever comes next tries anew
            raise
        except asyncio.CancelledError:
            if _is_cancelled_ourselves():
                raise
            raise closed() from None

    def replace(self, child: Child, *, kill: bool) -> None:
        """Part with `child`, and have another started. Without `kill` it ends by itself as its socket closes."""
        if kill:
            child.kill()
        self._begin(child)

    async def close(self) -> None:
        """End the child, or its start, and wait until nothing of it is left."""
        task, self._next = self._next, None
        if task is None:
            return
        if not task.done():
            task.cancel()
        try:
            child = await task
        except (asyncio.CancelledError, StoreFailed):
            return
        child.kill()
        await child.reap()

    def _present(self) -> Child | None:
        task = self._next
        return task.result() if task is not None and task.done() and not task.cancelled() and not task.exception() else None

    def _begin(self, old: Child | None) -> None:
        self._next = asyncio.create_task(self._start(old))
        self._next.add_done_callback(lambda task: task.cancelled() or task.exception())  # seen, even if nobody asks

    async def _start(self, old: Child | None) -> Child:
        if old is not None:
            await _reaped(old)
        reason = ""
        for attempt in range(STARTS):
            if attempt:
                await asyncio.sleep(_BEFORE_SECOND_START * 2 ** (attempt - 1))
            try:
                child = Child(self._limits)
            except OSError as error:
                reason = str(error)
                continue
            try:
                async with asyncio.timeout(self._limits.start_seconds):
                    await child.greet()
            except TimeoutError:
                reason = f"no hello within {self._limits.start_seconds:g} s"
            except (Gone, wire.BadFrame) as error:
                reason = f"{error} ({how_it_ended(await child.reap())})"
            except BaseException:
                child.kill()
                await _reaped(child)
                raise
            else:
                return child
            child.kill()
            await _reaped(child)
        raise StoreFailed(f"The codec's child process does not start: {reason}.", code="codec_unavailable")


def closed() -> StoreFailed:
    """What those get who wait for a pool that is closed under them."""
    return StoreFailed("The codec was closed.", code="codec_unavailable")


def _is_cancelled_ourselves() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


async def _reaped(child: Child) -> None:
    """Wait for the end of a child even while being cancelled: a process must not be left behind."""
    ending = asyncio.ensure_future(child.reap())
    try:
        await asyncio.shield(ending)
    except asyncio.CancelledError:
        child.kill()
        await ending
        raise
