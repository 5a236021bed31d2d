"""The fake of Firestore is strict: what it lets pass, the suites may rely on. Its words are those of the real one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from google.api_core import exceptions
from google.cloud.firestore_v1 import SERVER_TIMESTAMP, AsyncClient
from google.cloud.firestore_v1.base_query import FieldFilter

from tests.contract import elsewhere


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[AsyncClient]:
    async with elsewhere.firestore_database(tmp_path) as url:
        _, _, project, database = url.split("/")
        client = AsyncClient(project=project, database=database)
        yield client
        await client._firestore_api.transport.close()


async def test_a_query_beyond_the_automatic_indexes_is_refused(client: AsyncClient) -> None:
    rows: Any = client.collection("rows")
    both = rows.where(filter=FieldFilter("a", "==", 1)).order_by("b")
    for query in (both, rows.where(filter=FieldFilter("a", "==", 1)).where(filter=FieldFilter("b", ">", 1))):
        with pytest.raises(exceptions.FailedPrecondition, match="The query requires an index"):
            await query.get()
    with pytest.raises(exceptions.FailedPrecondition, match="The query requires an index"):
        await rows.where(filter=FieldFilter("a", "==", 1)).sum("b").get()
    assert await rows.where(filter=FieldFilter("a", "==", 1)).where(filter=FieldFilter("b", "==", 1)).get() == []


async def test_a_document_of_more_than_a_mebibyte_is_refused(client: AsyncClient) -> None:
    await client.document("rows/a").set({"x": b"x" * 1_048_000})
    with pytest.raises(exceptions.InvalidArgument, match="exceeds the maximum allowed size of 1,048,576 bytes"):
        await client.document("rows/a").set({"x": b"x" * 1_048_576})


async def test_too_many_writes_and_too_many_bytes_are_refused(client: AsyncClient) -> None:
    batch = client.batch()
    for number in range(501):
        batch.set(client.document(f"rows/{number}"), {"x": number})
    with pytest.raises(exceptions.InvalidArgument, match="maximum 500 writes"):
        await batch.commit()
    batch = client.batch()
    for number in range(11):
        batch.set(client.document(f"rows/{number}"), {"x": b"x" * 1_000_000})
    with pytest.raises(exceptions.InvalidArgument, match="payload size exceeds the limit"):
        await batch.commit()
    assert await client.collection("rows").get() == []


async def test_conditions_hold_or_nothing_is_written(client: AsyncClient) -> None:
    await client.document("rows/a").create({"x": 1})
    with pytest.raises(exceptions.AlreadyExists):
        await client.document("rows/a").create({"x": 2})
    with pytest.raises(exceptions.NotFound):
        await client.document("rows/b").update({"x": 2})
    before = await client.document("rows/a").get()
    await client.document("rows/a").update({"x": 2})
    batch = client.batch()
    batch.set(client.document("rows/c"), {"x": 3})
    batch.update(client.document("rows/a"), {"x": 3}, client.write_option(last_update_time=before.update_time))
    with pytest.raises(exceptions.FailedPrecondition, match="does not match the required base version"):
        await batch.commit()
    assert [(found.id, found.to_dict()) for found in await client.collection("rows").get()] == [("a", {"x": 2})]
    assert (await client.document("rows/a").get(read_time=before.read_time)).to_dict() == {"x": 1}


async def test_its_order_its_cursors_and_its_clock(client: AsyncClient) -> None:
    rows: Any = client.collection("rows")
    for name, value in (("a", 2), ("b", "text"), ("c", 1), ("d", None), ("e", b"bytes")):
        await rows.document(name).set({"x": value, "at": SERVER_TIMESTAMP})
    await rows.document("f").set({"y": 1})
    assert [found.id for found in await rows.order_by("x").get()] == ["d", "c", "a", "b", "e"]
    assert [found.id for found in await rows.order_by("x").start_after({"x": 2}).limit(1).get()] == ["b"]
    assert [found.id for found in await rows.where(filter=FieldFilter("x", ">=", 1)).order_by("x").get()] == ["c", "a"]
    times = [found.get("at") for found in await rows.order_by("at").get()]
    assert times == sorted(times)
    assert len(set(times)) == 5
