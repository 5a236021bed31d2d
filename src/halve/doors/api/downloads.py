"""`GET /download/{request_id}`: the sheets, as they came in and as they go out."""

from __future__ import annotations

import re

from fastapi import APIRouter
from starlette.requests import Request as HttpRequest
from starlette.responses import Response

from halve.core import models
from halve.core.naming import content_type
from halve.core.ports import ImageStore, Stored
from halve.core.sheet.encoding import charset
from halve.doors.api.context import Context, Ctx
from halve.doors.api.keys import Linked
from halve.doors.api.openapi import problems, stored
from halve.doors.api.problems import Problem
from halve.doors.api.routes import reading
from halve.doors.api.stored import attachment, send

router = APIRouter()

_SUFFIX = re.compile(r"(?:\.(csv|tsv|txt))?(?:\.gz)?$", re.IGNORECASE)

_TELLING = 65_536
"""Bytes of a sheet that are looked at for its encoding."""

_CSV = stored("text/csv", "The sheet.")


@reading(
    router,
    "/download/{request_id}",
    summary="The output sheet",
    tags=["Sheets"],
    response_class=Response,
    responses={**_CSV, **problems(400, 401, 404, 409, 412, 416, 503)},
)
async def output(http: HttpRequest, context: Ctx, request: Linked) -> Response:
    """The sheet that was uploaded and two columns more. 409 `not_finished` until it is there."""
    return await _send(http, context, finished(request), request.output_key, outgoing_name(request.filename, "halved"))


@reading(
    router,
    "/download/{request_id}/failed",
    summary="The rows with failures",
    tags=["Sheets"],
    response_class=Response,
    responses={**_CSV, **problems(400, 401, 404, 409, 412, 416, 503)},
)
async def failed(http: HttpRequest, context: Ctx, request: Linked) -> Response:
    """A sheet of only the rows that need another look, which can be uploaded itself. 404 `no_failures` where there are none."""
    if finished(request).failed_key is None:
        raise Problem(404, "no_failures", "No row of this request failed, so there is no sheet of failures.")
    return await _send(http, context, request, request.failed_key, outgoing_name(request.filename, "failed"))


@reading(
    router,
    "/download/{request_id}/input",
    summary="The sheet that was uploaded",
    tags=["Sheets"],
    response_class=Response,
    responses={**_CSV, **problems(400, 401, 404, 412, 416, 503)},
)
async def uploaded(http: HttpRequest, context: Ctx, request: Linked) -> Response:
    """Byte for byte as it came in."""
    return await _send(http, context, request, request.input_key, request.filename)


def finished(request: models.Request) -> models.Request:
    if request.finished:
        return request
    detail = (
        f"The request is {request.status}, {request.percent} % done; what it makes is there at the end. Ask /status/{request.id}."
    )
    raise Problem(409, "not_finished", detail, headers={"Retry-After": "2"})


def outgoing_name(filename: str, what: str, suffix: str | None = None) -> str:
    """`products.tsv.gz` → `products-halved.tsv`."""
    match = _SUFFIX.search(filename)
    assert match is not None
    return f"{filename[: match.start()] or 'sheet'}-{what}.{suffix or (match[1] or 'csv').lower()}"


async def sheet_in_store(context: Context, request: models.Request, key: str | None) -> tuple[str, Stored]:
    """Where the sheet lies, and what it is there. Raises a 404 problem where it is gone."""
    found = await context.parts.images.stat(key) if key else None
    if key is None or found is None:
        raise Problem(404, "not_found", f"This sheet of request {request.id} is not in the store any more.")
    return key, found


async def _send(http: HttpRequest, context: Context, request: models.Request, key: str | None, filename: str) -> Response:
    key, found = await sheet_in_store(context, request, key)
    images = context.parts.images
    headers = {
        "Cache-Control": "private, no-cache",
        "Content-Disposition": attachment(filename),
        "Content-Type": content_type(filename.lower()) + ("" if key == request.input_key else await _encoding(images, key, found)),
    }
    return send(http, images, key, found, headers)


async def _encoding(images: ImageStore, key: str, found: Stored) -> str:
    """The parameter of a sheet's media type that names its encoding. Where none does, Python's requests reads ISO-8859-1."""
    head = b"".join([piece async for piece in images.read(key, length=min(_TELLING, found.size))])
    name = charset(head, whole=found.size <= _TELLING)
    return f"; charset={name}" if name else ""
