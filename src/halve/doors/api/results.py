"""`GET /results/{request_id}`: each product with each image."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from fastapi import APIRouter, Query

from halve.doors.api import bodies, schemas
from halve.doors.api.context import Ctx
from halve.doors.api.keys import Found
from halve.doors.api.openapi import problems
from halve.doors.api.problems import Problem
from halve.doors.api.routes import reading
from halve.doors.api.status import Cursor

router = APIRouter()

_CURSOR = re.compile(r"r(\d{1,10})")


@reading(
    router, "/results/{request_id}", summary="Each product and image", tags=["Requests"], responses=problems(400, 401, 404, 503)
)
async def results(
    context: Ctx,
    request: Found,
    limit: Annotated[int, Query(ge=1, le=1000, description="Products a page.")] = 100,
    cursor: Cursor = None,
    state: Annotated[Literal["failed"] | None, Query(description="`failed`: only products with a failed image.")] = None,
) -> schemas.Results:
    """A page of products in the order of the sheet, each with all its images, from the moment the sheet was accepted."""
    products = await context.parts.states.products(
        request.id, after_row=_row(cursor), limit=limit + 1, failed_only=state == "failed"
    )
    more = len(products) > limit
    page = products[:limit]
    return schemas.Results(items=[bodies.product(p) for p in page], next=f"r{page[-1].row}" if more else None)


def _row(cursor: str | None) -> int:
    if not cursor:
        return 0
    match = _CURSOR.fullmatch(cursor)
    if match is None:
        raise Problem(400, "bad_cursor", "cursor must be the `next` of an earlier page.", field="cursor")
    return int(match[1])
