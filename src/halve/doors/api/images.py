"""`GET /image/{file_id}`: the compressed images. Their links are unguessable, need no key and do not expire."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path
from starlette.requests import Request as HttpRequest
from starlette.responses import Response

from halve.core.naming import EXTENSIONS, content_type, key_of
from halve.doors.api.context import Ctx
from halve.doors.api.openapi import problems, stored
from halve.doors.api.problems import Problem
from halve.doors.api.routes import reading
from halve.doors.api.stored import send

router = APIRouter()

_IMAGES = frozenset(EXTENSIONS.values())

_HEADERS = {
    "Cache-Control": "public, max-age=31536000, immutable",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Content-Disposition": "inline",
    "Cross-Origin-Resource-Policy": "cross-origin",
}

FileId = Annotated[str, Path(examples=["4f1d9c0e7b2a6835-0c9e4b7d2f61a8350c9e4b7d.jpg"])]


@reading(
    router,
    "/image/{file_id}",
    summary="A compressed image",
    tags=["Sheets"],
    response_class=Response,
    responses={**stored("image/*", "The image."), **problems(404, 412, 416, 503)},
)
async def image(http: HttpRequest, context: Ctx, file_id: FileId) -> Response:
    """Under the link that stands in the output sheet. Takes ranges and conditions; may be cached for ever."""
    key = key_of(file_id)
    found = None
    if key is not None and key.rpartition(".")[2] in _IMAGES:  # sheets lie in the same store, and are nobody else's business
        found = await context.parts.images.stat(key)
    if key is None or found is None:
        raise Problem(404, "not_found", "There is no such image. It may have been erased.")
    return send(http, context.parts.images, key, found, {**_HEADERS, "Content-Type": content_type(key)})
