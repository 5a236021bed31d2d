"""What keeps the queue in order: leases that ended, waits that are over, whatever was cut short; set-up, secrets and figures."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from google.cloud.firestore_v1.base_query import FieldFilter, Or

from halve.core.errors import StoreFailed
from halve.core.models import Status
from halve.states.firestore import lots, memory
from halve.states.firestore.base import Base, Changed, Document, Query
from halve.states.firestore.deliveries import LEASED_BY_NOBODY
from halve.states.firestore.ending import erase_rest
from halve.states.firestore.errors import OUTDATED
from halve.states.firestore.work import change_each, ready_again

VERSION = 1
"""Of how documents are made. Greater ones are not touched."""

FAR_AHEAD = timedelta(days=1, seconds=60)
"""Nothing waits longer than a day. What is due later than this was written under a clock that has been put back since."""

CHECKED = 20
"""Requests that one look for what was cut short goes through."""

CHUNK = 400

HOLDERS_AT_ONCE = 30
"""Values that one query may ask for."""


# ── set up ────────────────────────────────────────────────────────────────────────────────────────────────────────────


async def check(base: Base) -> None:
    if await _version(base) != VERSION:
        raise StoreFailed(OUTDATED.format(where=base.where))


async def migrate(base: Base) -> None:
    """There is nothing to make: collections come with their first document, and all queries go down automatic indexes."""
    here = await _version(base)
    if here > VERSION:
        raise StoreFailed(f"{base.where} was made by a newer version of halve (its schema is {here}): install that one.")
    if here < VERSION:
        writes = base.writes()
        writes.set(base.meta.document("schema"), {"version": VERSION})
        await base.commit(writes)


async def _version(base: Base) -> int:
    """Of what is there; 0: nothing is."""
    [snapshot] = await base.get(base.meta.document("schema"))
    return int(snapshot.get("version")) if snapshot.exists else 0


# ── leases ────────────────────────────────────────────────────────────────────────────────────────────────────────────


async def sweep(base: Base, *, limit: int) -> int:
    """Products of cancelled requests come back to the queue too; they go with their lots."""
    now = await base.now()
    far = now + FAR_AHEAD

    def product(found: Mapping[str, Any]) -> Document | None:
        due_at = found.get("due_at")
        if due_at is None or now < due_at <= far:
            return None
        return ready_again(found, lost=1 if found["state"] == "leased" and due_at <= now else 0)

    def delivery(found: Mapping[str, Any]) -> Document | None:
        due_at = found.get("leased_until") or found.get("send_at")
        if due_at is None or now < due_at <= far or (found["state"] == "due" and due_at <= now):
            return None
        return {"state": "due", "send_at": now, **LEASED_BY_NOBODY}

    late_products = base.products.where(filter=_past_or_far("due_at", now, far)).order_by("due_at")
    late_leases = base.deliveries.where(filter=_past_or_far("leased_until", now, far)).order_by("leased_until")
    far_deliveries = base.deliveries.where(filter=FieldFilter("send_at", ">", far)).order_by("send_at")
    return sum(
        await asyncio.gather(
            _change(base, late_products, product, limit),
            _change(base, late_leases, delivery, limit),
            _change(base, far_deliveries, delivery, limit),
        )
    )


def _past_or_far(field: str, now: Any, far: Any) -> Any:
    return Or([FieldFilter(field, "<=", now), FieldFilter(field, ">", far)])


async def void(base: Base, holders: Sequence[str]) -> int:
    now = await base.now()
    voided = 0
    for first in range(0, len(holders), HOLDERS_AT_ONCE):
        dead = list(holders[first : first + HOLDERS_AT_ONCE])

        def product(found: Mapping[str, Any], dead: Sequence[str] = dead) -> Document | None:
            return ready_again(found) if found.get("holder") in dead else None

        def delivery(found: Mapping[str, Any], dead: Sequence[str] = dead) -> Document | None:
            return {"state": "due", "send_at": now, **LEASED_BY_NOBODY} if found.get("holder") in dead else None

        for collection, change in ((base.products, product), (base.deliveries, delivery)):
            held = collection.where(filter=FieldFilter("holder", "in", dead))
            while some := await _change(base, held, change, CHUNK):
                voided += some
    return voided


async def _change(base: Base, query: Query, change: Callable[[Mapping[str, Any]], Document | None], limit: int) -> int:
    """The first of them."""
    changed = 0
    while changed < limit:
        found = await base.find(query.limit(min(CHUNK, limit - changed)))
        some = await change_each(base, found, change)
        changed += some
        if not some or len(found) < CHUNK:
            break
    return changed


# ── what was cut short ────────────────────────────────────────────────────────────────────────────────────────────────


async def mend(base: Base, after: str | None) -> str | None:
    """Go on with what a kill left half done (erasures, lots not closed or not fed), and forget what has expired. Looks at some of
    the open requests, those behind `after`; returns where to go on the next time.
    """
    for erased in await base.find(base.requests.where(filter=FieldFilter("erased", "==", True)).select([]).limit(CHECKED)):
        await erase_rest(base, UUID(erased.id))
    await memory.forget(base)
    query = base.requests.order_by("open").limit(CHECKED)
    found = await base.find(query.start_after({"open": after}) if after else query)
    for snapshot in found:
        await lots.mend(base, snapshot)
    return str(found[-1].get("open")) if len(found) == CHECKED else None


# ── secrets, figures ──────────────────────────────────────────────────────────────────────────────────────────────────


async def secret(base: Base, name: str) -> str | None:
    [found] = await base.get(base.secrets.document(name))
    return str(found.get("value")) if found.exists else None


async def keep_secret(base: Base, name: str, value: str) -> str:
    """The secret of that name from now on: this one, or the one that another was quicker to keep."""
    writes = base.writes()
    writes.create(base.secrets.document(name), {"value": value})
    try:
        await base.commit(writes)
    except Changed:
        kept = await secret(base, name)
        assert kept is not None
        return kept
    return value


async def figures(base: Base) -> dict[str, int]:
    """Counted by the server, which asks the price of one document for every thousand counted."""
    asked = {
        **{f"requests.{status.value}": _equal(base.requests, "status", status.value) for status in Status},
        **{f"products.{state}": _equal(base.products, "state", state) for state in ("ready", "waiting", "leased")},
        "deliveries.due": _equal(base.deliveries, "state", "due"),
    }
    counts = dict(zip(asked, await asyncio.gather(*map(base.count, asked.values())), strict=True))
    [unfed] = await base.sums(base.requests, ["unfed"])
    return counts | {"products.ready": counts["products.ready"] + unfed}


def _equal(collection: Query, field: str, value: str) -> Query:
    return collection.where(filter=FieldFilter(field, "==", value))
