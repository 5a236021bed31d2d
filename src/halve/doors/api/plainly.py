"""A server that cannot start says why in a sentence, whoever starts it."""

from __future__ import annotations

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from halve.core.errors import HalveError


class Plainly:
    """Middleware: what was raised on purpose while the server opened its parts is reported by its message, not by a traceback."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan":
            return await self._app(scope, receive, send)
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
