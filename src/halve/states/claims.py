"""The claims of one handle on a store: whose turn it is, and what becomes of those that nobody heard of."""

from __future__ import annotations

import itertools
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

T = TypeVar("T")
Token = TypeVar("Token")

OLDEST_EVERY = 4
"""One claim in so many serves the oldest request first."""


class Claims(Generic[Token]):
    """What a claim took that failed on the way, or was cancelled, is given back by the next one: its holder lives, and would renew
    those leases for ever. `let_go` gives back what was claimed under a token.
    """

    def __init__(self, let_go: Callable[[Token], Awaitable[None]]) -> None:
        self._let_go = let_go
        self._unheard: set[Token] = set()
        self._numbers = itertools.count(1)

    def next_is_for_the_oldest(self) -> bool:
        return next(self._numbers) % OLDEST_EVERY == 0

    async def heard(self, token: Token, claim: Callable[[], Awaitable[list[T]]]) -> list[T]:
        """What that claim takes, under a token that no other has."""
        while self._unheard:
            unheard = self._unheard.pop()
            try:
                await self._let_go(unheard)
            except BaseException:
                self._unheard.add(unheard)
                raise
        try:
            return await claim()
        except BaseException:
            self._unheard.add(token)
            raise
