"""A sheet comes in: draft, rows by the thousand, and one write that makes all of it visible."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from pymongo import ReturnDocument
from pymongo.errors import DuplicateKeyError

from halve.core.finding import Finding
from halve.core.models import Request, Row
from halve.mongodb import Document
from halve.states import plain, refusals
from halve.states.mongo import documents, lots
from halve.states.mongo.base import Base, insert_new


async def create(base: Base, request: Request) -> None:
    """Repeatable. The number (`seq`) is the request's age, and what its products' keys begin with."""
    counter = await base.meta.find_one_and_update({"_id": "requests"}, {"$inc": {"last": 1}}, return_document=ReturnDocument.AFTER)
    assert counter is not None, "`migrate` makes it"
    document = documents.request_document(request)
    await insert_new(base.requests, [{**document, "seq": counter["last"], "created_at": await base.now()}])


async def add_products(base: Base, request_id: UUID, planned: Sequence[Row]) -> None:
    """Repeatable: what was counted already is passed over, and what was only inserted gets the same places again."""
    found = await base.requests.find_one({"_id": str(request_id)}, {"seq": 1, "stage": 1, "rows": 1, "last_row": 1})
    if found is None or found["stage"] == "erased":
        raise refusals.erased(request_id)
    if found["stage"] != "draft":
        raise refusals.published(request_id)
    fresh = [row for row in planned if row.row > found["last_row"]]
    if not fresh:
        return
    places = enumerate(fresh, found["rows"] + 1)
    added = [documents.product_document(found["seq"], request_id, place, row) for place, row in places]
    await insert_new(base.products, added)
    counted = await base.requests.update_one(
        {"_id": str(request_id), "stage": "draft", "last_row": found["last_row"]},
        {"$set": {"rows": found["rows"] + len(fresh), "last_row": fresh[-1].row}},
    )
    now = None if counted.matched_count else await base.requests.find_one({"_id": str(request_id)}, {"stage": 1})
    if not counted.matched_count and (now is None or now["stage"] == "erased"):
        await base.products.delete_many({"_id": {"$gte": added[0]["_id"], "$lte": added[-1]["_id"]}})
        raise refusals.erased(request_id)


async def publish(
    base: Base,
    request_id: UUID,
    *,
    input_key: str,
    total_images: int,
    total_rows: int,
    failed_rows: int,
    repairs: Sequence[Finding],
) -> Request:
    """Publish a draft and return it; or return, unchanged, the request that its owner published under the same key before: of two
    that are published at once the index on keys refuses one.
    """
    while True:
        draft = await base.requests.find_one({"_id": str(request_id)})
        if draft is None or draft["stage"] == "erased":
            raise refusals.erased(request_id)
        if draft["stage"] == "published":
            [whole] = await lots.with_counts(base, [draft])
            return documents.request(whole)
        change = await lots.next_lot(base, draft, after=documents.product_key(draft["seq"], 0), left=draft["rows"])
        change["$set"] |= {
            "stage": "published",
            "unfinished": 1,
            "input_key": input_key,
            "total_images": total_images,
            "total_rows": total_rows,
            "failed_rows": failed_rows,
            "repairs": plain.written_findings(repairs),
        }
        change["$currentDate"] = {"checked_at": True}
        if draft["idempotency_key"] is not None:
            change["$set"]["published_key"] = draft["idempotency_key"]
        try:
            published = await base.requests.find_one_and_update(
                {"_id": str(request_id), "stage": "draft"}, change, return_document=ReturnDocument.AFTER
            )
        except DuplicateKeyError:
            earlier = await by_idempotency_key(base, draft["owner"], draft["idempotency_key"])
            if earlier is not None:
                return earlier
            continue
        if published is not None:
            for lot in published["lots"]:
                await lots.open_lot(base, lot, 0)
            return documents.request(published)


async def by_idempotency_key(base: Base, owner: str, key: str) -> Request | None:
    found: Document | None = await base.requests.find_one({"owner": owner, "published_key": key})
    if found is None:
        return None
    [whole] = await lots.with_counts(base, [found])
    return documents.request(whole)
