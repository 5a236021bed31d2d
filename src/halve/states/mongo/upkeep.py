"""What keeps the queue in order: leases that ended, waits that are over, whatever was cut short; secrets and figures."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from pymongo.errors import DuplicateKeyError

from halve.core.models import Status
from halve.mongodb import Document
from halve.states.mongo import deliveries as outbox
from halve.states.mongo import lots
from halve.states.mongo.base import Base, Collection
from halve.states.mongo.documents import ACTIVE
from halve.states.mongo.ending import erase_rest
from halve.states.mongo.schema import DUE, FAIR, LEASED, OUTBOX, UNFINISHED, WAITING

FAR_AHEAD = timedelta(days=1, seconds=60)
"""Nothing waits longer than a day. What is due later than this was written under a clock that has been put back since."""

CHECK_EVERY = timedelta(seconds=5)
"""How often a request at work is looked over for steps that were cut short."""

CHECKED = 20
"""Requests that one sweep looks over."""

CHUNK = 1000

_GONE = {"holder": "", "claim": "", "due_at": ""}


async def sweep(base: Base, *, limit: int) -> int:
    """Products of cancelled requests come back to the queue too; the claim that meets them takes them out."""
    now = await base.now()
    past, far = {"$lte": now}, {"$gt": now + FAR_AHEAD}
    return sum(
        [
            await _ready(base, {"state": "waiting", "due_at": past}, lost=0, limit=limit),
            await _ready(base, {"state": "waiting", "due_at": far}, lost=0, limit=limit),
            await _ready(base, {"state": "leased", "due_at": past}, lost=1, limit=limit),
            await _ready(base, {"state": "leased", "due_at": far}, lost=0, limit=limit),
            await _due(base, {"state": "leased", "due_at": past}, limit=limit),
            await _due(base, {"state": "leased", "due_at": far}, limit=limit),
            await _due(base, {"state": "due", "due_at": far}, limit=limit),
        ]
    )


async def void(base: Base, holders: Sequence[str]) -> int:
    held = {"state": "leased", "holder": {"$in": list(holders)}}
    voided = 0
    while some := await _ready(base, held, lost=0, limit=CHUNK) + await _due(base, held, limit=CHUNK):
        voided += some
    return voided


async def _ready(base: Base, which: Document, *, lost: int, limit: int) -> int:
    ids = await _some(base.products, which, limit)
    if not ids:
        return 0
    change = {"$set": {"state": "ready"}, "$inc": {"lost": lost}, "$unset": _GONE}
    return (await base.products.update_many({"_id": {"$in": ids}, **which}, change)).modified_count


async def _due(base: Base, which: Document, *, limit: int) -> int:
    ids = await _some(base.deliveries, which, limit)
    if not ids:
        return 0
    return (await base.deliveries.update_many({"_id": {"$in": ids}, **which}, outbox.DUE_AGAIN)).modified_count


async def _some(collection: Collection, which: Document, limit: int) -> list[Any]:
    return [entry["_id"] for entry in await collection.find(which, {"_id": 1}).limit(limit).to_list()]


# ── what was cut short ────────────────────────────────────────────────────────────────────────────────────────────────


async def mend(base: Base) -> None:
    """Go on with what a kill left half done: erasures, deliveries not moved, lots not opened or not taken off the list."""
    half_erased = await base.requests.find_one({"stage": "erased"})
    if half_erased is not None:
        await erase_rest(base, half_erased)
    to_send = base.requests.find({"outbox": {"$exists": True}, "stage": "published"}).hint(OUTBOX)
    for request in await to_send.limit(CHECKED).to_list():
        await outbox.send_out(base, request)
    long_ago = {"$lt": await base.now() - CHECK_EVERY}
    to_check = base.requests.find({"unfinished": 1, "checked_at": long_ago, **ACTIVE}).sort("checked_at", 1).limit(CHECKED)
    for request in await to_check.to_list():
        await base.requests.update_one({"_id": request["_id"]}, {"$currentDate": {"checked_at": True}})
        await lots.mend(base, request)


# ── secrets, figures ──────────────────────────────────────────────────────────────────────────────────────────────────


async def secret(base: Base, name: str) -> str | None:
    found = await base.secrets.find_one({"_id": name})
    return None if found is None else str(found["value"])


async def keep_secret(base: Base, name: str, value: str) -> str:
    """The secret of that name from now on: this one, or the one that another was quicker to keep."""
    try:
        await base.secrets.insert_one({"_id": name, "value": value})
    except DuplicateKeyError:
        kept = await secret(base, name)
        assert kept is not None
        return kept
    return value


async def figures(base: Base) -> dict[str, int]:
    """By way of partial indexes, and of the requests' own counts for what is not fed: a sheet's rows are never walked through."""
    counted = {f"requests.{status.value}": 0 for status in Status}
    cursor = await base.requests.aggregate(
        [{"$match": {"stage": "published"}}, {"$group": {"_id": "$status", "count": {"$sum": 1}}}]
    )
    for entry in await cursor.to_list():
        counted[f"requests.{entry['_id']}"] = entry["count"]
    cursor = await base.requests.aggregate(
        [{"$match": {"unfinished": 1, **ACTIVE}}, {"$group": {"_id": None, "unfed": {"$sum": "$unfed"}}}], hint=UNFINISHED
    )
    unfed = sum(entry["unfed"] for entry in await cursor.to_list())
    counted["products.ready"] = unfed + await base.products.count_documents({"state": "ready"}, hint=FAIR)
    counted["products.waiting"] = await base.products.count_documents({"state": "waiting"}, hint=WAITING)
    counted["products.leased"] = await base.products.count_documents({"state": "leased"}, hint=LEASED)
    counted["deliveries.due"] = await base.deliveries.count_documents({"state": "due"}, hint=DUE)
    return counted
