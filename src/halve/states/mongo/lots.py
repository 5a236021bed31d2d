"""How a sheet's products become claimable, and how they are counted: by the lot.

A product that is inserted, or that a retry may open again, stands in no queue and has a `feed` key. Feeding enters the next LOT of
them in the request's document, in the same write that moves `fed` past them, and then makes the products ready; if it is cut
short between the two, a sweep makes them ready. So publishing or retrying a sheet of a million rows takes a moment.

The request's counters have what was counted before this round and the sums of lots that are over. A lot whose products are all
over is immutable for the rest of the round: its sum is added to the counters in the one conditional write that takes it off the
list of lots, which so counts it once whoever does it and however often. Who looks adds up the lots that are still listed,
mostly one to three.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any

from halve.mongodb import Document
from halve.states.mongo.base import Base
from halve.states.mongo.documents import ACTIVE, COUNTERS, OPEN, product_key

LOT = 400
"""Products of one lot."""

CLAIM_LIMIT = LOT // 2
"""The most products that one claim may take, so that it never runs past what is fed."""

NEVER = 2**53
"""A place beyond all: there is nothing more to feed."""

_OPENED: list[Document] = [
    {
        "$set": {
            "state": "ready",
            "lost": 0,
            "failed_now": 0,
            "base_done": {"$ifNull": ["$done", 0]},
            "base_in": {"$ifNull": ["$bytes_in", 0]},
            "base_out": {"$ifNull": ["$bytes_out", 0]},
        }
    },
    {"$unset": ["feed"]},
]
"""What succeeded in earlier rounds is in the request's counters already: `base_…` is what not to count again."""

_SUMS = {
    "done_images": {"$sum": {"$subtract": [{"$ifNull": ["$done", 0]}, "$base_done"]}},
    "failed_images": {"$sum": "$failed_now"},
    "bytes_in": {"$sum": {"$subtract": [{"$ifNull": ["$bytes_in", 0]}, "$base_in"]}},
    "bytes_out": {"$sum": {"$subtract": [{"$ifNull": ["$bytes_out", 0]}, "$base_out"]}},
    "products": {"$sum": 1},
    "open": {"$sum": {"$cond": [{"$in": ["$state", OPEN["$in"]]}, 1, 0]}},
}


def none_open(request: Mapping[str, Any]) -> bool:
    return not request["lots"] and not request["unfed"]


# ── feeding ───────────────────────────────────────────────────────────────────────────────────────────────────────────


async def next_lot(base: Base, request: Mapping[str, Any], *, after: int, left: int) -> Document:
    """How a request's document changes when its next lot is fed: operators of an update. `left`: products that wait to be fed."""
    seq, number = request["seq"], request["next_lot"]
    found = base.products.find({"feed": {"$gt": after, "$lt": product_key(seq + 1, 0)}}, {"place": 1}).sort("feed", 1).limit(LOT)
    batch = await found.to_list()
    if not batch:
        return {"$set": {"unfed": 0, "feed_at": NEVER}}
    lot = {"lot": product_key(seq, number), "first": batch[0]["_id"], "last": batch[-1]["_id"], "size": len(batch)}
    return {
        "$push": {"lots": lot},
        "$set": {
            "fed": lot["last"],
            "next_lot": number + 1,
            "unfed": max(0, left - len(batch)),
            "feed_at": batch[len(batch) // 2]["place"] if left > len(batch) else NEVER,
        },
    }


async def open_lot(base: Base, lot: Mapping[str, Any], round: int) -> None:
    """Make the products of a lot that is entered ready. Repeatable."""
    entered: Document = {"$set": {"lot": lot["lot"], "round": round}}
    await base.products.update_many(
        {"feed": {"$gte": lot["first"], "$lte": lot["last"]}, "lot": {"$ne": lot["lot"]}}, [entered, *_OPENED]
    )


async def feed(base: Base, request: Mapping[str, Any]) -> None:
    """Feed the next lot, unless another did."""
    change = await next_lot(base, request, after=request["fed"], left=request["unfed"])
    known = {"_id": request["_id"], "fed": request["fed"], "round": request["round"], "next_lot": request["next_lot"], **ACTIVE}
    fed = await base.requests.update_one(known, change)
    if fed.matched_count and "$push" in change:
        await open_lot(base, change["$push"]["lots"], request["round"])


# ── counting ──────────────────────────────────────────────────────────────────────────────────────────────────────────


async def with_counts(base: Base, found: list[Document]) -> list[Document]:
    """Requests with what stands in their open lots added to their counters."""
    lots = [lot["lot"] for request in found for lot in request["lots"]]
    if lots:
        sums = {entry["_id"]: entry for entry in await _sums(base, lots, by="$seq")}
        for request in found:
            for name in COUNTERS:
                request[name] += sums.get(request["seq"], {}).get(name, 0)
    return found


async def seal(base: Base, request: Mapping[str, Any], numbers: Iterable[int]) -> None:
    """Take those of these lots that are over off the list, adding them to the request's counters."""
    wanted = set(numbers)
    await asyncio.gather(*(_seal_one(base, request, lot) for lot in request["lots"] if lot["lot"] in wanted))


async def _seal_one(base: Base, request: Mapping[str, Any], lot: Mapping[str, Any]) -> None:
    if await base.products.find_one({"lot": lot["lot"], "state": OPEN}, {"_id": 1}) is not None:
        return
    [sums] = await _sums(base, [lot["lot"]], by="$lot") or [{"products": 0}]
    if sums["products"] < lot["size"] or sums["open"]:
        return  # entered and not wholly open yet
    await base.requests.update_one(
        {"_id": request["_id"], "round": request["round"], "lots.lot": lot["lot"], **ACTIVE},
        {"$pull": {"lots": {"lot": lot["lot"]}}, "$inc": {name: sums[name] for name in COUNTERS}},
    )


async def mend(base: Base, request: Mapping[str, Any]) -> None:
    """Go on with what was cut short: lots entered and not open, over and not taken off the list, and the next one not fed."""
    sums = {entry["_id"]: entry for entry in await _sums(base, [lot["lot"] for lot in request["lots"]], by="$lot")}
    for lot in request["lots"]:
        there = sums.get(lot["lot"], {"products": 0, "open": 0})
        if there["products"] < lot["size"]:
            await open_lot(base, lot, request["round"])
        elif not there["open"]:
            await seal(base, request, [lot["lot"]])
    lots = {"$in": [lot["lot"] for lot in request["lots"]]}
    if request["unfed"] and await base.products.find_one({"lot": lots, "state": "ready"}, {"_id": 1}) is None:
        await feed(base, request)


async def _sums(base: Base, lots: list[int], *, by: str) -> list[Document]:
    cursor = await base.products.aggregate([{"$match": {"lot": {"$in": lots}}}, {"$group": {"_id": by, **_SUMS}}])
    return await cursor.to_list()
