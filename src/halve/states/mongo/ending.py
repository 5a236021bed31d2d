"""How requests end: finished, cancelled, run again, erased. Each begins with one conditional write of the request's document, from
which on it holds; what concerns products follows by the lot, and whoever comes next goes on with it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from pymongo import ReturnDocument

from halve.core.models import Delivery
from halve.mongodb import Document
from halve.states.mongo import deliveries as outbox
from halve.states.mongo import lots, work
from halve.states.mongo.base import Base
from halve.states.mongo.documents import COUNTERS, OPEN, product_key
from halve.states.mongo.schema import UNFINISHED

PIECE = 50_000
"""Rows that one query adds up, so that none takes long."""

ERASED = 5_000
"""Rows that one command deletes."""

_FINISHABLE: Document = {
    "stage": "published",
    "unfinished": 1,
    "$or": [{"status": "cancelled"}, {"lots": [], "unfed": 0}],
}


async def to_finish(base: Base, *, limit: int) -> list[UUID]:
    found = await base.requests.find(_FINISHABLE, {"_id": 1}).sort("seq", 1).hint(UNFINISHED).limit(limit).to_list()
    return [UUID(entry["_id"]) for entry in found]


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
    """The counts are added up beforehand, and stay true for this round: nothing is recorded where no product is open. Deliveries
    go into the request's own document with its end, and from there to their collection.
    """
    status = "cancelled" if cancelled else {"$ne": "cancelled"}
    which = {"_id": str(request_id), "round": round, "status": status, **_FINISHABLE}
    request = await base.requests.find_one(which)
    if request is None:
        return False
    if cancelled:
        await call_off(base, request)
    counts = await _tally(base, request)
    if counts.pop("open"):
        return False
    ended: Document = {
        **counts,
        "status": "cancelled" if cancelled else "completed" if counts["done_images"] else "failed",
        "output_key": {"$literal": output_key},
        "failed_key": {"$literal": failed_key},
        "completed_at": "$$NOW",
        "lots": [],
        "unfed": 0,
    }
    if deliveries:
        ended["outbox"] = {"$literal": outbox.entries(deliveries, round)}
    finished = await base.requests.find_one_and_update(
        which, [{"$set": ended}, {"$unset": ["unfinished"]}], return_document=ReturnDocument.AFTER
    )
    if finished is not None:
        await outbox.send_out(base, finished)
    return finished is not None


async def _tally(base: Base, request: Mapping[str, Any]) -> Document:
    """Exact counts over all products; `retryable`: those that a retry would open; `open`: leased or waiting after all."""
    total = dict.fromkeys((*COUNTERS, "retryable", "open"), 0)
    for first in range(0, request["last_row"] + 1, PIECE):
        within = {"$gte": product_key(request["seq"], first), "$lt": product_key(request["seq"], first + PIECE)}
        cursor = await base.products.aggregate(
            [
                {"$match": {"_id": within}},
                {
                    "$group": {
                        "_id": None,
                        "done_images": {"$sum": "$done"},
                        "failed_images": {"$sum": "$failed"},
                        "bytes_in": {"$sum": "$bytes_in"},
                        "bytes_out": {"$sum": "$bytes_out"},
                        "retryable": {"$sum": {"$cond": [{"$eq": ["$state", "done"]}, 0, 1]}},
                        "open": {"$sum": {"$cond": [{"$in": ["$state", OPEN["$in"]]}, 1, 0]}},
                    }
                },
            ]
        )
        for sums in await cursor.to_list():
            for name in total:
                total[name] += sums[name]
    return total


# ── cancel, retry ─────────────────────────────────────────────────────────────────────────────────────────────────────


async def cancel(base: Base, request_id: UUID) -> bool:
    """From the write on nothing of the request is handed out, whatever its products' own documents still say."""
    cancelled = await base.requests.find_one_and_update(
        {"_id": str(request_id), "stage": "published", "unfinished": 1, "status": {"$ne": "cancelled"}},
        {"$set": {"status": "cancelled"}},
        return_document=ReturnDocument.AFTER,
    )
    if cancelled is None:
        return False
    await call_off(base, cancelled)
    return True


async def call_off(base: Base, request: Mapping[str, Any]) -> None:
    """End what a cancelled request has in the queue, waiting and leased, lot by lot. Repeatable."""
    for lot in request["lots"]:
        await work.call_off(base, {"lot": lot["lot"], "state": OPEN})


async def retry(base: Base, request_id: UUID) -> bool:
    which = {"_id": str(request_id), "stage": "published", "completed_at": {"$ne": None}, "retryable": {"$gt": 0}}
    request = await base.requests.find_one(which)
    if request is None:
        return False
    await outbox.send_out(base, request)
    round = request["round"] + 1
    change = await lots.next_lot(base, request, after=product_key(request["seq"], 0), left=request["retryable"])
    change["$set"] |= {
        "status": "processing",
        "round": round,
        "unfinished": 1,
        "retryable": 0,
        "failed_images": 0,
        "output_key": None,
        "failed_key": None,
        "completed_at": None,
    }
    change["$currentDate"] = {"checked_at": True}
    opened = await base.requests.find_one_and_update(
        {**which, "round": request["round"], "outbox": {"$exists": False}}, change, return_document=ReturnDocument.AFTER
    )
    if opened is None:
        return False
    for lot in opened["lots"]:
        await lots.open_lot(base, lot, round)
    return True


# ── erase ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


async def erase(base: Base, request_id: UUID) -> None:
    """From the first write on the request is not seen any more. Its own document goes last: a sweep goes on from there."""
    erased = await base.requests.find_one_and_update(
        {"_id": str(request_id)}, {"$set": {"stage": "erased"}, "$unset": {"published_key": "", "unfinished": "", "outbox": ""}}
    )
    if erased is not None:
        await erase_rest(base, erased)


async def erase_rest(base: Base, request: Mapping[str, Any]) -> None:
    seq, last = request["seq"], request["last_row"]
    await base.deliveries.delete_many({"request_id": request["_id"]})
    for first in range(0, last + 1, ERASED):
        within = {"$gte": product_key(seq, first), "$lt": product_key(seq, first + ERASED)}
        await base.products.delete_many({"_id": within})
    await base.products.delete_many({"_id": {"$gte": product_key(seq, 0), "$lt": product_key(seq + 1, 0)}})
    await base.requests.delete_one({"_id": request["_id"], "stage": "erased"})
