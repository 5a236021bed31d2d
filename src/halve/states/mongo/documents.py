"""Dataclasses → documents, and back. What users name (columns, products, files) stands in values alone, never in keys."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from bson import Int64

from halve.core.models import (
    Delivery,
    DeliveryKind,
    DeliveryState,
    ImageResult,
    ImageState,
    Product,
    ProductState,
    Request,
    Row,
    Status,
)
from halve.mongodb import Document
from halve.states import plain

ACTIVE = {"stage": "published", "status": {"$in": ["pending", "processing"]}}
"""A request that is worked on."""

OPEN = {"$in": ["ready", "waiting", "leased"]}
"""States of a product that stands in the queue, waits or is leased."""

COUNTERS = ("done_images", "failed_images", "bytes_in", "bytes_out")

_COUNTED = ("round", "total_images", "total_rows", "failed_rows", *COUNTERS)
_AS_THEY_ARE = (*plain.GIVEN, *_COUNTED, "input_key", "output_key", "failed_key", "created_at", "completed_at")


def product_key(seq: int, row: int) -> Int64:
    """`_id` of a product: the request's number and the row, so that a request is a range, in the order of its rows."""
    return Int64(seq << 32 | row)


def request_document(request: Request) -> Document:
    """What is known of a request when it begins."""
    return {
        "_id": str(request.id),
        **{name: getattr(request, name) for name in plain.GIVEN},
        "options": plain.written_options(request.options),
        "sheet": plain.written_sheet(request.sheet),
        "stage": "draft",
        "status": Status.PENDING.value,
        **dict.fromkeys(_COUNTED, 0),
        **dict.fromkeys(("input_key", "output_key", "failed_key", "completed_at")),
        "rows": 0,
        "last_row": 0,
        "lots": [],
        "unfed": 0,
        "fed": 0,
        "next_lot": 1,
        "retryable": 0,
    }


def request(found: Mapping[str, Any]) -> Request:
    return Request(
        id=UUID(found["_id"]),
        options=plain.read_options(found["options"]),
        sheet=plain.read_sheet(found["sheet"]),
        status=Status(found["status"]),
        repairs=plain.read_findings(found.get("repairs", ())),
        **{name: found[name] for name in _AS_THEY_ARE},
    )


def product_document(seq: int, request_id: UUID, place: int, row: Row) -> Document:
    """`held`: in no queue until it is fed. `feed` is the key by which feeding finds it; it goes when it is fed."""
    key = product_key(seq, row.row)
    return {
        "_id": key,
        "seq": seq,
        "request_id": str(request_id),
        "row": row.row,
        "place": place,
        "serial": row.serial,
        "product_name": row.product_name,
        "input_urls": list(row.input_urls),
        "state": "held",
        "feed": key,
    }


SHOWN = dict.fromkeys(
    ("request_id", "row", "place", "serial", "product_name", "input_urls", "results", "state", "fence", "lost", "round"), 1
)
"""The fields that `product` reads, and `place`."""


def product(found: Mapping[str, Any], round: int, *, cancelled: bool = False) -> Product:
    """`round` and `cancelled` are the request's, and win over what the product's own document says, which follows later: what was
    not fed in this round and is not done is to be done; in a cancelled request, whatever is open is cancelled.
    """
    state, lost = found["state"], found.get("lost", 0)
    if state != "done" and found.get("round", -1) != round:
        state, lost = ProductState.READY, 0
    if cancelled and state in ("ready", "waiting", "leased"):
        state = ProductState.CANCELLED
    urls = tuple(found["input_urls"])
    return Product(
        request_id=UUID(found["request_id"]),
        row=found["row"],
        serial=found["serial"],
        product_name=found["product_name"],
        input_urls=urls,
        results=plain.read_results(found.get("results"), len(urls), cancelled=state == "cancelled"),
        state=ProductState(state),
        fence=found.get("fence", 0),
        lost=lost,
        round=round,
    )


def recorded_fields(results: Sequence[ImageResult], round: int) -> Document:
    """Results; the links alone, as people look for them; and what is counted of them.

    `failed` counts all failures, `failed_now` those of the request's present round: earlier ones are to be tried again.
    """
    done = [result for result in results if result.succeeded]
    failed = [result for result in results if result.state is ImageState.FAILED]
    return {
        "results": plain.written_results(results),
        "output_urls": [result.url for result in results],
        "done": len(done),
        "failed": len(failed),
        "failed_now": sum(result.round >= round for result in failed),
        "bytes_in": Int64(sum(result.bytes_in for result in done)),
        "bytes_out": Int64(sum(result.bytes_out for result in done)),
    }


def delivery(found: Mapping[str, Any]) -> Delivery:
    return Delivery(
        id=UUID(found["_id"]),
        request_id=UUID(found["request_id"]),
        kind=DeliveryKind(found["kind"]),
        target=found["target"],
        state=DeliveryState(found["state"]),
        attempts=found["attempts"],
        fence=found["fence"],
        due_at=found.get("due_at"),
        last_answer=found.get("last_answer"),
    )
