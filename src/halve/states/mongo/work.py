"""Claims and records: products leased, renewed, and what came of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from bson import ObjectId
from pymongo import UpdateOne

from halve.core.models import Outcome, Product, ProductState
from halve.mongodb import Document
from halve.states.mongo import documents, lots
from halve.states.mongo.base import Base, milliseconds
from halve.states.mongo.documents import ACTIVE, product_key
from halve.states.mongo.schema import FAIR, LEASED, OLDEST

_ORDERS = {FAIR: ("place", "seq"), OLDEST: ("seq", "place")}


async def claim(base: Base, token: ObjectId, holder: str, n: int, *, lease: float, oldest: bool) -> list[Product]:
    """Look for the first ready ones, take those that still are, read what was taken: three trips however many are claimed. Where
    another was quicker, look again. Products of requests that were cancelled or erased may still stand in the queue; they are
    taken out of it here.
    """
    index = OLDEST if oldest else FAIR
    first, second = _ORDERS[index]
    taking = [
        {
            "$set": {
                "state": "leased",
                "holder": {"$literal": holder},
                "claim": token,
                "due_at": {"$add": ["$$NOW", milliseconds(lease)]},
                "fence": {"$add": [{"$ifNull": ["$fence", 0]}, 1]},
            }
        }
    ]
    claimed: list[Product] = []
    n = min(n, lots.CLAIM_LIMIT)
    while len(claimed) < n:
        looked = base.products.find({"state": "ready"}, {"_id": 1}).sort([(first, 1), (second, 1)]).hint(index)
        picked = [entry["_id"] for entry in await looked.limit(n - len(claimed)).to_list()]
        if not picked:
            break
        await base.products.update_many({"_id": {"$in": picked}, "state": "ready"}, taking)
        mine = {"_id": {"$in": picked}, "state": "leased", "claim": token}
        taken = await base.products.find(mine, {**documents.SHOWN, "seq": 1}).to_list()
        requests = await _at_work(base, taken)
        dead = [entry["_id"] for entry in taken if entry["request_id"] not in requests]
        if dead:
            await call_off(base, {"_id": {"$in": dead}, "claim": token, "state": "leased"})
        taken.sort(key=lambda entry: (entry[first], entry[second]))
        claimed += [documents.product(entry, requests[entry["request_id"]]) for entry in taken if entry["request_id"] in requests]
    return claimed


async def call_off(base: Base, which: Mapping[str, Any]) -> int:
    """Mark open products as cancelled; a retry may feed them again."""
    changed = await base.products.update_many(
        which, [{"$set": {"state": "cancelled", "feed": "$_id"}}, {"$unset": ["holder", "due_at", "claim"]}]
    )
    return changed.modified_count


async def let_go(base: Base, token: ObjectId) -> None:
    """Give back what a claim took whose caller never heard of it."""
    await base.products.update_many(
        {"state": "leased", "claim": token},
        {"$set": {"state": "ready"}, "$unset": {"holder": "", "due_at": "", "claim": ""}},
        hint=LEASED,
    )


async def _at_work(base: Base, taken: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """Those requests of the taken products that are open, with their rounds; `processing` from now on, and fed if it is time."""
    furthest: dict[str, int] = {}
    for entry in taken:
        furthest[entry["request_id"]] = max(entry["place"], furthest.get(entry["request_id"], 0))
    if not furthest:
        return {}
    wanted = {"_id": {"$in": list(furthest)}, **ACTIVE}
    shown = dict.fromkeys(("seq", "status", "round", "feed_at", "fed", "unfed", "next_lot"), 1)
    found = await base.requests.find(wanted, shown).to_list()
    fresh = [request["_id"] for request in found if request["status"] == "pending"]
    if fresh:
        await base.requests.update_many({"_id": {"$in": fresh}, "status": "pending"}, {"$set": {"status": "processing"}})
    for request in found:
        if request["unfed"] and furthest[request["_id"]] >= request["feed_at"]:
            await lots.feed(base, request)
    return {request["_id"]: request["round"] for request in found}


async def renew(base: Base, holder: str, *, lease: float) -> None:
    later = [{"$set": {"due_at": {"$add": ["$$NOW", milliseconds(lease)]}}}]
    for collection in (base.products, base.deliveries):
        await collection.update_many({"state": "leased", "holder": holder}, later)


# ── record ────────────────────────────────────────────────────────────────────────────────────────────────────────────


async def record(base: Base, outcomes: Sequence[Outcome]) -> set[UUID]:
    """Each product is one conditional write that says all of its counts, not by how much they changed. Then the lots of those that
    ended are looked at, whoever ended them: so saying it again makes good what a kill cut short.
    """
    if any(outcome.state is ProductState.CANCELLED for outcome in outcomes):
        raise ValueError("a product is cancelled by `cancel`, not by its record")
    ids = sorted({str(outcome.request_id) for outcome in outcomes})
    requests = await _requests(base, ids)
    here = [(requests[str(outcome.request_id)], outcome) for outcome in outcomes if str(outcome.request_id) in requests]
    if not here:
        return set()
    await base.products.bulk_write([_write(request, outcome) for request, outcome in here])
    ended = [
        product_key(request["seq"], outcome.row)
        for request, outcome in here
        if outcome.state in (ProductState.DONE, ProductState.FAILED)
    ]
    if ended:
        touched = {
            entry["lot"] for entry in await base.products.find({"_id": {"$in": ended}}, {"lot": 1}).to_list() if "lot" in entry
        }
        before = requests
        for request in before.values():
            await lots.seal(base, request, touched)
        requests = await _requests(base, list(before))
    return {UUID(id) for id, request in requests.items() if lots.none_open(request)}


async def _requests(base: Base, ids: list[str]) -> dict[str, Document]:
    found = base.requests.find({"_id": {"$in": ids}, **ACTIVE}, {"seq": 1, "round": 1, "lots": 1, "unfed": 1})
    return {request["_id"]: request for request in await found.to_list()}


def _write(request: Mapping[str, Any], outcome: Outcome) -> UpdateOne:
    key = product_key(request["seq"], outcome.row)
    said = documents.recorded_fields(outcome.results, request["round"])
    which = {"_id": key, "state": "leased", "fence": outcome.fence}
    gone = ["flaw"]
    if said["failed"]:
        said["flaw"] = key
        gone = []
    if outcome.state is not ProductState.LEASED:
        said["state"] = outcome.state.value
        gone += ["holder", "claim"]
        if outcome.state is not ProductState.WAITING:
            gone.append("due_at")
        if outcome.state is ProductState.FAILED:
            said["feed"] = key
    if outcome.state is not ProductState.WAITING:
        return UpdateOne(which, {"$set": said, **({"$unset": dict.fromkeys(gone, "")} if gone else {})})
    # An update that reads the clock is a pipeline, in which a text with a dollar would be a formula.
    written: Document = {name: {"$literal": value} for name, value in said.items()}
    written["due_at"] = {"$add": ["$$NOW", milliseconds(outcome.delay)]}
    return UpdateOne(which, [{"$set": written}, {"$unset": gone}])
