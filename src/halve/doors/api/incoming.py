"""A request's body as it comes in, from clients that may be slow but must not stand still."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from starlette.requests import Request as HttpRequest

from halve.doors.api.problems import Problem

STALL = 30.0
"""Seconds within which a further piece of a body must come."""

LONGEST = 3600.0
"""Seconds within which all of a body must have come."""


async def pieces(http: HttpRequest) -> AsyncIterator[bytes]:
    """The pieces of the body. Raises the problem `timeout` (408) where they do not come in time."""
    loop = asyncio.get_running_loop()
    end = loop.time() + LONGEST
    stream = aiter(http.stream())
    while True:
        try:
            async with asyncio.timeout_at(min(loop.time() + STALL, end)):
                piece = await anext(stream)
        except StopAsyncIteration:
            return
        except TimeoutError:
            detail = f"The body did not come in time: at least something every {STALL:g} s, and all of it within {LONGEST:g} s."
            raise Problem(408, "timeout", detail, headers={"Connection": "close"}) from None
        yield piece
