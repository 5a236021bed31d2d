"""For those who keep the server running: `/healthz`, `/readyz`, `/metrics`."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter
from starlette.requests import Request as HttpRequest
from starlette.responses import Response

from halve.core.errors import StoreFailed
from halve.core.log import Log
from halve.doors.api import schemas
from halve.doors.api.context import Ctx
from halve.doors.api.keys import Who
from halve.doors.api.metrics import Metrics
from halve.doors.api.openapi import problems
from halve.doors.api.problems import RETRY_AFTER, Problem
from halve.doors.api.routes import reading

log = Log(__name__)

router = APIRouter()

READY_WITHIN = 5.0
"""Seconds within which each store must answer."""


@reading(router, "/healthz", summary="Is it alive?", tags=["Server"])
async def healthz() -> schemas.Health:
    """Answers as long as the process does."""
    return schemas.Health(status="ok")


@reading(router, "/readyz", summary="Can it work?", tags=["Server"], responses=problems(503))
async def readyz(context: Ctx) -> schemas.Health:
    """Whether the database answers and the image store can be written to."""
    for what, ready in (("database", context.parts.states.ready), ("image store", context.parts.images.ready)):
        try:
            async with asyncio.timeout(READY_WITHIN):
                await ready()
        except (StoreFailed, TimeoutError) as error:
            log.warning("not ready", part=what, reason=str(error) or f"no answer within {READY_WITHIN:g} s")
            detail = f"The {what} cannot be used just now; the log says why."
            raise Problem(503, "not_ready", detail, headers={"Retry-After": str(RETRY_AFTER)}) from None
    return schemas.Health(status="ready")


@reading(
    router,
    "/metrics",
    summary="Figures for Prometheus",
    tags=["Server"],
    response_class=Response,
    responses={
        200: {
            "description": "Prometheus text, or OpenMetrics where that is accepted.",
            "content": {"text/plain": {"schema": {"type": "string"}, "example": 'halve_requests{state="pending"} 0.0\n'}},
        },
        **problems(401, 503),
    },
)
async def metrics(http: HttpRequest, context: Ctx, _: Who) -> Response:
    """HTTP requests and their durations by route (of this process), and requests, products and deliveries by state (of all)."""
    measured: Metrics = http.app.state.metrics
    measured.set_figures(await context.parts.states.figures())
    body, media_type = measured.text(http.headers.get("accept", ""))
    return Response(body, headers={"Content-Type": media_type})
