"""Outcomes on their way to the state store: what comes in while one batch is being written goes with the next."""

from __future__ import annotations

import asyncio
from uuid import UUID

from halve.core.models import Outcome
from halve.core.ports import StateStore

BATCH = 500
"""Outcomes written in one transaction at the most."""


class Recorder:
    def __init__(self, states: StateStore) -> None:
        self._states = states
        self._outcomes: list[Outcome] = []
        self._some = asyncio.Event()
        self._writing = asyncio.Lock()

    @property
    def empty(self) -> bool:
        return not self._outcomes

    def put(self, outcome: Outcome) -> None:
        self._outcomes.append(outcome)
        self._some.set()

    async def write(self) -> set[UUID]:
        """Wait until there is something, write a batch; returns the requests that have nothing open any more.

        Raises StoreFailed; what was not written stays for the next call.
        """
        await self._some.wait()
        async with self._writing:
            batch = self._outcomes[:BATCH]
            finished = await self._states.record(batch)
            del self._outcomes[: len(batch)]
            if not self._outcomes:
                self._some.clear()
        return finished

    async def flush(self) -> None:
        """Write all there is."""
        while self._outcomes:
            await self.write()
