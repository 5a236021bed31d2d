"""`GET /events/{request_id}`: watching a request, as server-sent events (WHATWG HTML, 9.2)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from time import monotonic
from uuid import UUID

from fastapi import APIRouter
from starlette.requests import Request as HttpRequest
from starlette.responses import Response, StreamingResponse

from halve.core import models
from halve.core.errors import StoreFailed
from halve.core.log import Log
from halve.doors.api import schemas
from halve.doors.api.context import Context, Ctx
from halve.doors.api.keys import Found
from halve.doors.api.openapi import problems
from halve.doors.api.routes import reading, without_body
from halve.doors.api.status import status_body
from halve.doors.json_line import in_one_line

log = Log(__name__)

router = APIRouter()

LOOK_EVERY = 0.5
"""Seconds between looks at a request that somebody watches."""

KEEP_ALIVE_EVERY = 15.0
"""Seconds after which a comment is sent if nothing else was, so that no proxy thinks the connection dead."""

PLACES = "event streams"

STREAMS_AT_ONCE = 256
"""Streams of one process at once; further ones are answered 503."""

_EXAMPLE = 'event: progress\ndata: {"request_id":"…","status":"processing","progress":{…},…}\n\nevent: done\ndata: {…}\n\n'


@reading(
    router,
    "/events/{request_id}",
    summary="Watch a request",
    tags=["Requests"],
    response_class=StreamingResponse,
    responses={
        200: {
            "description": "`progress` at once and whenever something changed, each with the body of `/status`; in the end `done`.",
            "content": {"text/event-stream": {"schema": {"type": "string"}, "example": _EXAMPLE}},
        },
        **problems(400, 401, 404, 503),
    },
)
async def events(http: HttpRequest, context: Ctx, request: Found) -> Response:
    """Server-sent events: `progress` with the status body, then `done` with the last one, and the connection closes."""
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    if http.method == "HEAD":
        return without_body(headers, "text/event-stream")
    context.turns.check(PLACES, STREAMS_AT_ONCE)
    body = await status_body(context, request)
    return StreamingResponse(_watch(context, request.id, body), headers=headers, media_type="text/event-stream")


async def _watch(context: Context, request_id: UUID, shown: schemas.RequestStatus) -> AsyncIterator[bytes]:
    with context.turns.take(PLACES):
        yield _event("progress", shown)
        told_at = monotonic()
        while shown.completed_at is None:
            if await _closing(context):
                return
            body = await _look(context, request_id, shown)
            if body is None:  # erased under our eyes, which stopped it
                shown = shown.model_copy(update={"status": models.Status.CANCELLED})
                break
            if body != shown:
                yield _event("progress", body)
                shown, told_at = body, monotonic()
            elif monotonic() - told_at >= KEEP_ALIVE_EVERY:
                yield b": still here\n\n"
                told_at = monotonic()
        yield _event("done", shown)


async def _look(context: Context, request_id: UUID, shown: schemas.RequestStatus) -> schemas.RequestStatus | None:
    """How the request stands, None where it is erased; as it was `shown` last while the store fails."""
    try:
        request = await context.parts.states.request(request_id)
        return None if request is None else await status_body(context, request)
    except StoreFailed as error:
        log.warning("store failed while somebody watches", reason=str(error))
        return shown


async def _closing(context: Context) -> bool:
    """Wait until it is time for the next look; True if the server stops, since it would wait for this stream to end."""
    with suppress(TimeoutError):
        await asyncio.wait_for(context.closing.wait(), LOOK_EVERY)
    return context.closing.is_set()


def _event(name: str, body: schemas.RequestStatus) -> bytes:
    return f"event: {name}\ndata: {in_one_line(body.model_dump_json())}\n\n".encode()
