"""A MongoDB state store whose process dies on the way: after so many writes, nothing more reaches the server."""

from __future__ import annotations

from typing import Any

from halve.states.mongo import MongoStates
from halve.states.mongo.base import Base

WRITES = (
    "insert_one",
    "insert_many",
    "update_one",
    "update_many",
    "find_one_and_update",
    "bulk_write",
    "delete_one",
    "delete_many",
)


class Killed(BaseException):
    """Where the process would have ended."""


class _Collection:
    def __init__(self, collection: Any, left: list[int]) -> None:
        self._collection, self._left = collection, left

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._collection, name)
        if name not in WRITES:
            return method

        async def write(*args: Any, **kwargs: Any) -> Any:
            self._left[0] -= 1
            if self._left[0] < 0:
                raise Killed
            return await method(*args, **kwargs)

        return write


def dying(url: str, *, after: int) -> MongoStates:
    """A store that gets `after` writes through. Close it as any other."""
    base, left = Base(url), [after]
    for name in ("requests", "products", "deliveries", "secrets", "meta"):
        setattr(base, name, _Collection(getattr(base, name), left))
    return MongoStates(base)
