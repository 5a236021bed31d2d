"""A slot of the pool: it has a child, or is getting one."""

from __future__ import annotations

import asyncio
import contextlib

from halve.codec import wire
from halve.codec.limits import CodecLimits
from halve.codec.process import Child, Gone, how_it_ended
from halve.core.errors import StoreFailed

STARTS = 3
"""How often in a row a child is started in vain before that is an error."""

_BEFORE_SECOND_START = 0.1  # seconds; doubled before the third


class Slot:
    """Holds one child at a time. Methods that are not coroutines act at once, so a cancelled caller leaves nothing half done.

    `images`: how many have it, at work or on the way there; `brief`: they are such. `door` is held on the way, `at_work` by the one
    whose answer comes next. So answers are awaited in the order in which images are sent.
    """

    def __init__(self, limits: CodecLimits) -> None:
        self.images, self.brief = 0, False
        self.door, self.at_work = asyncio.Lock(), asyncio.Lock()
        self._limits = limits
        self._next: asyncio.Task[Child] | None = None
        self._parted: set[Child] = set()  # to be waited for by whoever comes first
        self._closed = False

    def warm(self) -> None:
        """Have a child started in the background, unless there is one."""
        if self._next is None and not self._closed:
            self._begin()

    @property
    def present(self) -> Child | None:
        """The child, if it is there and ready; it may have died since."""
        task = self._next
        return task.result() if task is not None and task.done() and not task.cancelled() and not task.exception() else None

    async def child(self) -> Child:
        """The child, alive and ready for an image. StoreFailed where none can be started."""
        if (child := self.present) is not None and not child.alive:
            self.replace(child, kill=False)  # it died while idle: no image's fault
        self.warm()
        if (task := self._next) is None:
            raise closed()
        try:
            return task.result() if task.done() else await asyncio.shield(task)
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
        self._parted.add(child)
        if not self._closed:
            self._begin()

    def spoil(self, child: Child) -> None:
        """What was handed ahead to `child` is not wanted any more, or came only in part: part with it when it is through with the
        one before.
        """
        child.spoilt = True
        if child is self.present and not self.at_work.locked():
            self.replace(child, kill=True)

    async def close(self) -> None:
        """End the child, or its start, and wait until nothing of it is left."""
        self._closed = True
        task, self._next = self._next, None
        if task is not None:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError, StoreFailed):
                self._parted.add(await task)
        for child in self._parted:
            child.kill()
        await self._see_off()

    def _begin(self) -> None:
        self._next = asyncio.create_task(self._start())
        self._next.add_done_callback(lambda task: task.cancelled() or task.exception())  # seen, even if nobody asks

    async def _see_off(self) -> None:
        """Wait until those who were parted with are gone."""
        while self._parted:
            child = next(iter(self._parted))
            await child.reap()
            self._parted.discard(child)

    async def _start(self) -> Child:
        await self._see_off()
        reason = ""
        for attempt in range(STARTS):
            if attempt:
                await asyncio.sleep(_BEFORE_SECOND_START * 2 ** (attempt - 1))
            try:
                child = Child(self._limits)
            except OSError as error:
                reason = str(error)
                continue
            self._parted.add(child)  # until it has said hello
            try:
                async with asyncio.timeout(self._limits.start_seconds):
                    await child.greet()
            except TimeoutError:
                reason = f"no hello within {self._limits.start_seconds:g} s"
            except (Gone, wire.BadFrame) as error:
                reason = f"{error} ({how_it_ended(await child.reap())})"
            else:
                self._parted.discard(child)
                return child
            child.kill()
            await self._see_off()
        raise StoreFailed(f"The codec's child process does not start: {reason}.", code="codec_unavailable")


def closed() -> StoreFailed:
    """What those get who wait for a pool that is closed under them."""
    return StoreFailed("The codec was closed.", code="codec_unavailable")


def _is_cancelled_ourselves() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
