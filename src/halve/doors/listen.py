"""`halve listen`: a receiver of webhooks, to try them out with and to learn from.

It does what a receiver should: reads the body as bytes, verifies before it parses, remembers ids so that a message delivered
twice is acted upon once, and answers quickly. One line of JSON a message goes to stdout, everything else to stderr. A message that
stdout did not take is not called received: it is answered 503, and this ends.
"""

from __future__ import annotations

import asyncio
import json
import logging
import signal
import sys
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TextIO

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from halve.core.errors import OptionRefused
from halve.doors.cli.terminal import err, nobody_reads, unwritable
from halve.doors.json_line import json_line
from halve.outbound.signing import SignatureRefused, read_secrets, verify

LARGEST = 2**20
"""Bytes of a message; ours have a few hundred."""

REMEMBERED = 10_000
"""Ids remembered, to tell a repetition."""


def serve_listener(host: str, port: int, secret: str | None) -> None:
    """Listen until interrupted: returns after SIGTERM, and where nobody reads stdout any more (`halve listen | head -1`); raises
    KeyboardInterrupt after Ctrl-C. Port 0 takes a free one.

    Without `secret`, messages are taken unverified. Raises OptionRefused for an impossible secret or a port that is taken,
    StoreFailed where stdout takes nothing.
    """
    if secret:
        read_secrets(secret, "secret")
    asyncio.run(_serve(host, port, secret or None))


async def _serve(host: str, port: int, secret: str | None) -> None:
    stop = asyncio.Event()
    unshown: list[OSError] = []

    def end_unshown(error: OSError) -> None:
        nobody_reads(sys.stdout)
        unshown.append(error)
        stop.set()

    with suppress(NotImplementedError, RuntimeError):  # Windows, or not the main thread: Ctrl-C is enough there
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    log = logging.getLogger("halve.listen")
    log.propagate, log.handlers = False, [_ForPeople()]
    log.setLevel(logging.DEBUG)
    runner = web.AppRunner(make_app(secret, sys.stdout, end_unshown), access_log=None, logger=log, shutdown_timeout=1)
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, host, port).start()
        except (OSError, UnicodeError) as error:  # the latter: a part of the host's name is empty, or longer than 63 letters
            reason = (error.strerror or str(error)) if isinstance(error, OSError) else "that is no name of a host"
            raise OptionRefused("port", f"Cannot listen on {host} port {port}: {reason}. Choose another --port, or 0.") from None
        name, number = runner.addresses[0][:2]
        shown = f"[{name}]" if ":" in name else name
        how = "verifying signatures" if secret else "not verifying signatures (give --secret whsec_… to)"
        err().print(f"Listening on http://{shown}:{number}/webhook, {how}. Ctrl-C ends it.", markup=False)
        await stop.wait()
    finally:
        await runner.cleanup()
    if unshown and not isinstance(unshown[0], BrokenPipeError):
        raise unwritable(unshown[0])


def make_app(secret: str | None, out: TextIO, on_unshown: Callable[[OSError], None]) -> web.Application:
    """The receiver as an application; lines go to `out`. `on_unshown` is told when that takes none."""
    app = web.Application(client_max_size=LARGEST)
    app.router.add_post("/webhook", _Receiver(secret, out, on_unshown).receive)
    return app


class _ForPeople(logging.Handler):
    """The server's own complaints, a line each; of what is no HTTP, perhaps HTTPS, it speaks to debuggers alone."""

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        if isinstance(error, HttpProcessingError):
            _complain("400: what is no HTTP")
        elif record.levelno >= logging.WARNING:
            _complain(f"500: {error or record.getMessage()}")


class _Receiver:
    def __init__(self, secret: str | None, out: TextIO, on_unshown: Callable[[OSError], None]) -> None:
        self._secret, self._out, self._on_unshown = secret, out, on_unshown
        self._seen: OrderedDict[str, None] = OrderedDict()

    async def receive(self, request: web.Request) -> web.Response:
        """204; 401 for a signature that is not good, 413 for too large, 400 for what is no JSON, 503 for what cannot be shown."""
        try:
            body = await request.read()
        except web.HTTPRequestEntityTooLarge:
            _complain(f"413: a message of more than {LARGEST:,} bytes")
            return web.json_response({"code": "too_large", "message": f"A message has at most {LARGEST:,} bytes."}, status=413)
        if self._secret is not None:
            try:
                verify(self._secret, request.headers, body)
            except SignatureRefused as refused:
                _complain(f"401: {refused}")
                return web.json_response({"code": refused.code, "message": str(refused)}, status=401)
        try:
            payload: Any = json.loads(body)
            json.dumps(payload, allow_nan=False)  # the reader takes NaN, and 1e999, which no line of JSON can say
        except (ValueError, RecursionError):
            _complain("400: a message that is no JSON")
            return web.json_response({"code": "not_json", "message": "The body is not JSON."}, status=400)
        try:
            self._show(request, payload)
        except OSError as error:
            self._on_unshown(error)
            return web.json_response({"code": "not_shown", "message": "The receiver ends, and has not shown this."}, status=503)
        return web.Response(status=204)

    def _show(self, request: web.Request, payload: Any) -> None:
        """A message that comes again is answered like the first time, and shown as what it is."""
        id = request.headers.get("webhook-id")
        line = {
            "id": id,
            "timestamp": request.headers.get("webhook-timestamp"),
            "verified": self._secret is not None,
            "repeated": self._repeated(id),
            "payload": payload,
        }
        self._out.write(json_line(line, self._out))
        self._out.flush()

    def _repeated(self, id: str | None) -> bool:
        if id is None:
            return False
        repeated = id in self._seen
        self._seen[id] = None
        if len(self._seen) > REMEMBERED:
            self._seen.popitem(last=False)
        return repeated


def _complain(what: str) -> None:
    err().print(what, markup=False)
