"""The HTTP server, put together."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from types import FrameType
from typing import Any

from fastapi import FastAPI

from halve import __version__
from halve.doors.api import (
    archive,
    control,
    downloads,
    erasing,
    events,
    images,
    monitor,
    notify,
    openapi,
    pages,
    problems,
    results,
    status,
    upload,
)
from halve.doors.api.context import Context
from halve.doors.api.headers import Careful
from halve.doors.api.metrics import Measured, Metrics
from halve.doors.api.plainly import Plainly
from halve.doors.api.routes import ids_left_out, operation_id
from halve.doors.logs import set_up_logs
from halve.settings import Settings, read_settings
from halve.wiring import Engine, open_engine, open_parts

DESCRIPTION = """A spreadsheet of heavy product pictures in, the same spreadsheet with pictures of half the weight out.

Hand in a sheet at `POST /upload`, watch it at `/status` or `/events`, fetch it at `/download`.
Errors are problem details (RFC 9457) with a stable `code`."""

_ROUTERS = (upload, status, events, results, downloads, archive, images, control, notify, monitor, pages)


def create_app(settings: Settings | None = None, *, worker: bool = True) -> FastAPI:
    """The server, which opens everything when it starts. `worker`: it does the work, too.

    Without `settings` those of the environment are read then, and logs are set up as they say.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            parts = await stack.enter_async_context(open_parts(settings or _of_the_environment()))
            engine = await stack.enter_async_context(open_engine(parts)) if worker else _NOBODY
            context = Context(parts, engine.nudge)
            stack.push_async_callback(context.close)
            stack.enter_context(_told_of_the_end(context.closing.set, engine.stop))
            app.state.context = context
            erasing.go_on(context)
            if worker:
                app.state.metrics.watch(parts.pipeline.tally)
            yield

    app = FastAPI(
        title="halve",
        version=__version__,
        description=DESCRIPTION,
        lifespan=lifespan,
        openapi_url=None,
        redirect_slashes=False,
        generate_unique_id_function=operation_id,
    )
    app.state.metrics = Metrics()
    problems.install(app)
    for module in _ROUTERS:
        app.include_router(module.router)
    ids_left_out(app.router, "GET", "/status", "/events", "/results", "/download", "/archive")
    app.add_middleware(Plainly)
    app.add_middleware(Careful)
    app.add_middleware(Measured, metrics=app.state.metrics)

    def schema() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = openapi.schema(app)
        return app.openapi_schema

    app.openapi = schema  # type: ignore[method-assign]
    return app


def _of_the_environment() -> Settings:
    settings = read_settings()
    set_up_logs(settings.log_level)
    return settings


_NOBODY = Engine(nudge=lambda: None, stop=lambda: None)
"""Nobody is there to be woken or stopped: workers look for themselves."""


@contextmanager
def _told_of_the_end(*hearers: Callable[[], None]) -> Iterator[None]:
    """Call these when the process is told to stop. The server waits for open answers, so streams must hear of it and end; and what
    is in work has its time meanwhile, not after them.
    """
    loop = asyncio.get_running_loop()
    before: dict[int, Any] = {}

    def handler_for(then: Callable[[int, FrameType | None], Any]) -> Callable[[int, FrameType | None], Any]:
        def handle(number: int, frame: FrameType | None) -> Any:
            for hear in hearers:
                loop.call_soon_threadsafe(hear)
            return then(number, frame)

        return handle

    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGINT, signal.SIGTERM):
            then = signal.getsignal(number)
            if callable(then):
                before[number] = then
                signal.signal(number, handler_for(then))
    try:
        yield
    finally:
        for hear in hearers:
            hear()
        for which, earlier in before.items():
            signal.signal(which, earlier)
