"""The same thing wanted by many at once is made once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Any, Generic, TypeVar

T = TypeVar("T")


def _as_it_is(result: Any) -> Any:
    return result


class Once(Generic[T]):
    """Shares work under way and remembers results: up to `size` (2 or more), and in any case the half of that last used.

    They are kept in two generations: the older one is forgotten as a whole when the younger one is half the size. To keep each in
    its order would take half as much memory again. What is remembered may be of another, smaller form: `pack` gives it, or None
    for what is not worth keeping; `unpack` undoes it.
    """

    def __init__(self, size: int, *, pack: Callable[[T], Any] = _as_it_is, unpack: Callable[[Any], T] = _as_it_is) -> None:
        self._size = size
        self._pack = pack
        self._unpack = unpack
        self._younger: dict[Hashable, Any] = {}
        self._older: dict[Hashable, Any] = {}
        self._under_way: dict[Hashable, asyncio.Future[T]] = {}

    async def get(self, key: Hashable, make: Callable[[], Awaitable[T]]) -> tuple[T, bool]:
        """The result for `key`, and whether this call is the one that made it.

        An error or a cancellation goes to the caller that was making it; one of those waiting then makes it afresh.
        """
        while True:
            if key in self._younger:
                return self._unpack(self._younger[key]), False
            if key in self._older:
                self._keep(key, packed := self._older.pop(key))
                return self._unpack(packed), False
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
            self._keep(key, packed)
        return result

    def _keep(self, key: Hashable, packed: Any) -> None:
        if len(self._younger) >= self._size // 2:
            self._younger, self._older = {}, self._younger
        self._younger[key] = packed
