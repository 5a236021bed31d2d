"""Notifications: made in the commit that ends their request, leased, sent, written down."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

from google.cloud.firestore_v1 import DELETE_FIELD
from google.cloud.firestore_v1.base_query import FieldFilter

from halve.core.models import Delivery, DeliveryKind, DeliveryState
from halve.states.firestore import documents
from halve.states.firestore.base import ATTEMPTS, Base, Document, pause
from halve.states.firestore.work import change_each
from halve.states.firestore.writes import Snapshot

LEASED_BY_NOBODY: Document = {"holder": DELETE_FIELD, "claim": DELETE_FIELD, "leased_until": DELETE_FIELD}


async def of_request(base: Base, request_id: UUID) -> list[Delivery]:
    return [documents.delivery(snapshot.id, snapshot.to_dict() or {}) for snapshot in await _all(base, request_id)]


async def claim(base: Base, token: str, holder: str, n: int, *, lease: float) -> list[Delivery]:
    """Each is leased if it is as it was when it was seen due."""
    claimed: list[Delivery] = []
    for attempt in range(ATTEMPTS):
        if len(claimed) >= n:
            break
        now = await base.now()
        due = base.deliveries.where(filter=FieldFilter("send_at", "<=", now)).order_by("send_at")
        seen = await base.find(due.limit(n - len(claimed)))
        if not seen:
            break
        writes, taken = base.writes(), []
        for snapshot in seen:
            found = snapshot.to_dict() or {}
            said = {
                "state": "leased",
                "holder": holder,
                "claim": token,
                "leased_until": now + timedelta(seconds=lease),
                "attempts": found["attempts"] + 1,
                "fence": found["fence"] + 1,
            }
            writes.update(snapshot, {**said, "send_at": DELETE_FIELD})
            taken.append(documents.delivery(snapshot.id, {**found, **said, "send_at": None}))
        done = await base.each(writes, once=True)
        claimed += [delivery for delivery, got in zip(taken, done, strict=True) if got]
        if not all(done):
            await pause(attempt)
    return claimed


async def let_go(base: Base, token: str) -> None:
    """Make due again what a claim took whose caller never heard of it."""
    now = await base.now()

    def back(found: Mapping[str, Any]) -> Document | None:
        return {"state": "due", "send_at": now, **LEASED_BY_NOBODY} if found.get("claim") == token else None

    await change_each(base, await base.find(base.deliveries.where(filter=FieldFilter("claim", "==", token))), back)


async def record(base: Base, delivery: Delivery, *, state: DeliveryState, answer: str, delay: float) -> None:
    send_at = await base.now() + timedelta(seconds=delay)

    def change(found: Mapping[str, Any]) -> Document | None:
        if found["state"] != "leased" or found["fence"] != delivery.fence:
            return None
        said: Document = {"state": state.value, "last_answer": answer, **LEASED_BY_NOBODY}
        return said | {"send_at": send_at} if state is DeliveryState.DUE else said

    await change_each(base, await base.get(base.deliveries.document(str(delivery.id))), change)


async def redeliver(base: Base, request_id: UUID, kind: DeliveryKind) -> bool:
    """The fence grows too: an attempt that is under way changes nothing any more."""
    of_kind = [snapshot for snapshot in await _all(base, request_id) if snapshot.get("kind") == kind.value]
    now = await base.now()

    def again(found: Mapping[str, Any]) -> Document:
        return {"state": "due", "send_at": now, "attempts": 0, "fence": found["fence"] + 1, **LEASED_BY_NOBODY}

    return bool(await change_each(base, of_kind[-1:], again))


async def _all(base: Base, request_id: UUID) -> list[Snapshot]:
    """Oldest first. None where the request is erased, of which some may be left."""
    [request] = await base.get(base.request(request_id), fields=["stage"])
    if (request.to_dict() or {}).get("stage") != "published":
        return []
    found = await base.find(base.deliveries.where(filter=FieldFilter("request", "==", str(request_id))))
    return sorted(found, key=lambda snapshot: int(snapshot.get("number")))
