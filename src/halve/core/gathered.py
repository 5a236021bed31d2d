"""Small questions asked by many at once go out together."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

A = TypeVar("A")
B = TypeVar("B")


class Gathered(Generic[A, B]):
    """Asks for many things at once what is asked one by one: whatever comes while one batch is under way goes with the next.

    `answer` takes up to `most` questions and gives as many answers, in order. Its error goes to all who asked with that batch.
    `moment`: seconds that a batch waits for more to come where it would follow the one before within such a moment.
    """

    def __init__(self, answer: Callable[[Sequence[A]], Awaitable[Sequence[B]]], *, most: int, moment: float = 0.0) -> None:
        self._answer = answer
        self._most = most
        self._moment = moment
        self._idle_since = -math.inf
        self._asked: list[tuple[A, asyncio.Future[B]]] = []
        self._asking: asyncio.Task[None] | None = None

    async def ask(self, question: A) -> B:
        waiter: asyncio.Future[B] = asyncio.get_running_loop().create_future()
        self._asked.append((question, waiter))
        if self._asking is None:
            self._asking = asyncio.create_task(self._ask())
        return await waiter

    async def _ask(self) -> None:
        """Begins after those who ask in this very turn of the loop have done so."""
        clock = asyncio.get_running_loop().time
        try:
            while self._asked:
                if clock() < self._idle_since + self._moment:
                    await asyncio.sleep(self._moment)
                batch, self._asked = self._asked[: self._most], self._asked[self._most :]
                try:
                    answers = await self._answer([question for question, _ in batch])
                except Exception as error:  # noqa: BLE001 - for those who asked, to decide what it means
                    for _, waiter in batch:
                        if not waiter.done():
                            waiter.set_exception(error)
                else:
                    for (_, waiter), answer in zip(batch, answers, strict=True):
                        if not waiter.done():
                            waiter.set_result(answer)
                self._idle_since = clock()
        finally:
            self._asking = None
