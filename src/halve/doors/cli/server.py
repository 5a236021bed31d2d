"""One server process: a socket of our own, so that its port is known before anyone asks; uvicorn on it; an end in good order."""

from __future__ import annotations

import errno
import signal
import socket
import sys
from collections.abc import Callable
from types import FrameType

import uvicorn

from halve.core.errors import HalveError, StoreFailed
from halve.doors import heap
from halve.doors.api import create_app
from halve.doors.cli.endings import Interrupted
from halve.doors.protocol import CarefulHttp
from halve.settings import Settings

GRACE = 10
"""Seconds that answers under way have after the server was told to stop."""

BACKLOG = 2048

SWITCH = 0.0005
"""Seconds that one thread may compute while others wait for their turn, a tenth of Python's default. An answer takes a dozen turns:
while a long sheet is read in a thread, each of them would take 5 ms otherwise."""


def listening_socket(host: str, port: int) -> socket.socket:
    """A socket bound to the first address of `host`; port 0 takes a free one. HalveError, saying what to do, where it cannot be."""
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        return socket.create_server(address[:2], family=family, backlog=BACKLOG)
    except OSError as error:
        why = {
            errno.EADDRINUSE: f"Port {port} on {host} is in use. Stop what uses it, or choose another; --port 0 takes a free one.",
            errno.EACCES: f"Port {port} needs more rights than this user has. Choose one above 1023.",
        }.get(error.errno or 0, f"Cannot listen on {host}, port {port}: {error.strerror}.")
        raise HalveError(why, code="cannot_listen") from error
    except UnicodeError:  # a part of the name is empty, or longer than 63 letters
        raise HalveError(
            f"Cannot listen on {host}, port {port}: that is no name of a host. Give another --host, or HALVE_HOST.",
            code="cannot_listen",
        ) from None


def address_of(bound: socket.socket) -> str:
    """`http://127.0.0.1:8000`; where it listens on all addresses, one that leads there from this machine."""
    host, port = bound.getsockname()[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - compared with, not bound to
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def serve_forever(settings: Settings, bound: socket.socket, ready: Callable[[], None]) -> None:
    """Serve API, page and an embedded worker until SIGTERM or Ctrl-C; the second Ctrl-C waits for nothing.

    `ready` is called when requests are answered. Raises StoreFailed where the server could not start, Interrupted after Ctrl-C.
    """
    config = uvicorn.Config(
        create_app(settings),
        http=CarefulHttp,
        ws="none",
        loop="uvloop",
        lifespan="on",
        log_config=None,
        access_log=settings.log_level == "debug",
        server_header=False,
        timeout_graceful_shutdown=GRACE,
    )
    server = _Server(config, ready)
    stopped_by: list[int] = []

    def remember(signum: int, frame: FrameType | None) -> None:
        stopped_by.append(signum)

    # uvicorn catches signals while it serves and passes them on in the end: to these.
    before = {signum: signal.signal(signum, remember) for signum in (signal.SIGINT, signal.SIGTERM)}
    try:
        server.run(sockets=[bound])
    finally:
        for signum, handler in before.items():
            signal.signal(signum, handler)
    if not server.started:
        raise StoreFailed("The server could not start; the log above says why.")
    if signal.SIGINT in stopped_by:
        raise Interrupted


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            heap.settle()
            sys.setswitchinterval(SWITCH)
            self._ready()
