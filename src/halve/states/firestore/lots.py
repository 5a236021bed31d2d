"""How a sheet's products become claimable, and how they are counted: by the lot.

A page's rows stand in no queue. Feeding a page makes it a LOT: each of its rows that is not done gets a document of its own, in the
same commit that enters the lot in the request's document. When all products of a lot are over, another commit writes their
results into the page, deletes their documents, takes the lot off the list and adds its sum to the request's counters: all or
nothing, and once, whoever does it. So what is at work is never more than some lots, and what is over lies by the hundred.

Who looks adds the sums over the documents of those at work to the request's counters. What a row that runs again had counted before
leaves the counters when it is fed, and comes back with its lot.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from google.cloud.firestore_v1 import DELETE_FIELD
from google.cloud.firestore_v1.base_query import FieldFilter

from halve.states.firestore import documents
from halve.states.firestore.base import Base, Document
from halve.states.firestore.documents import COUNTERS, OPEN, active
from halve.states.firestore.packing import PAGE_ROWS, pack, unpack
from halve.states.firestore.writes import Snapshot

CLAIM_LIMIT = PAGE_ROWS // 2
"""The most products that one claim may take, so that it seldom runs past what is fed."""

FED_PAGES = 20
"""Most pages that are fed at once: in a retry, each may have a row or two."""

NEVER = 2**53
"""A place beyond all: there is nothing more to feed."""

_ENDED = ("state", "fence", "lost", "round", "results")
"""What a page says of a row that has been at work, behind its number."""

_FED = ("last", "left", "first_place", "numbers", "results")


async def feed(base: Base, request_id: str, *, round: int, fed: int) -> None:
    """Feed what comes after `fed` in that round, unless another did."""
    pages = await _pages_to_feed(base, request_id, fed)

    async def step() -> None:
        [snapshot] = await base.get(base.request(request_id))
        request = snapshot.to_dict()
        if request is None or not active(request) or (request["round"], request["fed"]) != (round, fed):
            return
        if pages:
            await _feed(base, snapshot, request, pages)

    await base.again(step)


async def _pages_to_feed(base: Base, request_id: str, fed: int) -> list[Document]:
    """The next pages with something to do, until there is a claimful; none of them changes until it is fed."""
    query = base.pages(request_id).where(filter=FieldFilter("todo", ">", fed)).order_by("todo").select(_FED)
    pages: list[Document] = []
    limit, rows = 1, 0
    while rows < CLAIM_LIMIT and len(pages) < FED_PAGES:
        following = query.start_after({"todo": pages[-1]["last"]}) if pages else query
        more = await base.find(following.limit(limit))
        if not more:
            break
        pages += [snapshot.to_dict() or {} for snapshot in more]
        rows = sum(page["left"] for page in pages)
        limit = min(2 * limit, FED_PAGES - len(pages))
    while len(pages) > 1 and sum(page["left"] for page in pages) > PAGE_ROWS:
        pages.pop()
    return pages


async def _feed(base: Base, snapshot: Snapshot, request: Mapping[str, Any], pages: list[Document]) -> None:
    request_id, round = snapshot.id, request["round"]
    writes, places, gone = base.writes(), [], dict.fromkeys(COUNTERS, 0)
    for page in pages:
        ended = results_of(page)
        lot = documents.lot(request_id, page["last"])
        for place, row in enumerate(unpack(page["numbers"]), page["first_place"]):
            before = ended.get(row)
            if before is not None and before["state"] == "done":
                continue
            fresh: Document = {
                "request": request_id,
                "row": row,
                "page": page["last"],
                "place": place,
                "age": request["age"],
                "lot": lot,
                "round": round,
                "state": "ready",
                "fence": 0,
                "lost": 0,
                **documents.queued(place, request["age"]),
            }
            if before is not None:
                fresh |= {
                    "fence": before["fence"],
                    "results": pack(before["results"]),
                    "counts": documents.own_counts(request_id, before["results"], round),
                }
                counted = documents.counts(before["results"], round)
                gone = {name: gone[name] + counted[name] for name in COUNTERS}
                if documents.counts(before["results"])["failed_images"]:
                    fresh["flaw"] = lot
            writes.set(base.products.document(documents.product_id(request_id, row)), fresh)
            places.append(place)
    left = max(0, request["unfed"] - len(places))
    writes.update(
        snapshot,
        {
            **{name: request[name] - gone[name] for name in COUNTERS},
            "lots": [*request["lots"], *(page["last"] for page in pages)],
            "fed": pages[-1]["last"],
            "unfed": left or DELETE_FIELD,
            "feed_at": places[len(places) // 2] if left else NEVER,
        },
    )
    await base.commit(writes)


# ── counting ──────────────────────────────────────────────────────────────────────────────────────────────────────────


async def with_counts(base: Base, request_id: str, request: Document, at: Any) -> Document:
    """A request with what stands in its open lots added to its counters, all as it was at one moment."""
    if request["lots"]:
        sums = await base.sums(base.products, [documents.counted(request_id, name) for name in COUNTERS], at=at)
        for name, value in zip(COUNTERS, sums, strict=True):
            request[name] += value
    return request


def at_work(base: Base, lot: str) -> Any:
    """The query for the products of a lot that are open."""
    return base.products.where(filter=FieldFilter("lot", "==", lot)).where(filter=FieldFilter("state", "in", list(OPEN)))


async def seal(base: Base, request_id: str, pages: Iterable[int]) -> bool:
    """Close those of these lots that are over; in a cancelled request, all of them. Returns whether any was."""
    sealed = False
    for page in pages:
        if await base.find(at_work(base, documents.lot(request_id, page)).limit(1).select(["state"])):
            continue
        sealed |= await close(base, request_id, page)
    return sealed


async def close(base: Base, request_id: str, page: int) -> bool:
    """Close a lot if it is over or its request was cancelled. False where it is neither, or closed already."""

    async def step() -> bool:
        [snapshot, packed] = await base.get(
            base.request(request_id),
            base.pages(request_id).document(documents.page_id(page)),
            fields=["stage", "status", "round", "lots", "unfed", "age", *COUNTERS, "left", "numbers", "results"],
        )
        request = snapshot.to_dict()
        if request is None or request["stage"] != "published" or page not in request["lots"]:
            return False
        products = await base.find(base.products.where(filter=FieldFilter("lot", "==", documents.lot(request_id, page))))
        cancelled = request["status"] == "cancelled"
        if not cancelled and any(product.get("state") in OPEN for product in products):
            return False
        await _close(base, snapshot, packed, products, page)
        return True

    return await base.again(step)


async def _close(base: Base, snapshot: Snapshot, packed: Snapshot, products: list[Snapshot], page: int) -> None:
    request, whole = snapshot.to_dict() or {}, packed.to_dict() or {}
    writes, sums = base.writes(), dict.fromkeys(COUNTERS, 0)
    ended = results_of(whole)
    for product in products:
        found = product.to_dict() or {}
        results = unpack(found["results"]) if "results" in found else []
        state = "cancelled" if found["state"] in OPEN else found["state"]
        ended[found["row"]] = {**{name: found[name] for name in ("fence", "lost", "round")}, "state": state, "results": results}
        counted = documents.counts(results, found["round"])
        sums = {name: sums[name] + counted[name] for name in COUNTERS}
        writes.delete(product)
    left = len(unpack(whole["numbers"])) - sum(entry["state"] == "done" for entry in ended.values())
    in_all = [documents.counts(entry["results"]) for entry in ended.values()]
    writes.update(
        packed,
        {
            "results": pack([[row, *(ended[row][name] for name in _ENDED)] for row in sorted(ended)]),
            "left": left,
            "todo": page if left else DELETE_FIELD,
            "flawed": page if any(counted["failed_images"] for counted in in_all) else DELETE_FIELD,
            "counts": {name: sum(counted[name] for counted in in_all) for name in COUNTERS},
        },
    )
    lots = [lot for lot in request["lots"] if lot != page]
    change: Document = {"lots": lots, **{name: request[name] + sums[name] for name in COUNTERS}}
    if not lots and not request.get("unfed"):
        change["ending"] = request["age"]
    writes.update(snapshot, change)
    await base.commit(writes)


def results_of(page: Mapping[str, Any]) -> dict[int, Document]:
    """Row → how it ended, for those rows of a page that did."""
    if "results" not in page:
        return {}
    return {row: dict(zip(_ENDED, said, strict=True)) for row, *said in unpack(page["results"])}


# ── what was cut short ────────────────────────────────────────────────────────────────────────────────────────────────


async def mend(base: Base, snapshot: Snapshot) -> None:
    """Go on with what was cut short: lots that are over and not closed, and the next one not fed."""
    request = snapshot.to_dict()
    if request is None or request["stage"] != "published":
        return
    if request["status"] == "cancelled":
        for page in request["lots"]:
            await close(base, snapshot.id, page)
    elif active(request):
        await seal(base, snapshot.id, request["lots"])
        if request.get("unfed") and not await _any_ready(base, snapshot.id):
            await feed(base, snapshot.id, round=request["round"], fed=request["fed"])


async def _any_ready(base: Base, request_id: str) -> bool:
    ready = base.products.where(filter=FieldFilter("request", "==", request_id)).where(filter=FieldFilter("state", "==", "ready"))
    return bool(await base.find(ready.limit(1).select(["state"])))
