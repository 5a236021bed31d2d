"""Dataclasses → documents, and back. What users wrote (columns, products, files) stands in packed values alone, never in keys."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from google.cloud.firestore_v1 import SERVER_TIMESTAMP

from halve.core.models import (
    Delivery,
    DeliveryKind,
    DeliveryState,
    Product,
    ProductState,
    Request,
    Status,
)
from halve.states import plain
from halve.states.firestore.base import Document
from halve.states.firestore.packing import pack, unpack

ACTIVE = ("pending", "processing")
"""Statuses of a request that is worked on."""

OPEN = ("ready", "waiting", "leased")
"""States of a product that stands in the queue, waits or is leased."""

COUNTERS = ("done_images", "failed_images", "bytes_in", "bytes_out")

_AS_THEY_ARE = ("round", "total_images", "total_rows", "failed_rows", *COUNTERS, "input_key", "output_key", "failed_key")

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


# ── keys ──────────────────────────────────────────────────────────────────────────────────────────────────────────────


def product_id(request_id: str, row: int) -> str:
    """Follows from request and row, and looks random: neighbours in a sheet are none in the database, so no server of Firestore's
    has all of a sheet to write.
    """
    return hashlib.sha256(f"{request_id}/{row}".encode()).hexdigest()[:32]


def page_id(last_row: int) -> str:
    return f"{last_row:016d}"


def lot(request_id: str, last_row: int) -> str:
    return f"{request_id}/{page_id(last_row)}"


def age(request_id: str, created_at: datetime) -> str:
    """A text that sorts by age: the server's microseconds when the request began."""
    return f"{(created_at - _EPOCH) // timedelta(microseconds=1):016d}-{request_id[:8]}"


def owner_key(owner: str) -> str:
    return hashlib.sha256(owner.encode()).hexdigest()[:16]


def idempotency_id(owner: str, key: str) -> str:
    return hashlib.sha256(f"{owner_key(owner)}/{key}".encode()).hexdigest()


def queued(place: int, age: str) -> Document:
    """Where a ready product stands in the two queues: by place, and by the request's age."""
    return {"fair": f"{place:016d}/{age}", "oldest": f"{age}/{place:016d}"}


def counted(request_id: str, name: str) -> str:
    """The field that holds one count of a product. It is named after the request: so the sum of all such fields is the request's,
    and no index needs to know of both.
    """
    return f"counts.r{request_id.replace('-', '')}.{name}"


# ── requests ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def request_document(request: Request) -> Document:
    """What is known of a request when it begins."""
    return {
        "stage": "draft",
        "drafted_at": SERVER_TIMESTAMP,
        "created_at": SERVER_TIMESTAMP,
        "given": pack(
            {
                **{name: getattr(request, name) for name in plain.GIVEN},
                "options": plain.written_options(request.options),
                "sheet": plain.written_sheet(request.sheet),
            }
        ),
        "rows": 0,
        "last_row": 0,
        "lots": [],
        **dict.fromkeys(("round", "total_images", "total_rows", "failed_rows", *COUNTERS), 0),
    }


def given(found: Mapping[str, Any]) -> dict[str, Any]:
    whole: dict[str, Any] = unpack(found["given"])
    return whole


def request(request_id: str, found: Mapping[str, Any]) -> Request:
    said = given(found)
    as_they_are: dict[str, Any] = {name: found.get(name) for name in _AS_THEY_ARE}
    return Request(
        id=UUID(request_id),
        options=plain.read_options(said.pop("options")),
        sheet=plain.read_sheet(said.pop("sheet")),
        status=Status(found.get("status", "pending")),
        repairs=plain.read_findings(unpack(found["repairs"])) if "repairs" in found else (),
        created_at=_moment(found["created_at"]),
        completed_at=_moment(found.get("completed_at")),
        **said,
        **as_they_are,
    )


def none_open(found: Mapping[str, Any]) -> bool:
    return not found["lots"] and not found.get("unfed")


def active(found: Mapping[str, Any] | None) -> bool:
    return found is not None and found["stage"] == "published" and found["status"] in ACTIVE and "completed_at" not in found


def _moment(found: datetime | None) -> datetime | None:
    """The client's own kind of datetime has nanoseconds, and is no equal of a plain one after a while."""
    return None if found is None else datetime(*found.timetuple()[:6], found.microsecond, tzinfo=UTC)


# ── products ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def product(
    request_id: str, row: int, said: Sequence[Any], where: Mapping[str, Any] | None, round: int, *, cancelled: bool = False
) -> Product:
    """`said`: serial, name and URLs, which the page has. `where` it stands: its own document while it is at work, what the page has
    of it before and after; None where it has never been at work.

    `round` and `cancelled` are the request's, and win over what is said there, which follows later: what was not fed in this
    round and is not done is to be done; in a cancelled request, whatever is open is cancelled.
    """
    where = where or {}
    state, lost = where.get("state", "ready"), where.get("lost", 0)
    if state != "done" and where.get("round", -1) != round:
        state, lost = "ready", 0
    if cancelled and state in OPEN:
        state = "cancelled"
    serial, name, urls = said
    results = where.get("results")
    entries = unpack(results) if isinstance(results, bytes) else results
    return Product(
        request_id=UUID(request_id),
        row=row,
        serial=serial,
        product_name=name,
        input_urls=tuple(urls),
        results=plain.read_results(entries or None, len(urls), cancelled=state == "cancelled"),
        state=ProductState(state),
        fence=where.get("fence", 0),
        lost=lost,
        round=round,
    )


def counts(entries: Sequence[Mapping[str, Any]], round: int | None = None) -> Document:
    """What is counted of a product's results. Failures: of this round and later ones; None: all."""
    done = [entry for entry in entries if entry.get("state") in ("done", "kept")]
    failed = [entry for entry in entries if entry.get("state") == "failed"]
    return {
        "done_images": len(done),
        "failed_images": sum(round is None or entry.get("round", 0) >= round for entry in failed),
        "bytes_in": sum(entry.get("bytes_in", 0) for entry in done),
        "bytes_out": sum(entry.get("bytes_out", 0) for entry in done),
    }


def own_counts(request_id: str, entries: Sequence[Mapping[str, Any]], round: int) -> Document:
    """As a product's own document has them; see `counted`."""
    return {f"r{request_id.replace('-', '')}": counts(entries, round)}


# ── deliveries ────────────────────────────────────────────────────────────────────────────────────────────────────────


def delivery_document(delivery: Delivery, number: int) -> Document:
    return {
        "request": str(delivery.request_id),
        "number": number,
        "kind": delivery.kind.value,
        "target": delivery.target,
        "state": "due",
        "attempts": 0,
        "fence": 0,
        "send_at": SERVER_TIMESTAMP,
    }


def delivery(delivery_id: str, found: Mapping[str, Any]) -> Delivery:
    return Delivery(
        id=UUID(delivery_id),
        request_id=UUID(found["request"]),
        kind=DeliveryKind(found["kind"]),
        target=found["target"],
        state=DeliveryState(found["state"]),
        attempts=found["attempts"],
        fence=found["fence"],
        due_at=_moment(found.get("send_at") or found.get("leased_until")),
        last_answer=found.get("last_answer"),
    )
