"""What MongoDB's store does beyond the contract: texts that look like operators, the server's clock, what is said of trouble."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from halve.core.errors import OptionRefused, StoreFailed
from halve.core.models import DeliveryKind, DeliveryState, Mode, Outcome, ProductState, Row, SheetOptions
from halve.states import mongo
from halve.states.mongo import MongoStates
from tests.contract import elsewhere
from tests.contract.sample import DONE, FAILED, LEASE, draft, finish, notice, outcome, publish, upload, work_off
from tests.support.lossy import lossy_way_to
from tests.support.lots import small_lots
from tests.support.server import free_port

ODD = ("$name", "a.b.$c", "$$NOW", "$literal", "{'$gt': ''}", "nul\0l", "ünï—😀")


@pytest.fixture
async def url() -> AsyncIterator[str]:
    async with elsewhere.mongo_database() as url:
        yield url


@pytest.fixture
async def states(url: str) -> AsyncIterator[MongoStates]:
    states = await MongoStates.open(url)
    await states.migrate()
    yield states
    await states.close()


@pytest.mark.parametrize("state", [ProductState.FAILED, ProductState.WAITING, ProductState.LEASED])
async def test_dollars_and_dots_are_data(states: MongoStates, state: ProductState) -> None:
    request = draft(filename="$a.csv", sheet=SheetOptions(Mode.LENIENT, None, {"name": "$Titel.x", "images": "a.b"}))
    await states.create(request)
    await states.add_products(request.id, [Row(row, row, odd, odd, (f"https://a.test/{odd}",)) for row, odd in enumerate(ODD, 1)])
    published = await publish(states, request, images=len(ODD))
    assert (published.filename, published.sheet) == (request.filename, request.sheet)
    products = await states.claim("$holder.$x", 20, lease=LEASE)
    assert [(product.serial, product.product_name) for product in products] == [(odd, odd) for odd in ODD]
    said = [
        Outcome(request.id, product.row, product.fence, (replace(FAILED, error=product.serial, url=product.serial),), state, 50.0)
        for product in products
    ]
    await states.record(said)
    assert [product.results for product in await states.products(request.id)] == [outcome.results for outcome in said]


async def test_what_a_receiver_answers_is_data(states: MongoStates) -> None:
    request = await upload(states, 1)
    [product] = await states.claim("worker", 1, lease=LEASE)
    await states.record([outcome(product, DONE)])
    made = replace(notice(request), target="$target.$x")
    assert await finish(states, request.id, deliveries=[made])
    [delivery] = await states.claim_deliveries("$holder", 1, lease=LEASE)
    assert delivery.target == made.target
    await states.record_delivery(delivery, state=DeliveryState.DELIVERED, answer="$$ROOT")
    [delivery] = await states.deliveries(request.id)
    assert delivery.last_answer == "$$ROOT"


async def test_due_times_are_the_servers(states: MongoStates) -> None:
    request = await upload(states, 2)
    await states.claim("worker", 2, lease=LEASE)
    assert await states.sweep() == 0
    found = await states._base.products.find_one({"state": "leased"})
    assert found is not None
    now = datetime.now(UTC)
    assert abs(found["due_at"] - now - timedelta(seconds=LEASE)) < timedelta(minutes=1)
    assert request.created_at is not None
    assert abs(request.created_at - now) < timedelta(minutes=1)
    assert await states.expired(days=1) == []


def test_the_store_never_looks_at_a_clock_of_its_own() -> None:
    for path in Path(mongo.__file__).parent.glob("*.py"):
        assert not re.search(r"datetime\.now|utcnow|time\.time|import time\b", path.read_text(encoding="utf-8")), path.name


async def test_a_sheets_rows_say_nothing_in_the_requests_document(states: MongoStates) -> None:
    """It stays small however long the sheet is."""
    request = await upload(states, 900, 3)
    [found] = await states._base.requests.find({"_id": str(request.id)}).to_list()
    assert len(found["lots"]) == 1
    assert len(str(found)) < 2500


async def test_lots_that_are_over_are_counted_in_the_request_itself(states: MongoStates, monkeypatch: pytest.MonkeyPatch) -> None:
    """So looking at it costs the lots at work, not the sheet."""
    small_lots(monkeypatch, 40)
    request = await upload(states, 100)
    for _ in range(4):
        await states.record([outcome(product, DONE) for product in await states.claim("worker", 20, lease=LEASE)])
    [found] = await states._base.requests.find({"_id": str(request.id)}).to_list()
    assert (found["done_images"], len(found["lots"])) == (80, 1)


async def test_a_delivery_that_nobody_heard_of_is_given_back(url: str, states: MongoStates) -> None:
    """Its holder lives, and renews all that it holds."""
    request = await upload(states, 1)
    await work_off(states, DONE)
    await finish(states, request.id, deliveries=[notice(request), notice(request, DeliveryKind.EMAIL)])
    host = urlsplit(url)
    async with lossy_way_to(host.port or 0) as lossy:
        way = host._replace(netloc=f"127.0.0.1:{lossy.port}", query="retryWrites=false&directConnection=true")
        unlucky = await MongoStates.open(way.geturl())
        lossy.lose_answer_to(b"findAndModify")
        with pytest.raises(StoreFailed, match="out of reach"):
            await unlucky.claim_deliveries("worker", 2, lease=LEASE)
        assert lossy.lost == 1
        await unlucky.renew("worker", lease=LEASE)
        assert sorted(delivery.fence for delivery in await unlucky.claim_deliveries("worker", 2, lease=LEASE)) == [1, 2]
        await unlucky.close()


async def test_without_indexes_it_says_to_make_them(url: str) -> None:
    states = await MongoStates.open(url)
    try:
        for attempt in (states.ready, lambda: states.create(draft()), lambda: states.claim("worker", 1, lease=LEASE)):
            with pytest.raises(StoreFailed, match="halve init-db"):
                await attempt()
        await states.migrate()
        await states.ready()
        await states._base.meta.update_one({"_id": "schema"}, {"$set": {"version": 9999}})
        with pytest.raises(StoreFailed, match="newer version"):
            await states.migrate()
    finally:
        await states.close()


async def test_a_server_that_is_not_there_is_named_without_its_password() -> None:
    states = await MongoStates.open(f"mongodb://me:hush@127.0.0.1:{free_port()}/halve?serverSelectionTimeoutMS=200")
    try:
        with pytest.raises(StoreFailed, match="out of reach") as caught:
            await states.ready()
        assert "HALVE_DATABASE_URL" in str(caught.value)
        assert "hush" not in str(caught.value)
    finally:
        await states.close()


@pytest.mark.parametrize("url", ["mongodb://", "mongodb://host", "mongodb://host/", "mongodb://host/a/b", "mongodb://host:x/halve"])
async def test_a_url_that_names_no_database_is_refused(url: str) -> None:
    with pytest.raises(OptionRefused, match="HALVE_DATABASE_URL"):
        await MongoStates.open(url)
