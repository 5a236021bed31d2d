"""What was compressed before: values under opaque keys, until they expire."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from google.cloud.firestore_v1.base_query import FieldFilter

from halve.states.firestore.base import MOST_WRITES, Base


async def recall(base: Base, keys: Sequence[str]) -> dict[str, str]:
    now = await base.now()
    wanted = dict.fromkeys(keys)
    found = zip(wanted, await base.get(*(_under(base, key) for key in wanted)), strict=True)
    return {key: str(entry.get("value")) for key, entry in found if entry.exists and entry.get("expires_at") > now}


async def remember(base: Base, entries: Mapping[str, str], *, seconds: float) -> None:
    expires_at = await base.now() + timedelta(seconds=seconds)
    writes = base.writes()
    for key, value in entries.items():
        writes.set(_under(base, key), {"value": value, "expires_at": expires_at})
    await base.each(writes)


async def forget(base: Base) -> None:
    """Delete some of what has expired."""
    expired = base.memory.where(filter=FieldFilter("expires_at", "<=", await base.now())).order_by("expires_at")
    writes = base.writes()
    for entry in await base.find(expired.limit(MOST_WRITES).select(["expires_at"])):
        writes.delete(entry)
    await base.each(writes)


def _under(base: Base, key: str) -> Any:
    """Not every text is a name that a document may have."""
    return base.memory.document(hashlib.sha256(key.encode()).hexdigest())
