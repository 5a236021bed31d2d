"""Notifications: entered in the request's document when it ends, moved to their own collection, leased, sent, written down."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from bson import ObjectId
from pymongo import DESCENDING, ReturnDocument

from halve.core.models import Delivery, DeliveryKind, DeliveryState
from halve.mongodb import Document
from halve.states.mongo import documents
from halve.states.mongo.base import Base, insert_new, milliseconds
from halve.states.mongo.schema import LEASED

LEASED_BY_NOBODY = ["holder", "claim"]

DUE_AGAIN: list[Document] = [{"$set": {"state": "due", "due_at": "$$NOW"}}, {"$unset": LEASED_BY_NOBODY}]
"""How a delivery changes whose lease is over."""


def entries(deliveries: Sequence[Delivery], round: int) -> list[Document]:
    """As the request's document holds them: `number` is their order among all of the request."""
    return [
        {"id": str(delivery.id), "number": round << 16 | place, "kind": delivery.kind.value, "target": delivery.target}
        for place, delivery in enumerate(deliveries)
    ]


async def send_out(base: Base, request: Mapping[str, Any]) -> None:
    """Move what the request's document holds to the deliveries. Repeatable, also by two at once: their ids are made before."""
    outbox = request.get("outbox")
    if not outbox:
        return
    await insert_new(
        base.deliveries,
        [
            {
                "_id": entry["id"],
                "request_id": request["_id"],
                "number": entry["number"],
                "kind": entry["kind"],
                "target": entry["target"],
                "state": "due",
                "attempts": 0,
                "fence": 0,
                "due_at": request["completed_at"],
            }
            for entry in outbox
        ],
    )
    emptied = await base.requests.update_one({"_id": request["_id"], "outbox.0.id": outbox[0]["id"]}, {"$unset": {"outbox": ""}})
    if not emptied.matched_count and not await _published(base, request["_id"]):
        await base.deliveries.delete_many({"request_id": request["_id"]})  # it was erased meanwhile


async def of_request(base: Base, request_id: UUID) -> list[Delivery]:
    if not await _whole(base, request_id):
        return []
    found = await base.deliveries.find({"request_id": str(request_id)}).sort("number", 1).to_list()
    return [documents.delivery(entry) for entry in found]


async def claim(base: Base, token: ObjectId, holder: str, n: int, *, lease: float) -> list[Delivery]:
    taking = [
        {
            "$set": {
                "state": "leased",
                "holder": {"$literal": holder},
                "claim": token,
                "due_at": {"$add": ["$$NOW", milliseconds(lease)]},
                "attempts": {"$add": ["$attempts", 1]},
                "fence": {"$add": ["$fence", 1]},
            }
        }
    ]
    claimed: list[Delivery] = []
    due = {"state": "due", "due_at": {"$lte": await base.now()}}
    while len(claimed) < n:
        found = await base.deliveries.find_one_and_update(due, taking, sort=[("due_at", 1)], return_document=ReturnDocument.AFTER)
        if found is None:
            break
        claimed.append(documents.delivery(found))
    return claimed


async def let_go(base: Base, token: ObjectId) -> None:
    """Make due again what a claim took whose caller never heard of it."""
    await base.deliveries.update_many({"state": "leased", "claim": token}, DUE_AGAIN, hint=LEASED)


async def record(base: Base, delivery: Delivery, *, state: DeliveryState, answer: str, delay: float) -> None:
    written: Document = {"state": state.value, "last_answer": {"$literal": answer}}
    gone = [*LEASED_BY_NOBODY, "due_at"]
    if state is DeliveryState.DUE:
        written["due_at"] = {"$add": ["$$NOW", milliseconds(delay)]}
        gone = LEASED_BY_NOBODY
    await base.deliveries.update_one(
        {"_id": str(delivery.id), "fence": delivery.fence, "state": "leased"}, [{"$set": written}, {"$unset": gone}]
    )


async def redeliver(base: Base, request_id: UUID, kind: DeliveryKind) -> bool:
    """The fence grows too: an attempt that is under way changes nothing any more."""
    if not await _whole(base, request_id):
        return False
    again = await base.deliveries.find_one_and_update(
        {"request_id": str(request_id), "kind": kind.value},
        [
            {"$set": {"state": "due", "due_at": "$$NOW", "attempts": 0, "fence": {"$add": ["$fence", 1]}}},
            {"$unset": LEASED_BY_NOBODY},
        ],
        sort=[("number", DESCENDING)],
    )
    return again is not None


async def _whole(base: Base, request_id: UUID) -> bool:
    """Whether the request is there; what its document still holds is moved first."""
    request = await base.requests.find_one({"_id": str(request_id), "stage": "published"}, {"outbox": 1, "completed_at": 1})
    if request is not None:
        await send_out(base, request)
    return request is not None


async def _published(base: Base, request_id: str) -> bool:
    return await base.requests.find_one({"_id": request_id, "stage": "published"}, {"_id": 1}) is not None
