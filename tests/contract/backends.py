"""Every state store and every image store that the contract suites hold to their promises: one entry each.

An entry is an async context manager which makes an empty store somewhere below a temporary folder (or on a server that it
starts, on a free loopback port), gives its URL, and takes everything away again. A server that cannot start skips the tests, or
fails them where `CI` is set. `conftest.py` sees to it that every scheme of `halve.backends` has an entry.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import psycopg
import pymongo
import pytest

from tests.contract import elsewhere
from tests.support import firestore


def cannot_start(what: str, why: object) -> NoReturn:
    """For entries whose server does not start."""
    message = f"{what} cannot be started here: {why}"
    if os.environ.get("CI"):
        pytest.fail(message)
    pytest.skip(message)


@dataclass(frozen=True)
class StateBackend:
    """`empty`: see above. `pass_time(url, seconds)`: whatever the store has timed, it seems to have timed that much earlier."""

    empty: Callable[[Path], AbstractAsyncContextManager[str]]
    pass_time: Callable[[str, float], Awaitable[None]]


@asynccontextmanager
async def _sqlite(folder: Path) -> AsyncIterator[str]:
    yield f"sqlite:///{folder / 'states' / 'halve.db'}"


_PASS_TIME = (
    "UPDATE requests SET created_at = created_at - :s, completed_at = completed_at - :s",
    "UPDATE products SET due_at = due_at - :s WHERE due_at IS NOT NULL",
    "UPDATE memory SET expires_at = expires_at - :s",
    "UPDATE deliveries SET due_at = due_at - :s WHERE due_at IS NOT NULL",
)


async def _pass_time_in_sqlite(url: str, seconds: float) -> None:
    connection = sqlite3.connect(url.removeprefix("sqlite:///"), timeout=30)
    with connection:
        for statement in _PASS_TIME:
            connection.execute(statement, {"s": seconds})
    connection.close()


@asynccontextmanager
async def _postgres(folder: Path) -> AsyncIterator[str]:
    with elsewhere.postgres_database() as url:
        yield url


async def _pass_time_in_postgres(url: str, seconds: float) -> None:
    with psycopg.connect(url) as connection:
        for statement in _PASS_TIME:
            connection.execute(statement.replace(":s", "%(s)s"), {"s": seconds})


@asynccontextmanager
async def _mongo(folder: Path) -> AsyncIterator[str]:
    async with elsewhere.mongo_database() as url:
        yield url


async def _pass_time_in_mongo(url: str, seconds: float) -> None:
    server, _, name = url.rpartition("/")
    with pymongo.MongoClient[dict[str, Any]](server) as client:
        for collection, fields in (
            ("requests", ("created_at", "completed_at", "checked_at")),
            ("products", ("due_at",)),
            ("deliveries", ("due_at",)),
            ("memory", ("expires_at",)),
        ):
            for field in fields:
                client[name][collection].update_many(
                    {field: {"$type": "date"}}, [{"$set": {field: {"$add": [f"${field}", round(-1000 * seconds)]}}}]
                )


async def _pass_time_in_firestore(url: str, seconds: float) -> None:
    await asyncio.to_thread(firestore.ask, url, "pass_time", seconds=seconds)


STATES = {
    "sqlite": StateBackend(_sqlite, _pass_time_in_sqlite),
    "postgresql": StateBackend(_postgres, _pass_time_in_postgres),
    "mongodb": StateBackend(_mongo, _pass_time_in_mongo),
    "firestore": StateBackend(elsewhere.firestore_database, _pass_time_in_firestore),
}
"""Scheme of `HALVE_DATABASE_URL` → how to get one."""


@asynccontextmanager
async def _folder(folder: Path) -> AsyncIterator[str]:
    yield (folder / "images").as_uri()


IMAGES: dict[str, Callable[[Path], AbstractAsyncContextManager[str]]] = {
    "file": _folder,
    "s3": elsewhere.s3,
    "gs": elsewhere.gcs,
    "az": elsewhere.azure,
    "gridfs": elsewhere.gridfs,
    "cloudinary": elsewhere.cloudinary,
}
"""Scheme of `HALVE_STORAGE_URL` → how to get one."""
