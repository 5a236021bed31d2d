"""Claims and records: products leased, renewed, and what came of them."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from google.cloud.firestore_v1 import DELETE_FIELD
from google.cloud.firestore_v1.base_query import FieldFilter

from halve.core.errors import StoreFailed
from halve.core.models import Outcome, Product, ProductState
from halve.states import plain
from halve.states.firestore import documents, looking, lots
from halve.states.firestore.base import ATTEMPTS, MOST_WRITES, Base, Document, pause
from halve.states.firestore.packing import pack
from halve.states.firestore.writes import Snapshot

LEASED_BY_NOBODY: Document = {"holder": DELETE_FIELD, "claim": DELETE_FIELD, "due_at": DELETE_FIELD}

_IN_NO_QUEUE: Document = {"fair": DELETE_FIELD, "oldest": DELETE_FIELD}
_ASKED_OF_REQUESTS = ("stage", "status", "round", "lots", "unfed", "fed", "feed_at", "completed_at")


def ready_again(found: Mapping[str, Any], *, lost: int = 0) -> Document:
    """How a product's document changes when it comes back to the queue."""
    queued = documents.queued(found["place"], found["age"])
    return {"state": "ready", "lost": found["lost"] + lost, **queued, **LEASED_BY_NOBODY}


async def claim(base: Base, token: str, holder: str, n: int, *, lease: float, oldest: bool) -> list[Product]:
    """Look for the first ready ones, and lease each that is as it was when it was seen: two trips however many are claimed. Where
    others were quicker, look again, and further down: they all stand at the head of the same queue.
    """
    order = "oldest" if oldest else "fair"
    claimed: list[tuple[str, Product]] = []
    n, beaten = min(n, lots.CLAIM_LIMIT), 0
    while len(claimed) < n and beaten < ATTEMPTS:
        wanted = n - len(claimed)
        seen = await base.find(base.products.order_by(order).limit(min(MOST_WRITES, wanted * (1 + 2 * beaten))))
        if not seen:
            break
        if len(seen) > wanted:
            seen = random.sample(seen, wanted)
        due_at = await base.now() + timedelta(seconds=lease)
        taken: list[tuple[str, Document]] = []
        writes = base.writes()
        for snapshot in seen:
            found = snapshot.to_dict() or {}
            said = {"state": "leased", "holder": holder, "claim": token, "due_at": due_at, "fence": found["fence"] + 1}
            writes.update(snapshot, {**said, **_IN_NO_QUEUE})
            taken.append((found[order], {**found, **said}))
        done = await base.each(writes, once=True)
        claimed += await _handed_out(base, [one for one, got in zip(taken, done, strict=True) if got])
        if not all(done):
            beaten += 1
            await pause(beaten)
    return [product for _, product in sorted(claimed, key=lambda entry: entry[0])]


async def _handed_out(base: Base, taken: Sequence[tuple[str, Document]]) -> list[tuple[str, Product]]:
    """Those whose requests are at work; these are `processing` from now on, and fed if it is time. What belongs to a request that
    was cancelled or erased goes with its lot.
    """
    furthest: dict[str, int] = {}
    for _, found in taken:
        furthest[found["request"]] = max(found["place"], furthest.get(found["request"], 0))
    rounds: dict[str, int] = {}
    for snapshot in await base.get(*map(base.request, furthest), fields=_ASKED_OF_REQUESTS):
        request = snapshot.to_dict()
        if request is None or not documents.active(request):
            continue
        rounds[snapshot.id] = request["round"]
        if request["status"] == "pending":
            await base.again(lambda request_id=snapshot.id: _begun(base, request_id))  # type: ignore[misc]
        if request.get("unfed") and furthest[snapshot.id] >= request.get("feed_at", 0):
            await lots.feed(base, snapshot.id, round=request["round"], fed=request["fed"])
    handed_out = []
    for key, found in taken:
        if found["request"] in rounds:
            rows = await looking.rows_of(base, found["request"], found["page"])
            if found["row"] in rows:
                product = documents.product(found["request"], found["row"], rows[found["row"]], found, rounds[found["request"]])
                handed_out.append((key, product))
    return handed_out


async def _begun(base: Base, request_id: str) -> None:
    [snapshot] = await base.get(base.request(request_id), fields=["status"])
    if (snapshot.to_dict() or {}).get("status") == "pending":
        writes = base.writes()
        writes.update(snapshot, {"status": "processing"})
        await base.commit(writes)


async def let_go(base: Base, token: str) -> None:
    """Give back what a claim took whose caller never heard of it."""

    def back(found: Mapping[str, Any]) -> Document | None:
        return ready_again(found) if found.get("claim") == token else None

    await change_each(base, await base.find(base.products.where(filter=FieldFilter("claim", "==", token))), back)


async def renew(base: Base, holder: str, *, lease: float) -> None:
    due_at = await base.now() + timedelta(seconds=lease)
    for collection, field in ((base.products, "due_at"), (base.deliveries, "leased_until")):
        held = await base.find(collection.where(filter=FieldFilter("holder", "==", holder)).select(["holder"]))

        def later(found: Mapping[str, Any], field: str = field) -> Document | None:
            return {field: due_at} if found.get("holder") == holder else None

        await change_each(base, held, later)


async def change_each(base: Base, found: Sequence[Snapshot], change: Any) -> int:
    """Change documents that have nothing to do with each other, by what they say (`change` is None: not at all). Those that were
    changed by others meanwhile are read again. Returns how many were changed.
    """
    changed = 0
    for attempt in range(ATTEMPTS):
        writes, tried = base.writes(), []
        for snapshot in found:
            said = change(snapshot.to_dict() or {}) if snapshot.exists else None
            if said is not None:
                writes.update(snapshot, said)
                tried.append(snapshot)
        done = await base.each(writes)
        changed += sum(done)
        again = [snapshot.reference for snapshot, well in zip(tried, done, strict=True) if not well]
        if not again:
            return changed
        await pause(attempt)
        found = await base.get(*again)
    raise StoreFailed(f"{base.where} is too busy: some documents changed {ATTEMPTS} times meanwhile. Try again later.")


# ── record ────────────────────────────────────────────────────────────────────────────────────────────────────────────


async def record(base: Base, outcomes: Sequence[Outcome]) -> set[UUID]:
    """Each product is one conditional write that says all of its counts, not by how much they changed. Then the lots of those that
    ended are looked at, whoever ended them: so saying it again makes good what a kill cut short.
    """
    if any(outcome.state is ProductState.CANCELLED for outcome in outcomes):
        raise ValueError("a product is cancelled by `cancel`, not by its record")
    requests = await _active(base, sorted({str(outcome.request_id) for outcome in outcomes}))
    said: dict[str, list[Outcome]] = {}
    for outcome in outcomes:
        if str(outcome.request_id) in requests:
            said.setdefault(documents.product_id(str(outcome.request_id), outcome.row), []).append(outcome)
    if not said:
        return {UUID(request_id) for request_id, request in requests.items() if documents.none_open(request)}
    touched: set[tuple[str, int]] = set()
    now = await base.now()

    def change(found: Mapping[str, Any]) -> Document | None:
        outcomes = said[documents.product_id(found["request"], found["row"])]
        if any(outcome.state in (ProductState.DONE, ProductState.FAILED) for outcome in outcomes):
            touched.add((found["request"], found["page"]))
        return _written(found, outcomes, now)

    await change_each(base, await base.get(*map(base.products.document, said)), change)
    sealed = [await lots.seal(base, request_id, [page]) for request_id, page in sorted(touched)]
    if any(sealed):
        requests = await _active(base, list(requests))
    return {UUID(request_id) for request_id, request in requests.items() if documents.none_open(request)}


async def _active(base: Base, ids: Sequence[str]) -> dict[str, Document]:
    found = await base.get(*map(base.request, ids), fields=_ASKED_OF_REQUESTS)
    return {snapshot.id: request for snapshot in found if documents.active(request := snapshot.to_dict()) and request}


def _written(found: Mapping[str, Any], outcomes: Sequence[Outcome], now: datetime) -> Document | None:
    """How these outcomes, one after the other, change a product's document. What comes after its lease ended changes nothing."""
    change: Document | None = None
    for outcome in outcomes:
        if found["state"] != "leased" or found["fence"] != outcome.fence:
            break
        entries = plain.written_results(outcome.results)
        failed = documents.counts(entries)["failed_images"]
        change = {
            "results": pack(entries),
            "counts": documents.own_counts(found["request"], entries, found["round"]),
            "flaw": found["lot"] if failed else DELETE_FIELD,
        }
        if outcome.state is ProductState.LEASED:
            continue
        change |= LEASED_BY_NOBODY | {"state": outcome.state.value}
        if outcome.state is ProductState.WAITING:
            change["due_at"] = now + timedelta(seconds=outcome.delay)
        elif outcome.state is ProductState.READY:
            change |= documents.queued(found["place"], found["age"])
        break
    return change
