"""A request's body as it comes in, from clients that may be slow but must not stand still."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from starlette.requests import Request as HttpRequest

from halve.doors.api.problems import Problem

STALL = 30.0
"""Seconds within which a further piece of a body must come."""

SLOWEST = 1_024
"""Bytes a second that a body must come at, over all of its time but the first `STALL` seconds. A byte now and then holds a place
for hours otherwise.
"""

LONGEST = 3600.0
"""Seconds within which all of a body must have come."""


async def pieces(http: HttpRequest) -> AsyncIterator[bytes]:
    """The pieces of the body. Raises the problem `timeout` (408) where they do not come in time."""
    loop = asyncio.get_running_loop()
    begun, taken = loop.time(), 0
    stream = aiter(http.stream())
    while True:
        now = loop.time()
        try:
            async with asyncio.timeout_at(min(now + STALL, begun + STALL + taken / SLOWEST, begun + LONGEST)):
                piece = await anext(stream)
        except StopAsyncIteration:
            return
        except TimeoutError:
            detail = (
                f"The body did not come in time: at least something every {STALL:g} s, {SLOWEST:,} bytes a second in the mean,"
                f" and all of it within {LONGEST:,.0f} s."
            )
            raise Problem(408, "timeout", detail, headers={"Connection": "close"}) from None
        taken += len(piece)
        yield piece
