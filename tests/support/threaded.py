"""An HTTP server in a thread with an event loop of its own, so that tests of blocking and of asynchronous code use it alike."""

from __future__ import annotations

import asyncio
import ssl
import threading
from concurrent.futures import Future
from types import TracebackType
from typing import Self

from aiohttp import web


class Threaded:
    """Serves while it is entered: on `port` then, a free one unless it was named. What it answers is `_answer`'s to say."""

    def __init__(self, *, host: str = "127.0.0.1", port: int = 0, tls: ssl.SSLContext | None = None) -> None:
        self.host, self.port, self._tls = host, port, tls
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._thread: threading.Thread | None = None

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
            await web.TCPSite(runner, self.host, self.port, ssl_context=self._tls, backlog=1024).start()
        except BaseException as error:
            listening.set_exception(error)
            raise
        listening.set_result(runner.addresses[0][1])
        await self._stop.wait()
        await runner.cleanup()

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        raise NotImplementedError
