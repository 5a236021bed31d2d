"""`GET /results/{request_id}`: each product with each image."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from starlette.responses import Response

from halve.core.models import ImageState, Product
from halve.doors.api import bodies, schemas
from halve.doors.api.context import Ctx
from halve.doors.api.keys import Found
from halve.doors.api.openapi import problems
from halve.doors.api.problems import Problem
from halve.doors.api.routes import reading
from halve.doors.api.status import Cursor, Limit

router = APIRouter()

_CURSOR = re.compile(r"r([0-9]{1,10})")


@reading(
    router,
    "/results/{request_id}",
    summary="Each product and image",
    tags=["Requests"],
    response_model=schemas.Results,
    responses=problems(400, 401, 404, 503),
)
async def results(
    context: Ctx,
    request: Found,
    limit: Limit = 100,
    cursor: Cursor = None,
    state: Annotated[Literal["failed"] | None, Query(description="`failed`: only products with a failed image.")] = None,
) -> Response:
    """A page of products in the order of the sheet, each with all its images, from the moment the sheet was accepted."""
    failed_only = state == "failed"
    products = await context.parts.states.products(request.id, after_row=_row(cursor), limit=limit + 1, failed_only=failed_only)
    body = await asyncio.to_thread(_page, products, limit, failed_only)  # up to 100,000 images: others would wait for a second
    return Response(body, media_type="application/json")


def _page(products: Sequence[Product], limit: int, failed_only: bool) -> bytes:
    """`schemas.Results` of the first `limit` products as JSON, made one by one: in one go it would hold up the other threads.

    `failed_only`: while a retry runs, products that failed before it are among them, and are shown as pending.
    """
    page = products[:limit]
    cursor = f'"r{page[-1].row}"' if len(products) > limit else "null"
    shown = map(bodies.product, page)
    items = ",".join(each.model_dump_json() for each in shown if not failed_only or _failed(each))
    return f'{{"items":[{items}],"next":{cursor}}}'.encode()


def _failed(product: schemas.Product) -> bool:
    return any(image.state is ImageState.FAILED for image in product.images)


def _row(cursor: str | None) -> int:
    if not cursor:
        return 0
    match = _CURSOR.fullmatch(cursor)
    if match is None:
        raise Problem(400, "bad_cursor", "cursor must be the `next` of an earlier page.", field="cursor")
    return int(match[1])
