"""Stopping, repeating and erasing: `POST /cancel`, `POST /retry`, `DELETE /requests/{request_id}`."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter, Response

from halve.core import models
from halve.core.models import Status
from halve.doors.api import erasing, schemas
from halve.doors.api.context import Context, Ctx
from halve.doors.api.keys import Found, unknown
from halve.doors.api.openapi import problems
from halve.doors.api.problems import Problem
from halve.doors.api.routes import ids_left_out
from halve.doors.api.status import status_body

router = APIRouter()

END_WITHIN = 3.0
"""Seconds that a cancellation waits for the request to end."""


@router.post(
    "/cancel/{request_id}",
    status_code=202,
    summary="Stop a request",
    tags=["Requests"],
    responses=problems(400, 401, 403, 404, 409, 503),
)
async def cancel(context: Ctx, request: Found) -> schemas.RequestStatus:
    """No further image is begun. The answer waits a little for the output sheet, with what was done by then: who reads `cancelled`
    there will ask for it next. A long sheet follows later, and the webhook after it.
    """
    if request.percent == 100:
        await _ended(context, request)  # nothing is left to stop, and the whole of it shall not end as cancelled
    stopped = await context.parts.states.cancel(request.id)
    now = await _again(context, request)
    if not stopped and not (now.status is Status.CANCELLED and not now.finished):
        raise Problem(409, "already_finished", f"The request is over: it is {now.status}. There is nothing to stop.")
    context.nudge()
    await _ended(context, request)
    return await status_body(context, await _again(context, request))


@router.post(
    "/retry/{request_id}",
    status_code=202,
    summary="Run the failed images again",
    tags=["Requests"],
    responses=problems(400, 401, 403, 404, 409, 503),
)
async def retry(context: Ctx, request: Found) -> schemas.RequestStatus:
    """What succeeded stays as it is. At the end there is a new output sheet under the old link, and a new notification."""
    opened = await context.parts.states.retry(request.id)
    now = await _again(context, request)
    if not opened and not now.finished:
        raise Problem(409, "not_finished", f"The request is {now.status}, {now.percent} % done. It can be retried when it is over.")
    if not opened:
        raise Problem(409, "nothing_failed", "No image of this request failed, so there is nothing to run again.")
    context.nudge()
    return await status_body(context, now)


@router.delete(
    "/requests/{request_id}",
    status_code=204,
    response_class=Response,
    summary="Erase a request",
    tags=["Requests"],
    responses=problems(400, 401, 403, 404, 503),
)
async def erase(context: Ctx, request: Found) -> Response:
    """Its sheets, images and all that is known of it; what is still running is stopped. Links to it are dead from then on."""
    parts = context.parts
    stopped = await parts.states.cancel(request.id)  # though it was over: somebody may have retried it just now
    in_work = stopped or erasing.in_work(context, request)
    if in_work:
        erasing.note(context, request)  # not before: where it cannot be cancelled just now, nothing may be erased behind its back
    await parts.images.delete_folder(request.folder)
    await parts.states.erase(request.id)
    if in_work:
        erasing.sweep(context, request)
    return Response(status_code=204)


ids_left_out(router, "POST", "/cancel", "/retry")
ids_left_out(router, "DELETE", "/requests")


async def _ended(context: Context, request: models.Request) -> None:
    """Have its end made if nothing of it is open, and wait a little for that."""
    ending = context.aside(context.parts.pipeline.finish(request.id))
    await asyncio.wait({ending}, timeout=END_WITHIN)


async def _again(context: Context, request: models.Request) -> models.Request:
    now = await context.parts.states.request(request.id)
    if now is None:
        raise unknown(request.id)
    return now
