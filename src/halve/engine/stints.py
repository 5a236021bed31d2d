"""Stints: bounded batches that a worker does because somebody asked, instead of looking for work by itself.

A stint that asks is served by the worker's own claims, as there is room; it ends when nothing is ready any more or it has had its
fill, and is over when all that was begun for it has ended.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field


@dataclass(eq=False, slots=True)
class _Stint:
    """`left`: images that may still be claimed for it. `begun` is called once, when it is clear that there is something to do."""

    left: int
    begun: Callable[[], None]
    claimed: asyncio.Event = field(default_factory=asyncio.Event)
    tasks: list[asyncio.Task[None]] = field(default_factory=list)


class Stints:
    """The stints of one worker, the one that asked first first."""

    def __init__(self) -> None:
        self._asking: deque[_Stint] = deque()
        self._closed = False

    @property
    def asking(self) -> bool:
        """Whether something is to be claimed at all."""
        return bool(self._asking)

    async def one(self, images: int, begun: Callable[[], None]) -> int:
        """Ask for up to about `images` images; returns how many products were done, or handed back, for it."""
        stint = _Stint(images, begun)
        if not self._closed:
            self._asking.append(stint)
            await stint.claimed.wait()
            await asyncio.gather(*stint.tasks, return_exceptions=True)
        return len(stint.tasks)

    def give(self, tasks: Sequence[asyncio.Task[None]], images: int) -> None:
        """What a claim brought. Nothing says that nothing is ready: then nobody need ask any longer."""
        if not tasks:
            return self._over()
        if self._asking:
            stint = self._asking[0]
            if not stint.tasks:
                stint.begun()
            stint.tasks.extend(tasks)
            stint.left -= images
            if stint.left <= 0:
                self._asking.popleft().claimed.set()
        return None

    def close(self) -> None:
        """The worker claims no more."""
        self._closed = True
        self._over()

    def _over(self) -> None:
        while self._asking:
            self._asking.popleft().claimed.set()
