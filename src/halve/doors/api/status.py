"""`GET /status/{request_id}` and `GET /requests`: where requests stand."""

from __future__ import annotations

import re
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BeforeValidator
from pydantic_core import PydanticCustomError

from halve.core import models
from halve.core.errors import OptionRefused
from halve.doors.api import bodies, schemas
from halve.doors.api.context import Context, Ctx
from halve.doors.api.keys import Found, Who
from halve.doors.api.openapi import problems
from halve.doors.api.problems import Problem
from halve.doors.api.routes import reading

router = APIRouter()


def _plain(word: object) -> object:
    """Python's `int` would read 1_0, +10 and 10.0, too."""
    if isinstance(word, str) and not re.fullmatch(r"[0-9]{1,9}", word):
        raise PydanticCustomError("int_parsing", "Input should be a whole number, in digits")
    return word


Limit = Annotated[int, BeforeValidator(_plain), Query(ge=1, le=1000, description="Items a page.")]
Cursor = Annotated[str | None, Query(max_length=200, description="`next` of the page before.")]


@reading(
    router, "/status/{request_id}", summary="Where a request stands", tags=["Requests"], responses=problems(400, 401, 404, 503)
)
async def status(context: Ctx, request: Found) -> schemas.RequestStatus:
    """Progress, sizes, links and how its notifications go. Links to the output are null until the end."""
    return await status_body(context, request)


async def status_body(context: Context, request: models.Request) -> schemas.RequestStatus:
    # Notifications are made at the end, so a request in its first round has none.
    told = await context.parts.states.deliveries(request.id) if request.finished or request.round else []
    return bodies.status(request, told, context.parts.links)


@reading(router, "/requests", summary="List requests", tags=["Requests"], responses=problems(400, 401, 503))
async def requests(context: Ctx, who: Who, limit: Limit = 100, cursor: Cursor = None) -> schemas.Requests:
    """Newest first; only those of the key in use."""
    try:
        page = await context.parts.states.requests(who.name, limit=limit, cursor=cursor or None)
    except OptionRefused as error:
        raise Problem(400, "bad_cursor", str(error), field="cursor") from None
    return schemas.Requests(items=[bodies.summary(r, context.parts.links) for r in page.items], next=page.next)
