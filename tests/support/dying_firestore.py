"""A Firestore state store whose process dies on the way: after so many calls that write, nothing more reaches the server. Of the
one that kills it, half of the writes may have got through, unless it writes all or none.
"""

from __future__ import annotations

from halve.states.firestore import FirestoreStates
from halve.states.firestore.base import Base
from halve.states.firestore.writes import Writes
from tests.support.dying import Killed


class _Dying(Base):
    def __init__(self, url: str, after: int) -> None:
        super().__init__(url)
        self._left = after

    async def commit(self, writes: Writes) -> None:
        self._left -= 1
        if self._left < 0:
            raise Killed
        await super().commit(writes)

    async def each(self, writes: Writes, *, once: bool = False) -> list[bool]:
        self._left -= 1
        if self._left == -1:
            some = self.writes()
            some.messages = writes.messages[: len(writes.messages) // 2]
            await super().each(some, once=once)
        if self._left < 0:
            raise Killed
        return await super().each(writes, once=once)


def dying_firestore(url: str, *, after: int) -> FirestoreStates:
    """A store that gets `after` writing calls through. Close it as any other."""
    return FirestoreStates(_Dying(url, after))
