"""Connections that are kept for the next request to the same origin."""

from __future__ import annotations

import asyncio
from collections import OrderedDict

from halve.outbound.connection import Connection

IDLE_SECONDS = 5.0
"""How long one is kept, and half as long again at the most."""

KEPT_HOSTS = 32
"""For so many origins at once, those talked to last; a sheet of a thousand hosts would hold a thousand sockets open otherwise."""

Origin = tuple[str, str, int]
"""Scheme, host, port."""


class Kept:
    """Used in one event loop."""

    def __init__(self) -> None:
        self._kept: OrderedDict[Origin, list[tuple[float, Connection]]] = OrderedDict()
        self._sweep: asyncio.TimerHandle | None = None
        self._closed = False

    def take(self, origin: Origin) -> Connection | None:
        """The one that was used last and is still good; it is no longer kept then."""
        kept = self._kept.get(origin)
        while kept:
            _, connection = kept.pop()
            if connection.reusable:
                return connection
            connection.close()
        return None

    def put(self, origin: Origin, connection: Connection) -> None:
        """After use; closed where it is good for nothing more."""
        if self._closed or not connection.reusable:
            connection.close()
            return
        loop = asyncio.get_running_loop()
        self._kept.setdefault(origin, []).append((loop.time(), connection))
        self._kept.move_to_end(origin)
        if len(self._kept) > KEPT_HOSTS:
            _close(self._kept.popitem(last=False)[1])
        if self._sweep is None:
            self._sweep = loop.call_later(IDLE_SECONDS, self._close_idle)

    def close(self) -> None:
        """All of them, and those that are put here later."""
        self._closed = True
        if self._sweep is not None:
            self._sweep.cancel()
        for kept in self._kept.values():
            _close(kept)
        self._kept.clear()

    def _close_idle(self) -> None:
        loop = asyncio.get_running_loop()
        old = loop.time() - IDLE_SECONDS
        for origin, kept in list(self._kept.items()):
            _close([one for one in kept if one[0] <= old])
            kept[:] = [one for one in kept if one[0] > old]
            if not kept:
                del self._kept[origin]
        self._sweep = loop.call_later(IDLE_SECONDS / 2, self._close_idle) if self._kept else None


def _close(kept: list[tuple[float, Connection]]) -> None:
    for _, connection in kept:
        connection.close()
