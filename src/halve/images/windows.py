"""Reading over a network: window by window, each fetched whole by one bounded request.

Whoever reads may be slow (a browser on a train); a request held open for as long as that would run into its own timeout, or
into the service's patience. So nothing is held open between two windows but their bytes.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

PIECE = 1 << 20
"""Longest piece handed out, in bytes."""

WINDOW = 4 << 20
"""Bytes fetched by one request; nearly every image fits into one."""


@dataclass(frozen=True, slots=True)
class Window:
    """A part of a stored thing: its bytes, the size of the whole, and the entity tag that the next part must have too."""

    data: memoryview
    total: int
    etag: str | None


Fetch = Callable[[int, int, str | None], Awaitable[Window]]
"""(first byte, byte after the last, entity tag to insist on) → that part, shorter where the thing ends before."""


async def read_windows(fetch: Fetch, start: int, length: int | None) -> AsyncIterator[bytes]:
    """The bytes from `start`, `length` of them (None: to the end), in pieces of at most `PIECE`."""
    position, etag = start, None
    end = None if length is None else start + length
    while end is None or position < end:
        stop = position + WINDOW if end is None else min(end, position + WINDOW)
        window = await fetch(position, stop, etag)
        for at in range(0, len(window.data), PIECE):
            yield window.data[at : at + PIECE].tobytes()
        position, etag = position + len(window.data), window.etag
        if not window.data or position >= window.total:
            return
