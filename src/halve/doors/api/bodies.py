"""From the words of the trade to the JSON that goes out."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from halve.core import models
from halve.core.finding import Finding
from halve.core.links import Links
from halve.core.models import DeliveryState, ImageState, ProductState
from halve.core.notice import timestamp
from halve.doors.api import schemas

_USER = re.compile(r"^(https?://)[^/?#]*@", re.IGNORECASE)
"""Name and password in a webhook's URL, which are nobody's to see."""

_DAWN = datetime(1970, 1, 1, tzinfo=UTC)


def accepted(request: models.Request, links: Links) -> schemas.Accepted:
    return schemas.Accepted(
        request_id=str(request.id),
        total_images=request.total_images,
        total_rows=request.total_rows,
        failed_rows=request.failed_rows,
        repairs=_findings(request.repairs),
        created_at=_moment(request.created_at),
        status_url=links.status(request),
        events_url=links.events(request),
        results_url=links.results(request),
        input_csv_url=links.input(request),
    )


def summary(request: models.Request, links: Links) -> schemas.RequestSummary:
    return schemas.RequestSummary(**_summary(request, links))


def status(request: models.Request, deliveries: Sequence[models.Delivery], links: Links) -> schemas.RequestStatus:
    return schemas.RequestStatus(
        **_summary(request, links), repairs=_findings(request.repairs), deliveries=[delivery(d) for d in deliveries]
    )


def _summary(request: models.Request, links: Links) -> dict[str, Any]:
    output = links.output(request)
    return {
        "request_id": str(request.id),
        "status": request.status,
        "filename": request.filename,
        "progress": schemas.Progress(
            total=request.total_images, done=request.done_images, failed=request.failed_images, percent=request.percent
        ),
        "total_images": request.total_images,
        "no_img_compressed": request.done_images,
        "failed_images": request.failed_images,
        "total_rows": request.total_rows,
        "failed_rows": request.failed_rows,
        "bytes_in": request.bytes_in,
        "bytes_out": request.bytes_out,
        "options": request.options.words(),
        "output_csv_url": output,
        "csv_url": output,
        "failed_csv_url": links.failed(request),
        "archive_url": links.archive(request),
        "input_csv_url": links.input(request),
        "status_url": links.status(request),
        "events_url": links.events(request),
        "results_url": links.results(request),
        "created_at": _moment(request.created_at),
        "completed_at": timestamp(request.completed_at),
    }


def delivery(told: models.Delivery) -> schemas.Delivery:
    waiting = told.state is DeliveryState.DUE
    return schemas.Delivery(
        id=str(told.id),
        kind=told.kind,
        target=_USER.sub(r"\1", told.target),
        state=told.state,
        attempts=told.attempts,
        last_answer=told.last_answer,
        next_attempt_at=timestamp(told.due_at) if waiting else None,
    )


def product(one: models.Product) -> schemas.Product:
    return schemas.Product(
        row=one.row,
        serial=one.serial,
        product_name=one.product_name,
        images=[
            _image(one, position, url, result)
            for position, (url, result) in enumerate(zip(one.input_urls, one.results, strict=True), start=1)
        ],
    )


def _image(one: models.Product, position: int, url: str, result: models.ImageResult) -> schemas.Image:
    state = _state(one, result)
    known = result.succeeded
    return schemas.Image(
        position=position,
        input_url=url,
        output_url=result.url if known else None,
        state=state,
        error=_error(state, result),
        bytes_in=result.bytes_in if known else None,
        bytes_out=result.bytes_out if known else None,
        width=result.width if known else None,
        height=result.height if known else None,
        format=result.format if known else None,
        quality=result.quality if known else None,
    )


def _state(one: models.Product, result: models.ImageResult) -> ImageState:
    """A failure of an earlier round is pending again, unless the product was cancelled before it came to that: then it counts as a
    failure still. What a cancelled product left undone is cancelled.
    """
    if one.state is ProductState.CANCELLED:
        return ImageState.CANCELLED if result.state is ImageState.PENDING else result.state
    open_again = result.state is ImageState.FAILED and result.round < one.round
    return ImageState.PENDING if open_again else result.state


def _error(state: ImageState, result: models.ImageResult) -> schemas.ImageError | None:
    if state is ImageState.FAILED:
        return schemas.ImageError(code=result.error_code or "failed", message=result.error or "failed")
    if state is ImageState.CANCELLED:
        return schemas.ImageError(code="cancelled", message="cancelled")
    return None


def _findings(findings: Sequence[Finding]) -> list[schemas.Finding]:
    return [schemas.Finding(**asdict(finding)) for finding in findings]


def _moment(moment: datetime | None) -> str:
    return timestamp(moment or _DAWN) or ""
