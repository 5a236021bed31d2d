"""The one way out: an HTTP client behind the guard, for downloads and webhooks alike.

No proxy and no `.netrc` from the environment (they would go around the guard), no cookies kept, no redirect followed by itself,
nothing decoded unseen.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from halve import __version__
from halve.outbound.connection import Connection, KeptTooLong
from halve.outbound.guard import Guard

USER_AGENT = f"halve/{__version__}"

DNS_SECONDS = 60
"""How long a name's addresses are remembered."""

CONNECT_SECONDS = 15.0
"""How long one connection may take to come about, TCP and TLS each."""

IDLE_SECONDS = 5.0
"""How long a connection is kept for the next request."""

HEADER_BYTES = 2**14
"""Longest header line. Some shops' Content-Security-Policy alone is longer than the 8,190 bytes that aiohttp takes by itself."""

LOOKUPS = 16
"""Names looked up at once. They have threads of their own: a name server that does not answer holds up nothing else."""


class Resolver(AbstractResolver):
    """The system's resolver. Raises `socket.gaierror` where there is no such name."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(LOOKUPS, thread_name_prefix="lookup")

    async def resolve(self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC) -> list[ResolveResult]:
        infos = await asyncio.get_running_loop().run_in_executor(self._threads, self._look_up, host, port, family)
        return [
            ResolveResult(hostname=host, host=str(address[0]), port=port, family=kind, proto=proto, flags=socket.AI_NUMERICHOST)
            for kind, _, proto, _, address in infos
        ]

    @staticmethod
    def _look_up(
        host: str, port: int, family: socket.AddressFamily
    ) -> list[tuple[socket.AddressFamily, socket.SocketKind, int, str, tuple[str | int, ...]]]:
        if host.rstrip(".").lower().endswith(".invalid"):  # never asked for, by RFC 6761, section 6.4
            raise socket.gaierror(socket.EAI_NONAME, "no such host")
        try:
            infos = socket.getaddrinfo(host, port, family=family, type=socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG)
        except UnicodeError:  # a label that is empty or too long
            raise socket.gaierror(socket.EAI_NONAME, "no such host") from None
        return [info for info in infos if info[0] in (socket.AF_INET, socket.AF_INET6)]  # type: ignore[misc]

    async def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)


class _Connector(aiohttp.TCPConnector):
    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._factory = partial(Connection, loop=self._loop)  # type: ignore[assignment]  # `partial` is invariant


class Client:
    """An HTTP session in the running loop. It sets no deadline: callers have their own."""

    def __init__(
        self, guard: Guard, *, accept: str, resolver: AbstractResolver | None = None, tls: ssl.SSLContext | None = None
    ) -> None:
        self._resolver = resolver or Resolver()
        connector = _Connector(
            limit=0,
            limit_per_host=0,
            ttl_dns_cache=DNS_SECONDS,
            keepalive_timeout=IDLE_SECONDS,
            resolver=self._resolver,
            ssl=tls or True,  # aiohttp's own, which trusts what the system trusts: to load that anew takes 20 ms
            socket_factory=guard.socket_factory,
        )
        self.session = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,
            auto_decompress=False,
            headers={"User-Agent": USER_AGENT, "Accept": accept, "Accept-Encoding": "identity"},
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS),
            read_bufsize=2**18,
            max_field_size=HEADER_BYTES,
        )

    async def get(self, url: URL, headers: Mapping[str, str]) -> aiohttp.ClientResponse:
        """One GET, no redirect followed; over another connection as often as one that was kept turns out to be of no use."""
        while True:
            try:
                return await self.session.get(url, headers=headers, allow_redirects=False)
            except KeptTooLong:
                headers = {**headers, "Connection": "close"}

    async def close(self) -> None:
        await self.session.close()
        await self._resolver.close()
