"""Dataclasses → columns, and back."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from json.encoder import encode_basestring
from typing import Any
from uuid import UUID

from halve.core.finding import Finding
from halve.core.models import (
    Delivery,
    DeliveryKind,
    DeliveryState,
    ImageResult,
    Product,
    ProductState,
    Request,
    Status,
)
from halve.states import plain

_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), check_circular=False).encode

REQUEST = (
    "id, owner, filename, folder, secret, options, sheet, base_url, email, webhook_url, idempotency_key, fingerprint,"
    " status, round, total_images, done_images, failed_images, total_rows, failed_rows, bytes_in, bytes_out, repairs, input_key,"
    " output_key, failed_key, created_at, completed_at"
)
"""The columns that `request` reads."""

PRODUCT = "request_id, row, serial, product_name, input_urls, results, state, fence, lost"
"""The columns that `product` reads."""

DELIVERY = "id, request_id, kind, target, state, attempts, fence, due_at, last_answer"
"""The columns that `delivery` reads."""


def request_columns(request: Request) -> dict[str, Any]:
    """What is known of a request when it begins."""
    return {
        "id": str(request.id),
        **{name: getattr(request, name) for name in plain.GIVEN},
        "options": _encode(plain.written_options(request.options)),
        "sheet": _encode(plain.written_sheet(request.sheet)),
    }


def request(columns: Any) -> Request:
    found = dict(columns._asdict())
    found.pop("seq", None)
    return Request(
        id=UUID(found.pop("id")),
        options=plain.read_options(json.loads(found.pop("options"))),
        sheet=plain.read_sheet(json.loads(found.pop("sheet"))),
        status=Status(found.pop("status")),
        repairs=plain.read_findings(json.loads(found.pop("repairs") or "[]")),
        created_at=moment(found.pop("created_at")),
        completed_at=moment(found.pop("completed_at")),
        **found,
    )


def product(columns: Any, round: int, *, place: int, fed: int, cancelled: bool) -> Product:
    """`round`, `fed` and `cancelled` are the request's, and win over what the product's own row says, which follows later: beyond
    what was fed, whatever is not done is to be done; in a cancelled request, whatever is open is cancelled.
    """
    request_id, row, serial, product_name, input_urls, results, state, fence, lost = columns
    urls = tuple(json.loads(input_urls))
    if place > fed and state != "done":
        state, lost = ProductState.READY, 0
    if cancelled and state in ("ready", "waiting", "leased"):
        state = ProductState.CANCELLED
    return Product(
        request_id=UUID(request_id),
        row=row,
        serial=serial,
        product_name=product_name,
        input_urls=urls,
        results=plain.read_results(json.loads(results) if results else None, len(urls), cancelled=state == "cancelled"),
        state=ProductState(state),
        fence=fence,
        lost=lost,
        round=round,
    )


def results_columns(results: Sequence[ImageResult]) -> dict[str, str]:
    """Results as JSON; and the links alone, as people look for them."""
    return {"results": _encode(plain.written_results(results)), "output_urls": _encode([result.url for result in results])}


def urls_column(urls: Sequence[str]) -> str:
    """A list of strings as JSON, in a third of the time that a general encoder takes."""
    return "[" + ",".join(map(encode_basestring, urls)) + "]"


def findings_column(findings: Sequence[Finding]) -> str | None:
    return _encode(plain.written_findings(findings)) if findings else None


def delivery(columns: Any) -> Delivery:
    id, request_id, kind, target, state, attempts, fence, due_at, last_answer = columns
    return Delivery(
        id=UUID(id),
        request_id=UUID(request_id),
        kind=DeliveryKind(kind),
        target=target,
        state=DeliveryState(state),
        attempts=attempts,
        fence=fence,
        due_at=moment(due_at),
        last_answer=last_answer,
    )


def moment(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
