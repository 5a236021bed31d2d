"""The frame of the small HTTP servers that stand in for services in tests: a thread with an event loop, a free loopback port.

Unlike an `Origin`, which serves pages by name, these answer every path by rules of their own: `answer` is theirs to write.
"""

from __future__ import annotations

import asyncio
import re
import threading
from concurrent.futures import Future
from types import TracebackType
from typing import Self

from aiohttp import web

_RANGE = re.compile(r"bytes=(\d+)-(\d*)")


class Loopback:
    """`trouble`: status and message that the next requests get instead of an answer, one after the other."""

    def __init__(self) -> None:
        self.host, self.port = "127.0.0.1", 0
        self.trouble: list[tuple[int, str]] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"

    async def answer(self, request: web.BaseRequest, body: bytes) -> web.StreamResponse:
        raise NotImplementedError

    def refusal(self, request: web.BaseRequest, status: int, message: str) -> web.Response:
        text = f"<Error><Code>Trouble</Code><Message>{message}</Message></Error>"
        return web.Response(status=status, text=text, content_type="application/xml")

    def __enter__(self) -> Self:
        listening: Future[int] = Future()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run(listening)), name=type(self).__name__, daemon=True)
        self._thread.start()
        self.port = listening.result(timeout=10)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        assert self._loop is not None
        assert self._stop is not None
        assert self._thread is not None
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(timeout=10)
        assert not self._thread.is_alive(), f"{type(self).__name__} did not stop"

    async def _run(self, listening: Future[int]) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        runner = web.ServerRunner(web.Server(self._answer, access_log=None), shutdown_timeout=0.05)
        try:
            await runner.setup()
            await web.TCPSite(runner, self.host, 0, backlog=1024).start()
        except BaseException as error:
            listening.set_exception(error)
            raise
        listening.set_result(runner.addresses[0][1])
        await self._stop.wait()
        await runner.cleanup()

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        body = await request.content.read() if request.body_exists else b""
        try:
            if self.trouble:
                return self.refusal(request, *self.trouble.pop(0))
            return await self.answer(request, body)
        except ConnectionError:  # the client has left
            return web.StreamResponse()


def part_of(request: web.BaseRequest, data: bytes, headers: dict[str, str]) -> web.Response:
    """The whole, or the part that `Range` asks for (RFC 9110, section 14); 412 where `If-Match` names another `ETag`."""
    headers = {"Accept-Ranges": "bytes", **headers}
    wanted = request.headers.get("If-Match")
    if wanted and wanted.strip('"') != headers.get("ETag", "").strip('"'):
        return web.Response(status=412, text="<Error><Code>PreconditionFailed</Code></Error>")
    if request.method == "HEAD":
        return web.Response(headers={**headers, "Content-Length": str(len(data))})
    found = _RANGE.fullmatch(request.headers.get("Range", ""))
    if not found:
        return web.Response(body=data, headers=headers)
    first, last = int(found[1]), min(int(found[2] or len(data)), len(data) - 1)
    if first >= len(data):
        return web.Response(
            status=416, headers={"Content-Range": f"bytes */{len(data)}"}, text="<Error><Code>InvalidRange</Code></Error>"
        )
    return web.Response(
        status=206, body=data[first : last + 1], headers={**headers, "Content-Range": f"bytes {first}-{last}/{len(data)}"}
    )
