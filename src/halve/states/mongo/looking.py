"""What people and programs look at: requests, their products, what is old."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from halve.core.models import Page, Product, Request, Status
from halve.mongodb import Document
from halve.states import refusals
from halve.states.mongo import documents
from halve.states.mongo.base import Base
from halve.states.mongo.documents import product_key
from halve.states.mongo.lots import with_counts


async def request(base: Base, request_id: UUID) -> Request | None:
    found = await base.requests.find_one({"_id": str(request_id), "stage": "published"})
    if found is None:
        return None
    [whole] = await with_counts(base, [found])
    return documents.request(whole)


async def requests(base: Base, owner: str | None, *, limit: int, cursor: str | None) -> Page[Request]:
    """The cursor is the number of the last request that was shown."""
    if cursor is not None and not (cursor.isascii() and cursor.isdigit() and len(cursor) < 19):
        raise refusals.no_cursor()
    which: Document = {"stage": "published"}
    if owner is not None:
        which["owner"] = owner
    if cursor is not None:
        which["seq"] = {"$lt": int(cursor)}
    found = await base.requests.find(which).sort("seq", -1).limit(limit + 1).to_list()
    following = str(found[limit - 1]["seq"]) if len(found) > limit else None
    shown = await with_counts(base, found[:limit])
    return Page(tuple(documents.request(entry) for entry in shown), following)


async def products(base: Base, request_id: UUID, *, after_row: int, limit: int, failed_only: bool) -> list[Product]:
    whole = await base.requests.find_one({"_id": str(request_id), "stage": "published"}, {"seq": 1, "round": 1, "status": 1})
    if whole is None or limit <= 0:
        return []
    key = "flaw" if failed_only else "_id"
    within = {"$gt": product_key(whole["seq"], after_row), "$lt": product_key(whole["seq"] + 1, 0)}
    found = await base.products.find({key: within}, documents.SHOWN).sort(key, 1).limit(limit).to_list()
    cancelled = whole["status"] == Status.CANCELLED
    return [documents.product(entry, whole["round"], cancelled=cancelled) for entry in found]


async def open_requests(base: Base, owner: str) -> int:
    return await base.requests.count_documents({"owner": owner, "unfinished": 1})


async def expired(base: Base, *, days: float, limit: int) -> list[Request]:
    now = await base.now()
    finished = base.requests.find({"stage": "published", "completed_at": {"$lt": now - timedelta(days=days)}})
    abandoned = base.requests.find({"stage": "draft", "created_at": {"$lt": now - timedelta(days=1)}})
    found = [
        *await finished.sort("completed_at", 1).limit(limit).to_list(),
        *await abandoned.sort("created_at", 1).limit(limit).to_list(),
    ]
    return [documents.request(entry) for entry in found[:limit]]
