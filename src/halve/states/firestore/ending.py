"""How requests end: finished, cancelled, run again, erased. Each begins with one conditional write of the request's document, from
which on it holds; what concerns products follows by the lot, and whoever comes next goes on with it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from uuid import UUID

from google.cloud.firestore_v1 import DELETE_FIELD, SERVER_TIMESTAMP
from google.cloud.firestore_v1.base_query import FieldFilter

from halve.core.models import Delivery
from halve.states.firestore import documents, lots
from halve.states.firestore.base import MOST_WRITES, Base, Document, Query
from halve.states.firestore.documents import COUNTERS


async def to_finish(base: Base, *, limit: int) -> list[UUID]:
    found = await base.find(base.requests.order_by("ending").limit(limit).select(["ending"]))
    return [UUID(snapshot.id) for snapshot in found]


async def finish(
    base: Base,
    request_id: UUID,
    round: int,
    *,
    cancelled: bool,
    output_key: str,
    failed_key: str | None,
    deliveries: Sequence[Delivery],
) -> bool:
    """The counts are added up over the pages beforehand, and stay true for this round: nothing is recorded where no lot is open."""

    async def step() -> bool:
        [snapshot] = await base.get(base.request(request_id))
        request = snapshot.to_dict()
        if request is None or request["stage"] != "published" or request["round"] != round or "ending" not in request:
            return False
        if (request["status"] == "cancelled") is not cancelled:
            return False
        if request["lots"]:  # it was cancelled
            await call_off(base, str(request_id), request["lots"])
            return await step()
        sums = await base.sums(base.pages(request_id), [*(f"counts.{name}" for name in COUNTERS), "left"])
        exact: Document = dict(zip((*COUNTERS, "retryable"), sums, strict=True))
        writes = base.writes()
        writes.update(
            snapshot,
            {
                **exact,
                "status": "cancelled" if cancelled else "completed" if exact["done_images"] else "failed",
                "output_key": output_key,
                "failed_key": failed_key,
                "completed_at": SERVER_TIMESTAMP,
                **dict.fromkeys(("open", "ending", "unfed"), DELETE_FIELD),
            },
        )
        for place, delivery in enumerate(deliveries):
            document = documents.delivery_document(delivery, round << 16 | place)
            writes.create(base.deliveries.document(str(delivery.id)), document)
        await base.commit(writes)
        return True

    return await base.again(step)


# ── cancel, retry ─────────────────────────────────────────────────────────────────────────────────────────────────────


async def cancel(base: Base, request_id: UUID) -> bool:
    """From the write on nothing of the request is handed out, whatever its products' own documents still say."""

    async def step() -> list[int] | None:
        [snapshot] = await base.get(base.request(request_id))
        request = snapshot.to_dict()
        if request is None or request["stage"] != "published" or "open" not in request or request["status"] == "cancelled":
            return None
        writes = base.writes()
        change = {"status": "cancelled", "ending": request["age"], "unfed": DELETE_FIELD}
        writes.update(snapshot, change)
        await base.commit(writes)
        open_lots: list[int] = request["lots"]
        return open_lots

    open_lots = await base.again(step)
    if open_lots is None:
        return False
    await call_off(base, str(request_id), open_lots)
    return True


async def call_off(base: Base, request_id: str, open_lots: Sequence[int]) -> None:
    """Close all that a cancelled request has open. Repeatable."""
    for page in open_lots:
        await lots.close(base, request_id, page)


async def retry(base: Base, request_id: UUID) -> bool:
    async def step() -> int | None:
        [snapshot] = await base.get(base.request(request_id))
        request = snapshot.to_dict()
        if request is None or request["stage"] != "published" or "completed_at" not in request or not request["retryable"]:
            return None
        round: int = request["round"] + 1
        given = documents.given(request)
        writes = base.writes()
        writes.update(
            snapshot,
            {
                "status": "processing",
                "round": round,
                "open": f"{documents.owner_key(given['owner'])}/{request['age']}",
                "fed": 0,
                "unfed": request["retryable"],
                "retryable": 0,
                "failed_images": 0,
                "output_key": None,
                "failed_key": None,
                "completed_at": DELETE_FIELD,
            },
        )
        await base.commit(writes)
        return round

    round = await base.again(step)
    if round is None:
        return False
    await lots.feed(base, str(request_id), round=round, fed=0)
    return True


# ── erase ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


async def erase(base: Base, request_id: UUID) -> None:
    """From the first write on the request is not seen any more. Its own document goes last: a sweep goes on from there."""

    async def step() -> bool:
        [snapshot] = await base.get(base.request(request_id))
        request = snapshot.to_dict()
        if request is None:
            return False
        if request["stage"] != "erased":
            writes = base.writes()
            shown = ("status", "drafted_at", "age", "owned", "open", "ending", "unfed", "completed_at")
            writes.update(snapshot, {"stage": "erased", "erased": True, **dict.fromkeys(shown, DELETE_FIELD)})
            await base.commit(writes)
        return True

    if await base.again(step):
        await erase_rest(base, request_id)


async def erase_rest(base: Base, request_id: UUID) -> None:
    await base.again(lambda: _free_key(base, request_id))
    of_it = FieldFilter("request", "==", str(request_id))
    for query in (
        base.products.where(filter=of_it),
        base.deliveries.where(filter=of_it),
        base.parts(request_id),
        base.pages(request_id),
    ):
        await _delete_all(base, query)
    await base.again(lambda: _delete_last(base, request_id))


async def _free_key(base: Base, request_id: UUID) -> None:
    """The idempotency key, if this request holds it."""
    [snapshot] = await base.get(base.request(request_id), fields=["given"])
    if not snapshot.exists:
        return
    given = documents.given(snapshot.to_dict() or {})
    if given["idempotency_key"] is None:
        return
    [key] = await base.get(base.keys.document(documents.idempotency_id(given["owner"], given["idempotency_key"])))
    if key.exists and key.get("request") == str(request_id):
        writes = base.writes()
        writes.delete(key)
        await base.commit(writes)


async def _delete_last(base: Base, request_id: UUID) -> None:
    [snapshot] = await base.get(base.request(request_id), fields=["stage"])
    if snapshot.exists:
        writes = base.writes()
        writes.delete(snapshot)
        await base.commit(writes)


async def _delete_all(base: Base, query: Query) -> None:
    while found := await base.find(query.select([]).limit(MOST_WRITES)):
        writes = base.writes()
        for snapshot in found:
            writes.delete(snapshot)
        await asyncio.shield(base.each(writes))
