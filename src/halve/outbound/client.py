"""The one way out: an HTTP client behind the guard, for downloads and webhooks alike.

It does what these need and no more: no proxy and no `.netrc` from the environment (they would go around the guard), no cookies
kept, no redirect followed by itself, nothing decoded unseen.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from types import TracebackType
from typing import Self

from yarl import URL

from halve import __version__
from halve.outbound.connecting import Connector, Resolver
from halve.outbound.connection import Connection
from halve.outbound.guard import Guard
from halve.outbound.http_fault import KeptTooLong
from halve.outbound.kept import Kept, Origin

USER_AGENT = f"halve/{__version__}"


class Response:
    """An answer whose head is in: its `status`, its `headers`, the `length` of its body where that is stated.

    An asynchronous context manager: on leaving it the connection is kept, if the body was read to its end, and closed else.
    """

    def __init__(self, connection: Connection, kept: Kept, origin: Origin) -> None:
        message = connection.message
        self.status, self.headers, self.length = message.status, message.headers, message.length
        self._connection, self._kept, self._origin = connection, kept, origin

    async def piece(self) -> bytes:
        """The next bytes of the body; none at its end. Raises `http_fault.CutShort`."""
        return await self._connection.piece()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._kept.put(self._origin, self._connection)


class Client:
    """Used in one event loop. It sets no deadline but for connecting: callers have their own."""

    def __init__(self, guard: Guard, *, accept: str, resolver: Resolver | None = None, tls: ssl.SSLContext | None = None) -> None:
        self._connector = Connector(guard, resolver=resolver, tls=tls)
        self._headers = _lines({"User-Agent": USER_AGENT, "Accept": accept, "Accept-Encoding": "identity"})
        self._kept = Kept()

    async def get(self, url: URL, headers: Mapping[str, str]) -> Response:
        """One GET; over another connection as often as one that was kept turns out to be of no use.

        Raises HttpFault and OSError, as `Connector.connect` and `Connection.ask` do.
        """
        question, origin = self._question("GET", url, headers), _origin(url)
        while (kept := self._kept.take(origin)) is not None:
            try:
                return await self._ask(kept, question, origin)
            except KeptTooLong:
                continue
        return await self._ask(await self._connector.connect(*origin), question, origin)

    async def post(self, url: URL, headers: Mapping[str, str], body: bytes) -> Response:
        """One POST, over a connection of its own. Raises as `get` does."""
        origin = _origin(url)
        head = self._question("POST", url, {**headers, "Content-Length": str(len(body)), "Connection": "close"})
        return await self._ask(await self._connector.connect(*origin), head + body, origin)

    async def close(self) -> None:
        """Close the connections that are kept; those in use are closed after use."""
        self._kept.close()
        await self._connector.close()

    async def _ask(self, connection: Connection, question: bytes, origin: Origin) -> Response:
        try:
            await connection.ask(question)
        except BaseException:
            connection.close()
            raise
        return Response(connection, self._kept, origin)

    def _question(self, method: str, url: URL, headers: Mapping[str, str]) -> bytes:
        start = f"{method} {url.raw_path_qs} HTTP/1.1\r\nHost: {url.host_port_subcomponent}\r\n"
        return f"{start}{self._headers}{_lines(headers)}\r\n".encode()


def _origin(url: URL) -> Origin:
    assert url.raw_host is not None
    assert url.port is not None
    return url.scheme, url.raw_host, url.port


def _lines(headers: Mapping[str, str]) -> str:
    """Raises ValueError for a header that is more than one line."""
    for value in headers.values():
        if "\r" in value or "\n" in value or "\0" in value:
            raise ValueError("a header is one line")
    return "".join(f"{name}: {value}\r\n" for name, value in headers.items())
