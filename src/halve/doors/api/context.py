"""What every route of one server shares: the open parts, the way to wake its worker, its bounds and what runs on the side."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Annotated, Any

from fastapi import Depends
from starlette.requests import Request as HttpRequest

from halve.core.errors import StoreFailed
from halve.core.log import Log
from halve.doors.api.turns import Turns
from halve.wiring import Parts

log = Log(__name__)


@dataclass(frozen=True, slots=True)
class Context:
    """`nudge` wakes the embedded worker, if there is one. `closing` is set when the server is about to stop."""

    parts: Parts
    nudge: Callable[[], None]
    closing: asyncio.Event = field(default_factory=asyncio.Event)
    turns: Turns = field(default_factory=Turns)
    _aside: set[asyncio.Task[None]] = field(default_factory=set)

    def aside(self, work: Coroutine[Any, Any, object]) -> asyncio.Task[None]:
        """Do something that goes on though nobody waits for it; should it fail, the log says so."""
        task = asyncio.create_task(_logged(work))
        self._aside.add(task)
        task.add_done_callback(self._aside.discard)
        return task

    async def close(self) -> None:
        """Stop what is done on the side."""
        for task in self._aside:
            task.cancel()
        await asyncio.gather(*self._aside, return_exceptions=True)


async def _logged(work: Coroutine[Any, Any, object]) -> None:
    try:
        await work
    except StoreFailed as error:
        log.warning("a store failed work on the side, which workers make good", reason=str(error))
    except Exception:
        log.exception("work on the side failed")


def context_of(http: HttpRequest) -> Context:
    context: Context = http.app.state.context
    return context


Ctx = Annotated[Context, Depends(context_of)]
