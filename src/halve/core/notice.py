"""What is told when a request is over: the deliveries it owes, the webhook's body, the e-mail's facts."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from uuid import UUID, uuid5

from halve.core.links import Links
from halve.core.models import Delivery, DeliveryKind, ImageState, Product, Request, Status
from halve.core.ports import Mail

ATTACHMENT_LIMIT = 10_000_000
"""Bytes of a sheet that an e-mail carries; a larger one is a link alone."""

FAILURES_NAMED = 20
"""Failures that an e-mail names; the rest are counted."""

_DELIVERIES = UUID("5d3c7bb0-40a1-4c6e-9b52-0f3f0a6f8f11")


def target_of(request: Request, kind: DeliveryKind) -> str | None:
    """Who is told in this way when the request is over; None: nobody. A cancelled request sends no e-mail."""
    if kind is DeliveryKind.WEBHOOK:
        return request.webhook_url
    return None if request.status is Status.CANCELLED else request.email


def deliveries_owed(request: Request) -> list[Delivery]:
    """One per webhook and e-mail of the request and round, under ids that follow from these: made twice, they are the same."""
    return [
        Delivery(uuid5(_DELIVERIES, f"{request.id}/{request.round}/{kind}"), request.id, kind, target)
        for kind in DeliveryKind
        if (target := target_of(request, kind))
    ]


def webhook_body(request: Request, links: Links) -> bytes:
    """The JSON of a webhook, the same bytes at every attempt."""
    output = links.output(request)
    told = {
        "request_id": str(request.id),
        "status": request.status,
        "csv_url": output,
        "output_csv_url": output,
        "total_images": request.total_images,
        "no_img_compressed": request.done_images,
        "failed_images": request.failed_images,
        "bytes_in": request.bytes_in,
        "bytes_out": request.bytes_out,
        "completed_at": timestamp(request.completed_at),
    }
    return json.dumps(told, separators=(",", ":")).encode()


def mail_facts(request: Request, links: Links, failed: list[Product], attachment: bytes | None) -> Mail:
    """What an e-mail tells. `failed`: the first products with failures."""
    failures = [
        (product.product_name, place, result.error or "failed")
        for product in failed
        for place, result in enumerate(product.results, start=1)
        if result.state is ImageState.FAILED
    ]
    return Mail(
        request=request,
        failures=tuple(failures[:FAILURES_NAMED]),
        output_url=links.output(request) or "",
        failed_url=links.failed(request),
        attachment=attachment,
    )


def timestamp(moment: datetime | None) -> str | None:
    """RFC 3339 in UTC, with a `Z`, to the millisecond."""
    if moment is None:
        return None
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
