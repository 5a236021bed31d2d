"""The same thing wanted by many at once is made once."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from typing import Any, Generic, TypeVar

T = TypeVar("T")


def _as_it_is(result: Any) -> Any:
    return result


class Once(Generic[T]):
    """Shares work under way and remembers results, the last `size` used of them.

    What is remembered may be of another, smaller form: `pack` gives it, or None for what is not worth keeping; `unpack` undoes it.
    """

    def __init__(self, size: int, *, pack: Callable[[T], Any] = _as_it_is, unpack: Callable[[Any], T] = _as_it_is) -> None:
        self._size = size
        self._pack = pack
        self._unpack = unpack
        self._kept: OrderedDict[Hashable, Any] = OrderedDict()
        self._under_way: dict[Hashable, asyncio.Future[T]] = {}

    async def get(self, key: Hashable, make: Callable[[], Awaitable[T]]) -> tuple[T, bool]:
        """The result for `key`, and whether this call is the one that made it.

        An error or a cancellation goes to the caller that was making it; one of those waiting then makes it afresh.
        """
        while True:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._unpack(self._kept[key]), False
            if key not in self._under_way:
                return await self._make(key, make), True
            await asyncio.wait([under_way := self._under_way[key]])
            if not under_way.cancelled():
                return under_way.result(), False

    async def _make(self, key: Hashable, make: Callable[[], Awaitable[T]]) -> T:
        under_way = self._under_way[key] = asyncio.get_running_loop().create_future()
        try:
            result = await make()
            under_way.set_result(result)
        finally:
            del self._under_way[key]
            under_way.cancel()  # without effect on a future that has its result
        if (packed := self._pack(result)) is not None:
            self._kept[key] = packed
            if len(self._kept) > self._size:
                self._kept.popitem(last=False)
        return result
