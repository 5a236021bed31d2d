"""`GET /archive/{request_id}`: sheet and images in one ZIP."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from functools import partial

from fastapi import APIRouter
from starlette.requests import Request as HttpRequest
from starlette.responses import Response, StreamingResponse

from halve.core import models
from halve.core.errors import NotFound
from halve.core.naming import readable_name
from halve.doors.api.context import Context, Ctx
from halve.doors.api.downloads import finished, outgoing_name, sheet_in_store
from halve.doors.api.keys import Linked
from halve.doors.api.openapi import problems
from halve.doors.api.routes import reading, without_body
from halve.doors.api.stored import attachment
from halve.doors.api.zips import Entry, zipped

router = APIRouter()

PLACES = "archives"

ARCHIVES_AT_ONCE = 16
"""Archives that one process sends at once; further ones are answered 503."""

_PAGE = 500
"""Products read at once."""


@reading(
    router,
    "/archive/{request_id}",
    summary="Sheet and images in one ZIP",
    tags=["Sheets"],
    response_class=StreamingResponse,
    responses={
        200: {"description": "The archive.", "content": {"application/zip": {"schema": {"type": "string", "format": "binary"}}}},
        **problems(400, 401, 404, 409, 503),
    },
)
async def archive(http: HttpRequest, context: Ctx, request: Linked) -> Response:
    """`output.csv`, `failed.csv` if there is one, and `images/` under names for people: serial, row, product, position. Pictures
    that the store has no more are listed in `missing.txt`.

    It is written as it is sent, so its length is not known beforehand. 409 until the request is finished.
    """
    headers = {
        "Cache-Control": "private, no-store",
        "Content-Disposition": attachment(outgoing_name(finished(request).filename, "halved", "zip")),
    }
    await sheet_in_store(context, request, request.output_key)  # once the answer has begun, it can only be broken off
    if http.method == "HEAD":
        return without_body(headers, "application/zip")
    context.turns.check(PLACES, ARCHIVES_AT_ONCE)
    return StreamingResponse(_pieces(context, request), headers=headers, media_type="application/zip")


async def _pieces(context: Context, request: models.Request) -> AsyncIterator[bytes]:
    with context.turns.take(PLACES):
        async for piece in zipped(_entries(context, request), request.completed_at or datetime.now(UTC)):
            yield piece


async def _entries(context: Context, request: models.Request) -> AsyncIterator[Entry]:
    """What lacks something must not look whole: pictures that the store has no more are listed, and where the request or its sheet
    is gone, as when it is erased meanwhile, NotFound is raised.
    """
    for key, name in ((request.output_key, "output.csv"), (request.failed_key, "failed.csv")):
        if key is None:
            continue
        if (entry := await _stored(context, key, name)) is None:
            raise NotFound(f"{name} of request {request.id} is not in the store any more.")
        yield entry
    row, missing = 0, list[str]()
    while products := await context.parts.states.products(request.id, after_row=row, limit=_PAGE):
        row = products[-1].row
        for product in products:
            for place, result in enumerate(product.results, start=1):
                if result.succeeded and result.key is not None:
                    name = f"images/{readable_name(product, place)}.{result.key.rpartition('.')[2]}"
                    if entry := await _stored(context, result.key, name):
                        yield entry
                    else:
                        missing.append(name)
    if missing:
        yield _written("missing.txt", "\n".join(("These pictures are not in the store any more:", *missing, "")))
    if await _is_erased(context, request):
        raise NotFound(f"Request {request.id} was erased while its archive was sent.")


async def _is_erased(context: Context, request: models.Request) -> bool:
    """Or being erased just now: its files go before it does, and its sheet is one of them."""
    sheet_gone = request.output_key is not None and await context.parts.images.stat(request.output_key) is None
    return sheet_gone or await context.parts.states.request(request.id) is None


async def _stored(context: Context, key: str, name: str) -> Entry | None:
    images = context.parts.images
    stored = await images.stat(key)
    return Entry(name, stored.size, partial(images.read, key)) if stored is not None else None


def _written(name: str, text: str) -> Entry:
    data = text.encode()

    async def read() -> AsyncIterator[bytes]:
        yield data

    return Entry(name, len(data), read)
