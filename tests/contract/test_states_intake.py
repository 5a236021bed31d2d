"""A sheet comes in: invisible, then there as a whole, once."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from halve.core.errors import HalveError
from halve.core.finding import Finding
from halve.core.models import ImageResult, Mode, ProductState, SheetOptions, Status
from halve.core.options import Format, MaxBytes, Options
from halve.core.ports import StateStore
from tests.contract.sample import LEASE, draft, known, publish, rows, upload


async def test_a_request_is_kept_as_it_was_given(states: StateStore) -> None:
    request = draft(
        owner="shop",
        filename="produkter – höst.csv",
        options=Options(quality=37, max_bytes=MaxBytes(share=1 / 3), format=Format.WEBP, max_size=2048),
        sheet=SheetOptions(Mode.LENIENT, "shopify", {"name": "Titel", "images": "Bild; länk"}),
        base_url="https://halve.test",
        email="ö@shop.test",
        webhook_url="https://shop.test/hook?a=1&b=%20",
        idempotency_key="key 1",
        fingerprint="abc",
    )
    repairs = (Finding(3, "Image Links", "spilled", "joined again: “a”, 'b'"), Finding(9, "", "other", "näh"))
    await states.create(request)
    await states.add_products(request.id, rows(2))
    published = await states.publish(request.id, input_key="in", total_images=7, total_rows=5, failed_rows=3, repairs=repairs)
    assert published.created_at is not None
    assert abs(published.created_at - datetime.now(UTC)) < timedelta(minutes=1)
    assert published == await states.request(request.id)
    assert published.status is Status.PENDING
    assert (published.input_key, published.total_images, published.total_rows, published.failed_rows) == ("in", 7, 5, 3)
    assert published.repairs == repairs
    for name in ("id", "owner", "filename", "folder", "secret", "options", "sheet", "base_url", "email", "webhook_url"):
        assert getattr(published, name) == getattr(request, name), name
    assert (published.idempotency_key, published.fingerprint) == ("key 1", "abc")
    assert not published.finished


async def test_a_product_is_kept_as_it_was_given(states: StateStore) -> None:
    request = draft()
    planned = rows(1, 3)[0]
    odd = type(planned)(9, 12, '№ "1"', "Tröja\nröd; 50%, 'fin'", ("https://a.test/ä,b.jpg", 'https://a.test/"x"?%20=\\'))
    await states.create(request)
    await states.add_products(request.id, [planned, odd])
    await publish(states, request, images=5)
    first, second = await states.products(request.id)
    assert (first.row, first.serial, first.product_name, first.input_urls) == (1, "S1", "Product 1", planned.input_urls)
    assert first.results == (ImageResult(),) * 3
    assert (first.state, first.fence, first.lost, first.round) == (ProductState.READY, 0, 0, 0)
    assert (second.row, second.serial, second.product_name, second.input_urls) == (9, odd.serial, odd.product_name, odd.input_urls)


async def test_a_draft_is_invisible(states: StateStore) -> None:
    request = draft(owner="shop", idempotency_key="k")
    await states.create(request)
    await states.add_products(request.id, rows(3))
    assert await states.request(request.id) is None
    assert await states.products(request.id) == []
    assert (await states.requests(None, limit=10)).items == ()
    assert await states.by_idempotency_key("shop", "k") is None
    assert await states.open_requests("shop") == 0
    assert await states.to_finish() == []
    assert await states.claim("worker", 10, lease=LEASE) == []
    assert not await states.cancel(request.id)
    assert not await states.retry(request.id)
    assert set((await states.figures()).values()) == {0}


async def test_rows_come_in_chunks_and_keep_their_order(states: StateStore) -> None:
    request = draft()
    await states.create(request)
    for first in (1, 4, 7):
        await states.add_products(request.id, rows(3, first=first))
    await publish(states, request, images=9)
    assert [product.row for product in await states.products(request.id)] == list(range(1, 10))
    assert [product.row for product in await states.claim("worker", 20, lease=LEASE)] == list(range(1, 10))


async def test_a_chunk_said_twice_is_added_once(states: StateStore) -> None:
    """As by a caller who heard StoreFailed after all was written."""
    request = draft()
    await states.create(request)
    await states.create(request)
    await states.add_products(request.id, rows(3))
    await states.add_products(request.id, rows(3))
    await states.add_products(request.id, rows(2, first=4))
    first = await publish(states, request, images=5)
    assert await publish(states, request, images=5) == first
    assert len(await states.claim("worker", 20, lease=LEASE)) == 5


async def test_nothing_is_added_to_what_is_published_or_unknown(states: StateStore) -> None:
    request = await upload(states)
    with pytest.raises(HalveError, match=str(request.id)):
        await states.add_products(request.id, rows(1, first=9))
    stranger = uuid4()
    with pytest.raises(HalveError, match=str(stranger)):
        await states.add_products(stranger, rows(1))
    with pytest.raises(HalveError, match=str(stranger)):
        await states.publish(stranger, input_key="in", total_images=1, total_rows=1, failed_rows=0, repairs=())
    assert len(await states.products(request.id)) == 3


async def test_an_erased_draft_stays_erased(states: StateStore) -> None:
    request = draft()
    await states.create(request)
    await states.add_products(request.id, rows(3))
    await states.erase(request.id)
    with pytest.raises(HalveError):
        await publish(states, request, images=3)
    assert await states.claim("worker", 10, lease=LEASE) == []


async def test_the_same_key_of_the_same_owner_gives_the_request_that_was_published_first(states: StateStore) -> None:
    first = await upload(states, owner="a", idempotency_key="k", fingerprint="1")
    other = await upload(states, owner="b", idempotency_key="k", fingerprint="2")
    loser = draft(owner="a", idempotency_key="k", fingerprint="3")
    await states.create(loser)
    await states.add_products(loser.id, rows(3))
    assert await publish(states, loser, images=3) == first
    assert other.id != first.id
    assert await states.request(loser.id) is None
    assert await states.products(loser.id) == []
    assert await states.by_idempotency_key("a", "k") == first
    assert await states.by_idempotency_key("a", "other") is None
    assert len(await states.claim("worker", 20, lease=LEASE)) == 6


async def test_the_key_is_free_again_when_its_request_is_erased(states: StateStore) -> None:
    first = await upload(states, idempotency_key="k")
    await states.erase(first.id)
    assert await states.by_idempotency_key("", "k") is None
    assert (await upload(states, idempotency_key="k")).id != first.id


async def test_of_uploads_at_once_under_one_key_one_wins(states: StateStore) -> None:
    published = await asyncio.gather(*(upload(states, idempotency_key="k") for _ in range(8)))
    assert len({request.id for request in published}) == 1
    assert len((await states.requests(None, limit=20)).items) == 1
    assert len(await states.claim("worker", 100, lease=LEASE)) == 3


async def test_requests_are_listed_newest_first_page_by_page(states: StateStore) -> None:
    mine = [await upload(states, 1, owner="me") for _ in range(5)]
    theirs = await upload(states, 1, owner="them")
    seen, cursor = [], None
    for _ in range(3):
        page = await states.requests("me", limit=2, cursor=cursor)
        seen += [request.id for request in page.items]
        cursor = page.next
    assert cursor is None
    assert seen == [request.id for request in reversed(mine)]
    everyone = await states.requests(None, limit=6)
    assert [request.id for request in everyone.items] == [theirs.id, *seen]
    assert everyone.next is None


async def test_a_cursor_that_was_not_given_out_is_refused(states: StateStore) -> None:
    for cursor in ("", "x", "-1", "1e9", "９", "9" * 400, "'; --"):
        with pytest.raises(HalveError) as caught:
            await states.requests(None, limit=2, cursor=cursor)
        assert caught.value.code == "option_refused", cursor


async def test_a_large_request_is_read_page_by_page(states: StateStore, several_lots: int) -> None:
    request = await upload(states, several_lots)
    limit = several_lots * 2 // 5
    seen: list[int] = []
    while page := await states.products(request.id, after_row=seen[-1] if seen else 0, limit=limit):
        assert len(page) <= limit
        seen += [product.row for product in page]
    assert seen == list(range(1, several_lots + 1))


async def test_open_requests_are_counted_by_owner(states: StateStore) -> None:
    for owner in ("a", "a", "b"):
        await upload(states, 1, owner=owner)
    assert [await states.open_requests(owner) for owner in ("a", "b", "c")] == [2, 1, 0]
    assert (await known(states, (await upload(states, 1, owner="a")).id)).owner == "a"
    assert await states.open_requests("a") == 3
