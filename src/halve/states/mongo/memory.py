"""What was compressed before: values under opaque keys, until they expire."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pymongo import UpdateOne

from halve.states.mongo.base import Base, milliseconds


async def recall(base: Base, keys: Sequence[str]) -> dict[str, str]:
    alive = {"_id": {"$in": list(keys)}, "expires_at": {"$gt": await base.now()}}
    return {found["_id"]: found["value"] async for found in base.memory.find(alive)}


async def remember(base: Base, entries: Mapping[str, str], *, seconds: float) -> None:
    expires_at = {"$add": ["$$NOW", milliseconds(seconds)]}
    await base.memory.bulk_write(
        [
            UpdateOne({"_id": key}, [{"$set": {"value": {"$literal": value}, "expires_at": expires_at}}], upsert=True)
            for key, value in entries.items()
        ],
        ordered=False,
    )
