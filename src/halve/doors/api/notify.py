"""`POST /webhook` and `POST /webhook-completed`: a notification, once more."""

from __future__ import annotations

import json
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request as HttpRequest

from halve.core.models import DeliveryKind
from halve.core.notice import target_of
from halve.doors.api import bodies, schemas
from halve.doors.api.context import Context, Ctx
from halve.doors.api.incoming import pieces
from halve.doors.api.keys import Caller, Who, read_id, request_of, unknown
from halve.doors.api.openapi import problems
from halve.doors.api.problems import Problem, too_large

router = APIRouter()

MAX_JSON = 65_536
"""Bytes of a JSON body."""


def _body(**further: dict[str, Any]) -> dict[str, Any]:
    example = {"request_id": schemas.ID, **({"status": "completed", "csv_url": "https://halve.example/…"} if further else {})}
    described = {"request_id": {"type": "string", "format": "uuid"}, **further}
    content = {"schema": {"type": "object", "required": ["request_id"], "properties": described}, "example": example}
    return {"requestBody": {"required": True, "content": {"application/json": content}}}


_IGNORED = {"type": "string", "description": "Ignored."}


@router.post(
    "/webhook",
    status_code=202,
    summary="Send the webhook again",
    tags=["Notifications"],
    responses=problems(400, 401, 403, 404, 408, 409, 413, 503),
    openapi_extra=_body(status=_IGNORED, csv_url=_IGNORED),
)
async def webhook(http: HttpRequest, context: Ctx, who: Who) -> schemas.Queued:
    """Of a finished request, to its own webhook, under the old `webhook-id`."""
    return await _resend(http, context, who, kind=DeliveryKind.WEBHOOK, what="webhook")


@router.post(
    "/webhook-completed",
    status_code=202,
    summary="Send the e-mail again",
    tags=["Notifications"],
    responses=problems(400, 401, 403, 404, 408, 409, 413, 503),
    openapi_extra=_body(),
)
async def webhook_completed(http: HttpRequest, context: Ctx, who: Who) -> schemas.Queued:
    """Of a finished request, to its own address, under the old Message-ID."""
    return await _resend(http, context, who, kind=DeliveryKind.EMAIL, what="e-mail")


async def _resend(http: HttpRequest, context: Context, who: Caller, *, kind: DeliveryKind, what: str) -> schemas.Queued:
    body = await read_json(http)
    request = await request_of(context, who, read_id(body.get("request_id")))
    states = context.parts.states
    if not request.finished:
        detail = f"The request is {request.status}, {request.percent} % done. Its {what} follows when it is over."
        raise Problem(409, "not_finished", detail)
    if target_of(request, kind) is None or not await states.redeliver(request.id, kind):
        raise Problem(409, f"no_{kind}", f"This request has no {what} that could be sent again.")
    context.nudge()
    told = [d for d in await states.deliveries(request.id) if d.kind is kind]
    if not told:  # erased in this very moment
        raise unknown(request.id)
    return schemas.Queued(request_id=str(request.id), message=f"The {what} will be sent again.", delivery=bodies.delivery(told[-1]))


async def read_json(http: HttpRequest) -> dict[str, Any]:
    """The JSON object in the body. Raises the problems `bad_json` (400), `too_large` (413) and `timeout` (408)."""
    raw = bytearray()
    async for piece in pieces(http):
        raw += piece
        if len(raw) > MAX_JSON:
            raise too_large("The body", MAX_JSON)
    try:
        body = json.loads(raw.decode())
    except (ValueError, RecursionError) as error:
        where = f" (line {error.lineno}, column {error.colno})" if isinstance(error, json.JSONDecodeError) else ""
        raise Problem(400, "bad_json", f"The body is not JSON in UTF-8{where}.") from None
    if not isinstance(body, dict):
        raise Problem(400, "bad_json", 'The body must be a JSON object such as {"request_id": "…"}.')
    return body
