"""What GridFS does beyond the contract: other clients read it, nobody sees half a file, and nothing is left lying about."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from gridfs import AsyncGridFSBucket
from pymongo import AsyncMongoClient
from pymongo.asynchronous.database import AsyncDatabase

from halve.core.errors import NotFound, OptionRefused, StoreFailed
from halve.images.gridfs import CHUNK, GridFsImages
from tests.contract.elsewhere import cannot_start
from tests.support.mongo import empty_database, mongo_url
from tests.support.processes import CannotStart
from tests.support.server import free_port

FOLDER = "0123456789abcdef"
KEY = f"{FOLDER}/0123456789abcdef01234567.jpg"


@pytest.fixture
async def database() -> AsyncIterator[AsyncDatabase[dict[str, Any]]]:
    """The same database, by the driver alone."""
    try:
        with empty_database() as (url, name):
            async with AsyncMongoClient[dict[str, Any]](url) as client:
                yield client[name]
    except CannotStart as error:
        cannot_start("a MongoDB server (SecantusDB)", error)


@pytest.fixture
async def images(database: AsyncDatabase[dict[str, Any]]) -> AsyncIterator[GridFsImages]:
    store = GridFsImages(f"{mongo_url().replace('mongodb', 'gridfs', 1)}/{database.name}")
    yield store
    await store.close()


async def get(store: GridFsImages, key: str) -> bytes:
    return b"".join([piece async for piece in store.read(key)])


async def counted(database: AsyncDatabase[dict[str, Any]]) -> tuple[int, int]:
    """Files and chunks."""
    return await database["fs.files"].count_documents({}), await database["fs.chunks"].count_documents({})


@pytest.mark.parametrize("size", [0, 5, CHUNK, 2 * CHUNK + 7])
async def test_any_gridfs_client_reads_what_is_written(
    images: GridFsImages, database: AsyncDatabase[dict[str, Any]], size: int
) -> None:
    data = os.urandom(size)
    await images.put(KEY, data, content_type="image/jpeg")
    out = await AsyncGridFSBucket(database).open_download_stream_by_name(KEY)
    assert await out.read() == data
    assert out.metadata is not None
    assert out.metadata["contentType"] == "image/jpeg"


async def test_what_another_client_wrote_is_read(images: GridFsImages, database: AsyncDatabase[dict[str, Any]]) -> None:
    data = os.urandom(3 * CHUNK + 11)
    await AsyncGridFSBucket(database, chunk_size_bytes=255 * 1024).upload_from_stream(KEY, data)
    assert await get(images, KEY) == data
    assert b"".join([piece async for piece in images.read(KEY, start=300_000, length=CHUNK)]) == data[300_000 : 300_000 + CHUNK]
    stored = await images.stat(KEY)
    assert stored is not None
    assert (stored.size, stored.content_type) == (len(data), "image/jpeg")


async def test_the_same_bytes_are_not_written_twice(images: GridFsImages, database: AsyncDatabase[dict[str, Any]]) -> None:
    await images.put(KEY, b"same", content_type="image/jpeg")
    before = await database["fs.files"].find_one({"filename": KEY})
    await images.put(KEY, b"same", content_type="image/jpeg")
    assert await database["fs.files"].find_one({"filename": KEY}) == before
    assert await counted(database) == (1, 1)


async def test_what_is_replaced_is_gone(images: GridFsImages, database: AsyncDatabase[dict[str, Any]]) -> None:
    await images.put(KEY, os.urandom(2 * CHUNK), content_type="image/jpeg")
    await images.put(KEY, b"small", content_type="image/jpeg")
    assert await counted(database) == (1, 1)
    assert await get(images, KEY) == b"small"


async def test_a_put_that_is_cut_short_is_never_seen_and_leaves_nothing(
    images: GridFsImages, database: AsyncDatabase[dict[str, Any]], tmp_path: Path
) -> None:
    await images.put(KEY, b"old", content_type="image/jpeg")
    source = tmp_path / "large"
    source.write_bytes(os.urandom(64 * CHUNK))
    putting = asyncio.create_task(images.put(KEY, source, content_type="image/jpeg"))
    while await database["fs.chunks"].count_documents({}) < 3:
        assert await get(images, KEY) == b"old"
    assert not putting.done()
    putting.cancel()  # with nothing awaited in between, in which it might end
    with pytest.raises(asyncio.CancelledError):
        await putting
    assert await get(images, KEY) == b"old"
    assert await counted(database) == (1, 1)


async def test_a_file_that_changes_meanwhile_is_not_stored(
    images: GridFsImages, database: AsyncDatabase[dict[str, Any]], tmp_path: Path
) -> None:
    source = tmp_path / "large"
    source.write_bytes(os.urandom(24 * CHUNK))
    putting = asyncio.create_task(images.put(KEY, source, content_type="image/jpeg"))
    while await database["fs.chunks"].count_documents({}) < 3:
        await asyncio.sleep(0.001)
    os.truncate(source, 5 * CHUNK)
    with pytest.raises(StoreFailed, match="changed while it was being stored"):
        await putting
    assert await counted(database) == (0, 0)


async def test_a_folder_goes_with_the_left_overs_of_crashes(images: GridFsImages, database: AsyncDatabase[dict[str, Any]]) -> None:
    await images.put(KEY, b"x", content_type="image/jpeg")
    await images.put(f"{FOLDER}0/a.jpg", b"x", content_type="image/jpeg")
    for orphan in (f"{KEY}@0123456789ab", f"{FOLDER}/never-finished.jpg@0123456789ab"):
        await database["fs.chunks"].insert_one({"files_id": orphan, "n": 0, "data": b"orphan"})
    await images.delete_folder(FOLDER)
    assert await counted(database) == (1, 1)
    assert await get(images, f"{FOLDER}0/a.jpg") == b"x"


async def test_both_indexes_of_the_specification_are_there(images: GridFsImages, database: AsyncDatabase[dict[str, Any]]) -> None:
    await asyncio.gather(*(images.put(f"{FOLDER}/{n}.jpg", b"x", content_type="image/jpeg") for n in range(10)))
    files, chunks = await database["fs.files"].index_information(), await database["fs.chunks"].index_information()
    assert [("filename", 1), ("uploadDate", 1)] in [index["key"] for index in files.values()]
    assert [("files_id", 1), ("n", 1)] in [index["key"] for index in chunks.values() if index.get("unique")]


async def test_a_lost_chunk_is_told_and_not_passed_over(images: GridFsImages, database: AsyncDatabase[dict[str, Any]]) -> None:
    await images.put(KEY, os.urandom(3 * CHUNK), content_type="image/jpeg")
    await database["fs.chunks"].delete_one({"n": 1})
    with pytest.raises(StoreFailed, match="lacks a chunk"):
        await get(images, KEY)


async def test_many_readers_get_one_content_or_another_while_it_is_replaced_again_and_again(images: GridFsImages) -> None:
    contents = [bytes([65 + n]) * (2 * CHUNK + n) for n in range(6)]
    await images.put(KEY, contents[0], content_type="image/jpeg")
    over = asyncio.Event()

    async def reader() -> int:
        reads = 0
        while not over.is_set():
            try:
                assert await get(images, KEY) in contents
            except StoreFailed as error:
                if "replaced" not in str(error):  # twice during one read: said, not mixed
                    raise
            reads += 1
        return reads

    readers = [asyncio.create_task(reader()) for _ in range(4)]
    for content in contents * 2:
        await images.put(KEY, content, content_type="image/jpeg")
    over.set()
    assert all(await asyncio.gather(*readers))


async def test_a_server_that_is_not_there_is_said_so_as_soon_as_the_url_allows() -> None:
    began = time.monotonic()
    store = GridFsImages(f"gridfs://127.0.0.1:{free_port()}/shop?serverSelectionTimeoutMS=300")
    with pytest.raises(StoreFailed, match=r"database 'shop' cannot be reached.*HALVE_STORAGE_URL"):
        await store.ready()
    assert time.monotonic() - began < 5
    await store.close()


async def test_a_wrong_password_is_said_so_without_repeating_it(database: AsyncDatabase[dict[str, Any]]) -> None:
    host = mongo_url().partition("://")[2].rpartition("@")[2]
    store = GridFsImages(f"gridfs://nobody:very-secret@{host}/{database.name}")
    with pytest.raises(StoreFailed, match="Check user and password in HALVE_STORAGE_URL") as refused:
        await store.ready()
    assert "very-secret" not in str(refused.value)
    await store.close()


@pytest.mark.parametrize(
    "url",
    [
        "gridfs://",
        "gridfs:///shop",
        "gridfs://host",
        "gridfs://host/",
        "gridfs://host/a/b",
        "gridfs://host:port/a",
        "gridfs://a@b@c/d",
    ],
)
async def test_a_url_that_cannot_be_meant_is_refused(url: str) -> None:
    with pytest.raises(OptionRefused, match="HALVE_STORAGE_URL"):
        GridFsImages(url)


async def test_an_impossible_key_costs_no_question(images: GridFsImages) -> None:
    assert await images.stat("../secret") is None
    with pytest.raises(NotFound):
        await get(images, "../secret")
