"""A real web server for tests: hands out given bytes on a free loopback port, counts, and misbehaves where it is told to.

    with Origin() as origin:
        url = origin.serve("/a.jpg", data)
        ...
        assert origin.hits("/a.jpg") == 1

Paths are looked up with their query first and without it then: `/a.jpg?n=1` and `/a.jpg?n=2` are two URLs of one picture.
"""

from __future__ import annotations

import asyncio
import gzip
import socket
import ssl
import struct
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise

from aiohttp import web

from tests.support.threaded import Threaded

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

LOGIN_PAGE = b"<!DOCTYPE html>\n<html><head><title>Sign in</title></head><body><form>Password</form></body></html>"


@dataclass(frozen=True, slots=True)
class Seen:
    """A request as it came in."""

    method: str
    path_qs: str
    headers: Mapping[str, str]
    body: bytes = b""


@dataclass
class _Counts:
    hits: Counter[str] = field(default_factory=Counter)
    seen: dict[str, list[Seen]] = field(default_factory=lambda: defaultdict(list))
    now: int = 0
    peak: int = 0


class Origin(Threaded):
    """`latency` is waited before every answer, in seconds; it may be changed at any time."""

    def __init__(self, *, latency: float = 0.0, host: str = "127.0.0.1", port: int = 0, tls: ssl.SSLContext | None = None) -> None:
        super().__init__(host=host, port=port, tls=tls)
        self.latency = latency
        self._routes: dict[str, Handler] = {}
        self._counts = _Counts()

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        counts = self._counts
        path_qs = request.raw_path
        path = path_qs.partition("?")[0]
        body = await request.read() if request.body_exists else b""
        for name in {path, path_qs}:
            counts.hits[name] += 1
        counts.seen[path].append(Seen(request.method, path_qs, request.headers.copy(), body))
        counts.now += 1
        counts.peak = max(counts.peak, counts.now)
        try:
            if self.latency:
                await asyncio.sleep(self.latency)
            handler = self._routes.get(path_qs) or self._routes.get(path)
            return await handler(request) if handler else web.Response(status=404, text="there is nothing here")  # type: ignore[arg-type]
        except ConnectionError:  # the client has left, which is often what the test is about
            return web.StreamResponse()
        finally:
            counts.now -= 1

    # ── what tests ask ────────────────────────────────────────────────────────────────────────────────────────────────

    def url(self, path: str = "/") -> str:
        """The URL of a path, whether something is served there or not."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'https' if self._tls else 'http'}://{host}:{self.port}{path}"

    def hits(self, path: str | None = None) -> int:
        """Requests so far for that path (with `?`: for exactly that query), or for all paths."""
        if path is None:
            return sum(len(seen) for seen in self._counts.seen.values())
        return self._counts.hits[path]

    def seen(self, path: str) -> list[Seen]:
        """The requests for that path so far, in order."""
        return list(self._counts.seen[path.partition("?")[0]])

    @property
    def peak(self) -> int:
        """The most requests that were being answered at one time."""
        return self._counts.peak

    def forget(self) -> None:
        """Set all counts back to nothing."""
        self._counts = _Counts(now=self._counts.now)

    def clear(self) -> None:
        """Serve nothing, count nothing, wait for nothing: as new."""
        self.forget()
        self._routes.clear()
        self.latency = 0.0

    # ── what is served; each returns the URL ──────────────────────────────────────────────────────────────────────────

    def route(self, path: str, handler: Handler) -> str:
        """Answer with a coroutine function of your own; it runs in the origin's loop."""
        self._routes[path] = handler
        return self.url(path)

    def remove(self, path: str) -> None:
        """Serve nothing there any more: 404."""
        self._routes.pop(path, None)

    def serve(
        self,
        path: str,
        data: bytes,
        *,
        content_type: str = "image/jpeg",
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        latency: float = 0.0,
    ) -> str:
        """Those bytes. `latency` in seconds comes on top of the origin's own."""

        async def handler(_: web.Request) -> web.Response:
            if latency:
                await asyncio.sleep(latency)
            return web.Response(body=data, status=status, headers=dict(headers or {}), content_type=content_type)

        return self.route(path, handler)

    def status(self, path: str, status: int, headers: Mapping[str, str] | None = None) -> str:
        """That status with a line of text, always: 404, 403, 410, 429 with `{"Retry-After": "2"}`, …"""
        return self.serve(path, f"HTTP {status}".encode(), content_type="text/plain", status=status, headers=headers)

    def flaky(self, path: str, data: bytes, *, failures: int, status: int = 500, headers: Mapping[str, str] | None = None) -> str:
        """That status for the first `failures` requests, the bytes ever after. Status 0: the connection is reset."""
        left = [failures]

        async def handler(request: web.Request) -> web.StreamResponse:
            if left[0] > 0:
                left[0] -= 1
                if status == 0:
                    return await _raw(request, b"", reset=True)
                return web.Response(status=status, headers=dict(headers or {}), text=f"HTTP {status}")
            return web.Response(body=data, content_type="image/jpeg")

        return self.route(path, handler)

    def login(self, path: str) -> str:
        """An HTML page with status 200 that calls itself a JPEG, as shops behind a login do."""
        return self.serve(path, LOGIN_PAGE)

    def redirect(self, path: str, to: str, status: int = 302) -> str:
        """A redirect; `to` goes into `Location` as it is, relative or absolute, of any scheme."""
        return self.serve(path, b"over there", content_type="text/html", status=status, headers={"Location": to})

    def redirect_chain(self, path: str, length: int, data: bytes) -> str:
        """`length` redirects, one after the other, with the bytes behind the last."""
        steps = [path, *(f"{path}.{n}" for n in range(1, length + 1))]
        for here, there in pairwise(steps):
            self.redirect(here, there)
        self.serve(steps[-1], data)
        return self.url(path)

    def redirect_loop(self, path: str) -> str:
        """A redirect to itself."""
        return self.redirect(path, path)

    def gzipped(self, path: str, data: bytes) -> str:
        """The bytes gzip-encoded, whatever encoding was asked for."""
        return self.serve(path, gzip.compress(data), headers={"Content-Encoding": "gzip"})

    def slow_headers(self, path: str, data: bytes, seconds: float) -> str:
        """Nothing at all for so long, then the bytes."""
        return self.serve(path, data, latency=seconds)

    def drip(self, path: str, data: bytes, *, piece: int = 1, pause: float = 0.05, announce: bool = True) -> str:
        """The bytes, `piece` at a time with a pause after each. `announce`: with a Content-Length, else chunked."""

        async def handler(request: web.Request) -> web.StreamResponse:
            response = web.StreamResponse(headers={"Content-Type": "image/jpeg"})
            if announce:
                response.content_length = len(data)
            await response.prepare(request)
            for start in range(0, len(data), piece):
                await response.write(data[start : start + piece])
                await asyncio.sleep(pause)
            return response

        return self.route(path, handler)

    def endless(self, path: str, piece: bytes = b"\xff\xd8\xff\xe0" * 4096, pause: float = 0.0) -> str:
        """A chunked body that never ends; huge, or slow with a pause."""

        async def handler(request: web.Request) -> web.StreamResponse:
            response = web.StreamResponse(headers={"Content-Type": "image/jpeg"})
            await response.prepare(request)
            while True:
                await response.write(piece)
                await asyncio.sleep(pause)

        return self.route(path, handler)

    def huge(self, path: str, size: int, head: bytes = b"\xff\xd8\xff\xe0", *, announce: bool = True) -> str:
        """A body of `size` bytes that is not held in memory: `head`, then zeros."""

        async def handler(request: web.Request) -> web.StreamResponse:
            response = web.StreamResponse(headers={"Content-Type": "image/jpeg"})
            if announce:
                response.content_length = size
            await response.prepare(request)
            await response.write(head)
            for start in range(len(head), size, 65536):
                await response.write(bytes(min(65536, size - start)))
            return response

        return self.route(path, handler)

    def empty(self, path: str) -> str:
        """200 with no body."""
        return self.serve(path, b"")

    def cut(self, path: str, data: bytes, at: int) -> str:
        """A Content-Length of all the bytes, `at` of them, and an orderly close."""
        head = f"HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\nContent-Length: {len(data)}\r\n\r\n".encode()
        return self.raw(path, head + data[:at])

    def cut_chunked(self, path: str, data: bytes) -> str:
        """A chunked body without its last chunk, and an orderly close."""
        head = f"HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\nTransfer-Encoding: chunked\r\n\r\n{len(data):x}\r\n".encode()
        return self.raw(path, head + data + b"\r\n")

    def reset(self, path: str, data: bytes, at: int) -> str:
        """As `cut`, but the connection is reset (RST)."""
        head = f"HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\nContent-Length: {len(data)}\r\n\r\n".encode()
        return self.raw(path, head + data[:at], reset=True)

    def raw(self, path: str, answer: bytes, *, reset: bool = False) -> str:
        """Exactly those bytes instead of a response, then the end of the connection."""

        async def handler(request: web.Request) -> web.StreamResponse:
            return await _raw(request, answer, reset=reset)

        return self.route(path, handler)


async def _raw(request: web.Request, answer: bytes, *, reset: bool) -> web.StreamResponse:
    transport = request.transport
    assert transport is not None
    transport.write(answer)
    await asyncio.sleep(0.02)  # let it leave before the reset
    if reset:
        connection = transport.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()
    else:
        transport.close()
    return web.StreamResponse()
