"""What Firestore's store does beyond the contract: rows larger than a document, the server's clock, contention, trouble."""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest

from halve.core.errors import OptionRefused, StoreFailed
from halve.core.models import Outcome, ProductState, Row, Status
from halve.core.sheet.limits import LONGEST_URL
from halve.states import firestore
from halve.states.firestore import FirestoreStates, base, documents, packing
from tests.contract import elsewhere
from tests.contract.conftest import nothing_leaks
from tests.contract.sample import (
    DONE,
    FAILED,
    LEASE,
    PENDING,
    draft,
    finish,
    known,
    notice,
    outcome,
    publish,
    rows,
    upload,
    work_off,
)
from tests.support.firestore import ask
from tests.support.server import free_port

DAY = 86_400.0
MIB = 2**20


@pytest.fixture
async def url(tmp_path: Path) -> AsyncIterator[str]:
    async with elsewhere.firestore_database(tmp_path) as url:
        yield url


@pytest.fixture
async def states(url: str) -> AsyncIterator[FirestoreStates]:
    states = await FirestoreStates.open(url)
    await states.migrate()
    yield states
    await states.close()


async def stored(url: str) -> list[str]:
    """Names of all documents there are, without the database's."""
    return [name.split("/documents/")[1] for name in await asyncio.to_thread(ask, url, "names")]


# ── sizes ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_rows_larger_than_a_document_come_back_as_they_were(url: str, states: FirestoreStates) -> None:
    """The longest that a sheet may have: 100 URLs of 8,192 characters, which no compression makes small."""
    long = tuple(f"https://a.test/{secrets.token_urlsafe(LONGEST_URL)}"[:LONGEST_URL] for _ in range(100))
    request = draft()
    planned = [Row(1, 2, "1", "small", ("https://a.test/1",)), Row(2, 3, "2", "ü" * 50_000, long), *rows(3, first=3)]
    await states.create(request)
    await states.add_products(request.id, planned)
    await publish(states, request, images=104)
    claimed = {product.row: product for product in await states.claim("worker", 10, lease=LEASE)}
    assert [(claimed[row.row].product_name, claimed[row.row].input_urls) for row in planned] == [
        (row.product_name, row.input_urls) for row in planned
    ]
    url_out = f"https://cdn.test/{secrets.token_urlsafe(200)}"
    results = tuple(replace(DONE, key=secrets.token_hex(20), url=url_out) for _ in long)
    await states.record([Outcome(request.id, 2, claimed[2].fence, results, ProductState.DONE)])
    await states.record([outcome(claimed[row], DONE) for row in (1, 3, 4, 5)])
    assert [product.input_urls for product in await states.products(request.id)] == [row.input_urls for row in planned]
    assert (await states.products(request.id, after_row=1, limit=1))[0].results == results
    assert (await asyncio.to_thread(ask, url, "counted"))["largest"] <= MIB
    assert sum("/parts/" in name for name in await stored(url)) > 0
    await states.erase(request.id)
    assert [name for name in await stored(url) if not name.startswith("meta/")] == []


def test_pages_stay_small() -> None:
    wide = [Row(n, n, "", "", ("https://a.test/x",) * 90) for n in range(1, 31)]
    long = [Row(n, n, "", "x" * 90_000, ("https://a.test/x",)) for n in range(1, 11)]
    assert [len(page.rows) for page in packing.into_pages(wide, 1)] == [11, 11, 8]
    assert [len(page.rows) for page in packing.into_pages(long, 1)] == [4, 4, 2]
    assert [(page.first_place, page.last) for page in packing.into_pages(rows(900), 11)] == [(11, 400), (411, 800), (811, 900)]
    assert packing.into_pages([], 1) is not None
    assert list(packing.into_pages([], 1)) == []


async def test_a_sheets_rows_are_documents_only_while_they_are_at_work(url: str, states: FirestoreStates) -> None:
    request = await upload(states, 900, 2)
    assert len([name for name in await stored(url) if name.startswith("products/")]) == packing.PAGE_ROWS
    for _ in range(6):
        await states.record([outcome(product, DONE, FAILED) for product in await states.claim("worker", 100, lease=LEASE)])
    assert len([name for name in await stored(url) if name.startswith("products/")]) <= 2 * packing.PAGE_ROWS
    assert (await known(states, request.id)).done_images == 600
    await work_off(states, DONE, FAILED)
    assert await finish(states, request.id)
    assert [name.split("/")[0] for name in await stored(url) if name.startswith(("products/", "requests/"))] == ["requests"] * 4


def test_documents_of_a_sheets_rows_are_no_neighbours() -> None:
    request_id = str(draft().id)
    names = [documents.product_id(request_id, row) for row in range(1, 400)]
    assert len({name[0] for name in names}) == 16
    assert names != sorted(names)


# ── clocks ────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("ahead", [-40 * DAY, 40 * DAY])
async def test_the_servers_clock_decides(url: str, ahead: float) -> None:
    await asyncio.to_thread(ask, url, "clock", ahead=ahead)
    other = await FirestoreStates.open(url)
    try:
        await other.migrate()
        request = await upload(other, 2)
        there = datetime.now(UTC) + timedelta(seconds=ahead)
        assert request.created_at is not None
        assert abs(request.created_at - there) < timedelta(minutes=1)
        first, second = await other.claim("worker", 2, lease=LEASE)
        await other.record([outcome(first, PENDING, state=ProductState.WAITING, delay=60)])
        assert await other.sweep() == 0
        await asyncio.to_thread(ask, url, "pass_time", seconds=61)
        assert await other.sweep() == 1
        await asyncio.to_thread(ask, url, "pass_time", seconds=LEASE)
        assert await other.sweep() == 1
        assert await other.record([outcome(second, DONE)]) == set()
        assert await other.expired(days=1) == []
    finally:
        await other.close()


def test_the_store_never_looks_at_a_clock_of_its_own() -> None:
    """But for how long ago it has seen the server's."""
    folder = Path(firestore.__file__).parent
    sources = "\n".join(path.read_text() for path in folder.glob("*.py"))
    assert not re.search(r"datetime\.now|utcnow|time\.time\(|\.today\(", sources)


# ── contention ────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_where_every_third_write_is_aborted_all_goes_on(url: str, states: FirestoreStates) -> None:
    await asyncio.to_thread(ask, url, "abort", every=3)
    request = await upload(states, 500)
    counted = 0
    while claimed := await states.claim("worker", 60, lease=LEASE):
        await states.record([outcome(product, FAILED if product.row == 7 else DONE) for product in claimed])
        counted += len(claimed)
    assert counted == 500
    assert await states.to_finish() == [request.id]
    assert await finish(states, request.id)
    assert await states.retry(request.id)
    assert [product.row for product in await work_off(states, DONE)] == [7]
    assert await finish(states, request.id, 1)
    ended = await known(states, request.id)
    assert (ended.status, ended.done_images, ended.failed_images) == (Status.COMPLETED, 500, 0)


async def test_contention_without_end_is_told(url: str, states: FirestoreStates, monkeypatch: pytest.MonkeyPatch) -> None:
    request = await upload(states, 5)
    [product] = await states.claim("worker", 1, lease=LEASE)
    monkeypatch.setattr(base, "ATTEMPTS", 4)
    monkeypatch.setattr(firestore.work, "ATTEMPTS", 4)
    await asyncio.to_thread(ask, url, "abort", every=1)
    for attempt in (
        lambda: states.record([outcome(product, DONE)]),
        lambda: states.cancel(request.id),
        lambda: states.erase(request.id),
    ):
        with pytest.raises(StoreFailed, match="too busy"):
            await attempt()
    assert await states.claim("worker", 2, lease=LEASE) == []
    await asyncio.to_thread(ask, url, "abort", every=0)
    assert await states.record([outcome(product, DONE)]) == set()
    assert (await known(states, request.id)).done_images == 1


async def test_a_claim_that_nobody_heard_of_is_given_back(url: str, states: FirestoreStates) -> None:
    """Its holder lives, and would renew the leases for ever."""
    request = await upload(states, 10)
    for wait in range(12):
        task = asyncio.create_task(states.claim("worker", 1, lease=LEASE))
        await asyncio.sleep(0.001 * wait)
        task.cancel()
        claimed = (await asyncio.gather(task, return_exceptions=True))[0]
        if isinstance(claimed, list):
            await states.record([outcome(p, *p.results, state=ProductState.READY) for p in claimed])
    assert sorted(product.row for product in await work_off(states, DONE)) == list(range(1, 11))
    assert await states.to_finish() == [request.id]


async def test_a_delivery_that_nobody_heard_of_is_given_back(url: str, states: FirestoreStates) -> None:
    request = await upload(states, 1)
    await work_off(states, DONE)
    deliveries = [notice(request) for _ in range(10)]
    await finish(states, request.id, deliveries=deliveries)
    heard: set[UUID] = set()
    for wait in range(12):
        task = asyncio.create_task(states.claim_deliveries("worker", 1, lease=LEASE))
        await asyncio.sleep(0.001 * wait)
        task.cancel()
        claimed = (await asyncio.gather(task, return_exceptions=True))[0]
        if isinstance(claimed, list):
            heard |= {delivery.id for delivery in claimed}
    heard |= {delivery.id for delivery in await states.claim_deliveries("worker", 10, lease=LEASE)}
    assert heard == {delivery.id for delivery in deliveries}


# ── trouble ───────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_where_nothing_is_set_up_it_says_so(url: str) -> None:
    states = await FirestoreStates.open(url)
    try:
        for attempt in (states.ready, lambda: states.create(draft())):
            with pytest.raises(StoreFailed, match="halve init-db"):
                await attempt()
        await states.migrate()
        await states.ready()
        writes = states._base.writes()
        writes.set(states._base.meta.document("schema"), {"version": 9999})
        await states._base.commit(writes)
        with pytest.raises(StoreFailed, match="newer version"):
            await states.migrate()
    finally:
        await states.close()


async def test_a_server_that_is_not_there_is_named(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", f"127.0.0.1:{free_port()}")
    monkeypatch.setitem(base.CALLS, "retry", base.PATIENCE.with_timeout(0.3))
    with nothing_leaks():
        states = await FirestoreStates.open(url)
        with pytest.raises(StoreFailed, match="out of reach") as caught:
            await states.ready()
        assert "FIRESTORE_EMULATOR_HOST" in str(caught.value)
        await states.close()


async def test_without_credentials_it_says_which(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("FIRESTORE_EMULATOR_HOST", raising=False)
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "missing.json"))
    with pytest.raises(StoreFailed, match="GOOGLE_APPLICATION_CREDENTIALS"):
        await FirestoreStates.open("firestore://project")


@pytest.mark.parametrize(
    "url", ["firestore://Pro ject", "firestore://project/a/b", "firestore://project/DB", "firestore://project?x=1"]
)
async def test_a_url_that_names_no_database_is_refused(url: str) -> None:
    with pytest.raises(OptionRefused, match="HALVE_DATABASE_URL"):
        await FirestoreStates.open(url)


@pytest.mark.parametrize(
    ("url", "project", "database"),
    [
        ("firestore://shop-1", "shop-1", "(default)"),
        ("firestore://shop-1/halve", "shop-1", "halve"),
        ("firestore://shop-1/(default)", "shop-1", "(default)"),
        ("firestore://", "from-environment", "(default)"),
    ],
)
async def test_project_and_database(url: str, project: str, database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", "127.0.0.1:1")
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "from-environment")
    states = await FirestoreStates.open(url)
    assert (states._base.project, states._base.database) == (project, database)
    await states.close()
