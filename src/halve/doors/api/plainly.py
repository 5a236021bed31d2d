"""A server that cannot start, or finish an answer, says why in a sentence, whoever started it."""

from __future__ import annotations

import asyncio

from starlette.requests import Request as HttpRequest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from halve.core.errors import HalveError
from halve.core.log import Log
from halve.doors.api.problems import answer, busy

log = Log(__name__)

BROKEN_OFF = "an answer was broken off"
"""The server closes the connection of an answer that is left without its end, so nobody takes it for whole."""


class Plainly:
    """Middleware: what was raised on purpose while the server opened its parts, or after an answer had begun, is reported by its
    message, not by a traceback; and so is what a server that stops cannot wait for.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            return await self._start(scope, receive, send)
        began = False

        async def noting(message: Message) -> None:
            nonlocal began
            began = True
            await send(message)

        try:
            await self._app(scope, receive, noting)
        except asyncio.CancelledError:  # by a server that stops, of what it cannot wait for; nobody else is to hear of it
            if began:
                log.warning(BROKEN_OFF, path=scope["path"], reason="The server was stopped.")
            else:
                refused = busy("The server is being stopped. Try again in a moment.")
                await answer(HttpRequest(scope), refused)(scope, receive, send)
        except RuntimeError as error:  # the framework's own, where its handlers would have begun a second answer
            if not isinstance(error.__cause__, HalveError):
                raise
            log.warning(BROKEN_OFF, path=scope["path"], reason=str(error.__cause__))

    async def _start(self, scope: Scope, receive: Receive, send: Send) -> None:
        failed = False

        async def hold_back(message: Message) -> None:
            nonlocal failed
            if message["type"] == "lifespan.startup.failed":
                failed = True
            else:
                await send(message)

        try:
            return await self._app(scope, receive, hold_back)
        except BaseException as error:
            if failed and isinstance(error, HalveError):
                return await send({"type": "lifespan.startup.failed", "message": f"halve: {error}"})
            raise
