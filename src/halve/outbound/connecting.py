"""From a host and a port to a connection: looked up, vetted, connected to, and over TLS where that is asked for.

Each address is vetted where its socket is made (`guard`), so it makes no difference what a name resolved to a moment ago.
"""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import random
import socket
import ssl
import threading
from collections import OrderedDict
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import Future
from contextlib import asynccontextmanager, suppress
from typing import Protocol, cast

from aiohappyeyeballs import AddrInfoType, start_connection

from halve.outbound.connection import Connection
from halve.outbound.guard import Guard
from halve.outbound.http_fault import TooSlow

CONNECT_SECONDS = 15.0
"""How long one connection may take to come about, TCP and TLS each."""

NEXT_ADDRESS = 0.25
"""Seconds after which the next address of a name is tried beside the one before (RFC 8305, section 5)."""

ADDRESSES = 32
"""Of a name, so many of each family are gone to. Its owner may name thousands, of servers that have nothing to do with it."""

DNS_SECONDS = 60.0
"""How long a name's addresses are remembered."""

NAMES_REMEMBERED = 1000

LOOKUPS = 16
"""Names looked up at once. They have threads of their own: a name server that does not answer holds up nothing else."""

LOOKUP_SECONDS = 0.5
"""How long a look-up counts among them: one whose name server is silent goes on beside them, and holds up no other name."""


class Resolver(Protocol):
    """Names to addresses, as `getaddrinfo` tells them."""

    async def resolve(self, host: str, port: int) -> Sequence[AddrInfoType]:
        """Raises `socket.gaierror` where there is no such name."""

    async def close(self) -> None: ...


class SystemResolver:
    """The resolver that the system has. It may block for as long as the system is patient, and cannot be stopped: nothing waits for
    its threads, the end of the process included.
    """

    def __init__(self) -> None:
        self._places = asyncio.Semaphore(LOOKUPS)

    async def resolve(self, host: str, port: int) -> Sequence[AddrInfoType]:
        async with self._places:
            found: Future[Sequence[AddrInfoType]] = Future()
            found.set_running_or_notify_cancel()
            try:
                threading.Thread(target=_look_up, args=(found, host, port), name="lookup", daemon=True).start()
            except RuntimeError as error:  # Python's own, where the system gives no more threads
                raise OSError(errno.EAGAIN, "no thread can be started") from error
            looking = asyncio.wrap_future(found)
            try:
                await asyncio.wait((looking,), timeout=LOOKUP_SECONDS)
            except asyncio.CancelledError:
                looking.cancel()  # or its thread might tell of it in a loop that is closed by then
                raise
        return await looking

    async def close(self) -> None:
        pass


class _Unread(asyncio.Protocol):
    """Leaves what comes to TLS, which has its turn next."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        cast("asyncio.ReadTransport", transport).pause_reading()


class Connector:
    """Used in one event loop. `tls`: which certificates are trusted; None: those that the system trusts."""

    def __init__(self, guard: Guard, *, resolver: Resolver | None = None, tls: ssl.SSLContext | None = None) -> None:
        self._guard = guard
        self._resolver = resolver or SystemResolver()
        self._tls = tls
        self._names: OrderedDict[tuple[str, int], tuple[float, asyncio.Future[Sequence[AddrInfoType]]]] = OrderedDict()

    async def connect(self, scheme: str, host: str, port: int) -> Connection:
        """Raises OSError (of its kinds `socket.gaierror`, `guard.SocketRefused`, `ssl.SSLError`), TooSlow."""
        addresses = _literal(host, port) or _in_any_order(await self._look_up(host, port))
        return await self._connect(scheme, host, addresses)

    async def _connect(self, scheme: str, host: str, addresses: Sequence[AddrInfoType]) -> Connection:
        """Where an address is reached and TLS fails there, the others are gone to. Raises what the first of them said."""
        connected, address = await self._reach(addresses)
        try:
            return await self._begin(scheme, host, connected)
        except OSError:
            if others := [one for one in addresses if one is not address]:
                with suppress(OSError, TooSlow):
                    return await self._connect(scheme, host, others)
            raise

    async def _reach(self, addresses: Sequence[AddrInfoType]) -> tuple[socket.socket, AddrInfoType]:
        """The first of them that takes a connection, and that connection."""
        made: dict[socket.socket, AddrInfoType] = {}

        def make(address: AddrInfoType) -> socket.socket:
            one = self._guard.socket_factory(address)
            made[one] = address
            return one

        async with _in_time():
            connected = await start_connection(addresses, happy_eyeballs_delay=NEXT_ADDRESS, socket_factory=make)
        return connected, made[connected]

    async def _begin(self, scheme: str, host: str, connected: socket.socket) -> Connection:
        try:
            async with _in_time():
                if scheme == "https":
                    return await self._over_tls(connected, host.removesuffix("."))
                _, connection = await asyncio.get_running_loop().create_connection(Connection, sock=connected)
                return connection
        except BaseException:
            connected.close()
            raise

    async def close(self) -> None:
        for _, looking in self._names.values():
            looking.cancel()
        await self._resolver.close()

    async def _look_up(self, host: str, port: int) -> Sequence[AddrInfoType]:
        """What was found a moment ago, is being found, or is found now."""
        loop, key = asyncio.get_running_loop(), (host, port)
        until, looking = self._names.get(key, (0.0, None))
        if looking is None or until <= loop.time():
            looking = asyncio.ensure_future(self._resolver.resolve(host, port))
            looking.add_done_callback(lambda done: done.cancelled() or done.exception())  # seen, even if nobody waits any more
            self._names[key] = loop.time() + DNS_SECONDS, looking
            self._names.move_to_end(key)
            if len(self._names) > NAMES_REMEMBERED:
                self._names.popitem(last=False)
        try:
            return await asyncio.shield(looking)
        except OSError:
            self._names.pop(key, None)  # whoever comes next asks anew
            raise

    async def _over_tls(self, connected: socket.socket, name: str) -> Connection:
        """TLS is put over the transport of the socket, rather than made with it, for the sake of `Connection.secured`."""
        loop, connection = asyncio.get_running_loop(), Connection()
        wire, _ = await loop.create_connection(_Unread, sock=connected)
        if wire.is_closing():  # the server has left already; uvloop would begin TLS all the same, and trip
            raise ConnectionResetError
        try:
            connection.connection_made(wire)
            tls = await loop.start_tls(wire, connection, self._context(), server_hostname=name)
            if tls is None:
                raise ConnectionResetError
        except BaseException:
            wire.abort()
            raise
        connection.secured(tls)
        return connection

    def _context(self) -> ssl.SSLContext:
        """Made when it is needed, for to load what the system trusts takes 20 ms."""
        if self._tls is None:
            self._tls = ssl.create_default_context()
            self._tls.set_alpn_protocols(["http/1.1"])
        return self._tls


@asynccontextmanager
async def _in_time() -> AsyncIterator[None]:
    """Raises TooSlow."""
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            yield
    except TimeoutError as error:
        if error.errno is None:  # ours; the kernel's has a number
            raise TooSlow from None
        raise


def _in_any_order(addresses: Sequence[AddrInfoType]) -> Sequence[AddrInfoType]:
    """What fails behind one address is not asked of the same one each time, for as long as the name is remembered. The family that
    the system puts first stays first (RFC 6724).
    """
    first = [one for one in addresses if one[0] == addresses[0][0]]
    others = [one for one in addresses if one[0] != addresses[0][0]]
    return [one for family in (first, others) for one in random.sample(family, min(len(family), ADDRESSES))]


def _literal(host: str, port: int) -> Sequence[AddrInfoType]:
    """A host that is an address already; nothing where it is a name."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return ()
    if address.version == 4:
        return [(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (host, port))]
    return [(socket.AF_INET6, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (host, port, 0, 0))]


def _look_up(found: Future[Sequence[AddrInfoType]], host: str, port: int) -> None:
    try:
        found.set_result(_addresses(host, port))
    except Exception as error:  # noqa: BLE001  # whatever it is, somebody waits for it
        found.set_exception(error)


def _addresses(host: str, port: int) -> Sequence[AddrInfoType]:
    if host.rstrip(".").lower().endswith(".invalid"):  # never asked for, by RFC 6761, section 6.4
        raise socket.gaierror(socket.EAI_NONAME, "no such host")
    try:
        infos = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG)
    except UnicodeError:  # a label that is empty or too long
        raise socket.gaierror(socket.EAI_NONAME, "no such host") from None
    found = [info for info in infos if info[0] in (socket.AF_INET, socket.AF_INET6)]
    if not found:
        raise socket.gaierror(socket.EAI_NONAME, "no such host")
    return found
