"""The indexes, and the mark that they are there.

MongoDB wants a query to say what a partial index is limited to, and takes an index without a condition on its first field only
where told to: so the queries that go down these say `state` or name the index.
"""

from __future__ import annotations

from pymongo import ASCENDING, DESCENDING, IndexModel

from halve.core.errors import StoreFailed
from halve.states.mongo.base import Base
from halve.states.mongo.errors import OUTDATED

VERSION = 2
"""Of the indexes and of what documents hold; grows with every change that an older halve could not work with."""

FAIR, OLDEST = "ready_fairly", "ready_oldest"
WAITING, LEASED = "waiting", "leased"
DUE = "due"
UNFINISHED = "unfinished"
OUTBOX = "outbox"

PRODUCTS = [
    IndexModel([("place", ASCENDING), ("seq", ASCENDING)], name=FAIR, partialFilterExpression={"state": "ready"}),
    IndexModel([("seq", ASCENDING), ("place", ASCENDING)], name=OLDEST, partialFilterExpression={"state": "ready"}),
    IndexModel([("due_at", ASCENDING), ("seq", ASCENDING)], name=WAITING, partialFilterExpression={"state": "waiting"}),
    IndexModel([("due_at", ASCENDING), ("fence", ASCENDING)], name=LEASED, partialFilterExpression={"state": "leased"}),
    IndexModel([("holder", ASCENDING)], name="leases_of_holder", partialFilterExpression={"state": "leased"}),
    IndexModel([("lot", ASCENDING), ("state", ASCENDING)], name="lots", partialFilterExpression={"lot": {"$exists": True}}),
    IndexModel([("feed", ASCENDING)], name="to_feed", sparse=True),
    IndexModel([("flaw", ASCENDING)], name="failures", sparse=True),
]

_PUBLISHED = {"stage": "published"}
_UNFINISHED = {"unfinished": 1}

REQUESTS = [
    IndexModel(
        [("owner", ASCENDING), ("published_key", ASCENDING)],
        name="idempotency_key",
        unique=True,
        partialFilterExpression={"published_key": {"$exists": True}},
    ),
    IndexModel([("stage", ASCENDING), ("seq", DESCENDING)], name="listed"),
    IndexModel([("owner", ASCENDING), ("seq", DESCENDING)], name="of_owner", partialFilterExpression=_PUBLISHED),
    IndexModel([("stage", ASCENDING), ("status", ASCENDING)], name="status"),
    IndexModel([("stage", ASCENDING), ("completed_at", ASCENDING)], name="completed"),
    IndexModel([("stage", ASCENDING), ("created_at", ASCENDING)], name="created"),
    IndexModel([("seq", ASCENDING)], name=UNFINISHED, partialFilterExpression=_UNFINISHED),
    IndexModel([("checked_at", ASCENDING)], name="to_check", partialFilterExpression=_UNFINISHED),
    IndexModel([("owner", ASCENDING)], name="open_of_owner", partialFilterExpression=_UNFINISHED),
    IndexModel([("outbox.id", ASCENDING)], name=OUTBOX, partialFilterExpression={"outbox": {"$exists": True}}),
]

DELIVERIES = [
    IndexModel([("request_id", ASCENDING), ("number", ASCENDING)], name="of_request"),
    IndexModel([("due_at", ASCENDING)], name=DUE, partialFilterExpression={"state": "due"}),
    IndexModel([("due_at", ASCENDING), ("fence", ASCENDING)], name=LEASED, partialFilterExpression={"state": "leased"}),
    IndexModel([("holder", ASCENDING)], name="leases_of_holder", partialFilterExpression={"state": "leased"}),
]

MEMORY = [IndexModel([("expires_at", ASCENDING)], name="expiring", expireAfterSeconds=0)]
"""The server itself takes away what has expired, within a minute or so."""


async def version(base: Base) -> int:
    """Of what is there; 0: nothing is."""
    found = await base.meta.find_one({"_id": "schema"})
    return int(found["version"]) if found else 0


async def check(base: Base) -> None:
    if await version(base) != VERSION:
        raise StoreFailed(OUTDATED.format(where=base.where))


async def migrate(base: Base) -> None:
    """Making an index that is there does nothing; two processes that make one at once wait for the same."""
    here = await version(base)
    if here > VERSION:
        raise StoreFailed(f"{base.where} was made by a newer version of halve (its schema is {here}): install that one.")
    if here == VERSION:
        return
    for collection, indexes in (
        (base.requests, REQUESTS),
        (base.products, PRODUCTS),
        (base.deliveries, DELIVERIES),
        (base.memory, MEMORY),
    ):
        await collection.create_indexes(indexes)
    # The counter of requests is there before any two can wish to make it at once.
    await base.meta.update_one({"_id": "requests"}, {"$setOnInsert": {"last": 0}}, upsert=True)
    await base.meta.update_one({"_id": "schema"}, {"$max": {"version": VERSION}}, upsert=True)
