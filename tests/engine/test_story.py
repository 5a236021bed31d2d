"""Sheets through the whole of it: a real origin, real codec children, a real database, a real folder."""

import asyncio
import json
import logging
import shutil
import sqlite3
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp import web

from halve.core.errors import StoreFailed
from halve.core.models import Delivery, DeliveryKind, DeliveryState, ImageState, Mode, ProductState, Request, Status
from halve.core.naming import sheet_key
from halve.core.ports import Answer
from halve.engine import finishing, retrying, worker
from halve.engine.holder import Holder
from halve.engine.tempo import ALONE
from halve.images.files import FileImages
from halve.outbound import schedule
from halve.outbound.signing import verify
from halve.wiring import Parts, open_cluster_worker, open_parts, open_worker
from tests.support.origin import Origin
from tests.support.photos import photo
from tests.support.shop import image_behind, open_shop, output_rows, settings_for, sheet_of, stored, the_end, upload

PHOTO = photo("coffee", quality=92)
OTHER = photo("rocket", quality=92)


@pytest.fixture
def origin() -> Iterator[Origin]:
    with Origin() as origin:
        origin.serve("/a.jpg", PHOTO)
        origin.serve("/b.jpg", OTHER)
        yield origin


async def test_a_sheet_comes_back_with_links_to_lighter_pictures(tmp_path: Path, origin: Origin) -> None:
    async with open_shop(tmp_path) as shop:
        sheet = sheet_of([("Cup", [origin.url("/a.jpg"), origin.url("/b.jpg")])])
        request = await the_end(shop, (await upload(shop, sheet)).id)
        assert (request.status, request.done_images, request.failed_images) == (Status.COMPLETED, 2, 0)
        assert request.bytes_in == len(PHOTO) + len(OTHER)
        assert request.bytes_out < request.bytes_in * 0.6
        [row] = await output_rows(shop, request)
        links = row["Output Image Urls"].split(", ")
        pictures = [await image_behind(shop, link) for link in links]
        assert [picture[:3] for picture in pictures] == [b"\xff\xd8\xff"] * 2
        assert sum(map(len, pictures)) == request.bytes_out
        assert row["Image Errors"] == ""
        assert request.failed_key is None


async def test_one_failed_image_does_not_leave_the_request_pending(tmp_path: Path, origin: Origin) -> None:
    async with open_shop(tmp_path) as shop:
        sheet = sheet_of([("Cup", [origin.url("/a.jpg")]), ("Ghost", [origin.url("/gone.jpg")])])
        request = await the_end(shop, (await upload(shop, sheet)).id)
        assert (request.status, request.done_images, request.failed_images, request.percent) == (Status.COMPLETED, 1, 1, 100)


async def test_a_request_of_which_nothing_succeeded_has_failed(tmp_path: Path, origin: Origin) -> None:
    async with open_shop(tmp_path) as shop:
        request = await the_end(shop, (await upload(shop, sheet_of([("Ghost", [origin.url("/gone.jpg")])]))).id)
        assert (request.status, request.failed_images) == (Status.FAILED, 1)
        assert await output_rows(shop, request)


async def test_a_failed_url_does_not_shift_the_ones_behind_it(tmp_path: Path, origin: Origin) -> None:
    async with open_shop(tmp_path) as shop:
        urls = [origin.url("/a.jpg"), origin.url("/gone.jpg"), origin.url("/b.jpg")]
        request = await the_end(shop, (await upload(shop, sheet_of([("Cup", urls)]))).id)
        [row] = await output_rows(shop, request)
        first, second, third = row["Output Image Urls"].split(", ")
        assert second == ""
        assert row["Image Errors"] == "2: not found (404)"
        assert len(await image_behind(shop, first)) < len(PHOTO)
        assert (await image_behind(shop, first)) != (await image_behind(shop, third))
        failed = (await stored(shop, request.failed_key)).decode()
        assert "/gone.jpg" in failed


async def test_two_products_of_one_name_keep_their_own_pictures(tmp_path: Path, origin: Origin) -> None:
    async with open_shop(tmp_path) as shop:
        sheet = sheet_of([("Cup", [origin.url("/a.jpg")]), ("Cup", [origin.url("/b.jpg")])])
        request = await the_end(shop, (await upload(shop, sheet)).id)
        one, two = [row["Output Image Urls"] for row in await output_rows(shop, request)]
        assert one != two
        assert (await image_behind(shop, one)) != (await image_behind(shop, two))


async def test_outcomes_gather_only_as_long_as_more_may_come(tmp_path: Path, origin: Origin) -> None:
    patient = replace(ALONE, gather=3600.0)
    async with open_shop(tmp_path, worker=False) as shop:
        request = await upload(shop, sheet_of([("Cup", [origin.url("/a.jpg")]), ("Mug", [origin.url("/b.jpg")])]))
        with Holder(tmp_path / "workers") as holder:
            one = worker.Worker(shop.states, shop.images, shop.pipeline, holder, in_flight=4, tempo=patient)
            running = asyncio.create_task(one.run())
            assert (await the_end(shop, request.id)).done_images == 2
            one.stop()
            await running


async def test_a_url_that_stands_many_times_is_fetched_once_and_counts_at_every_place(tmp_path: Path, origin: Origin) -> None:
    origin.latency = 0.05
    async with open_shop(tmp_path) as shop:
        url = origin.url("/a.jpg")
        request = await the_end(shop, (await upload(shop, sheet_of([(f"Cup {n}", [url, url]) for n in range(10)]))).id)
        assert origin.hits("/a.jpg") == 1
        assert (request.total_images, request.done_images) == (20, 20)
        links = [link for row in await output_rows(shop, request) for link in row["Output Image Urls"].split(", ")]
        assert len(set(links)) == 20
        assert len({await image_behind(shop, link) for link in links}) == 1


async def test_a_url_whose_picture_is_gone_from_the_store_meanwhile_is_fetched_again(tmp_path: Path, origin: Origin) -> None:
    async with open_shop(tmp_path, worker=False) as shop:
        request = await upload(shop, sheet_of([(f"Cup {n}", [origin.url("/a.jpg")]) for n in range(2)]))
        first, second = await shop.states.claim("me", 2, lease=60)
        [made] = (await shop.pipeline.process(first, lambda _: None)).results
        await shop.images.delete_folder(request.folder)
        [again] = (await shop.pipeline.process(second, lambda _: None)).results
        assert again.state is ImageState.DONE
        assert again.key != made.key
        assert len(await stored(shop, again.key)) == made.bytes_out


async def test_an_origin_that_fails_in_passing_is_asked_again(tmp_path: Path, origin: Origin) -> None:
    origin.flaky("/flaky.jpg", PHOTO, failures=2, status=503)
    async with open_shop(tmp_path) as shop:
        request = await the_end(shop, (await upload(shop, sheet_of([("Cup", [origin.url("/flaky.jpg")])]))).id)
        assert (request.status, request.failed_images, origin.hits("/flaky.jpg")) == (Status.COMPLETED, 0, 3)


async def test_retries_are_bounded_and_the_good_images_beside_are_fetched_once(tmp_path: Path, origin: Origin) -> None:
    origin.status("/broken.jpg", 500)
    async with open_shop(tmp_path, fetch_retries=1) as shop:
        urls = [origin.url("/a.jpg"), origin.url("/broken.jpg")]
        request = await the_end(shop, (await upload(shop, sheet_of([("Cup", urls)]))).id)
        assert (request.done_images, request.failed_images) == (1, 1)
        assert (origin.hits("/a.jpg"), origin.hits("/broken.jpg")) == (1, 2)
        [row] = await output_rows(shop, request)
        assert row["Image Errors"] == "2: server error (500)"


async def test_a_webhook_is_sent_until_it_arrives_always_under_one_id(
    tmp_path: Path, origin: Origin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schedule, "RETRY_SCHEDULE", (0.0, 0.1))
    origin.flaky("/hook", b"thanks", failures=1, status=500)
    async with open_shop(tmp_path) as shop:
        request = await upload(shop, sheet_of([("Cup", [origin.url("/a.jpg")])]), webhook_url=origin.url("/hook"))
        await the_end(shop, request.id)
        async with asyncio.timeout(20):
            while (await shop.states.deliveries(request.id))[0].state is not DeliveryState.DELIVERED:
                await asyncio.sleep(0.05)
        [delivery] = await shop.states.deliveries(request.id)
        secret = await shop.states.secret("webhook", lambda: "not made again")
        hooks = origin.seen("/hook")
        assert [hook.headers["webhook-id"] for hook in hooks] == [str(delivery.id)] * 2
        for hook in hooks:
            verify(secret, hook.headers, hook.body)
        told = json.loads(hooks[-1].body)
        assert told["request_id"] == str(request.id)
        assert (told["status"], told["total_images"], told["no_img_compressed"], told["failed_images"]) == ("completed", 1, 1, 0)
        assert told["csv_url"] == told["output_csv_url"] == f"http://shop.test/download/{request.id}"


async def test_a_cancelled_request_has_its_sheet_and_is_cancelled_for_good(tmp_path: Path, origin: Origin) -> None:
    origin.latency = 0.2
    async with open_shop(tmp_path, in_flight=4) as shop:
        rows = [(f"Cup {n}", [origin.url(f"/a.jpg?n={n}")]) for n in range(200)]
        request = await upload(shop, sheet_of(rows), webhook_url=origin.url("/hook"))
        while not (await shop.states.request(request.id)).done_images:  # type: ignore[union-attr]
            await asyncio.sleep(0.02)
        assert await shop.states.cancel(request.id)
        assert not await shop.states.cancel(request.id)
        request = await the_end(shop, request.id)
        assert request.status is Status.CANCELLED
        assert 0 < request.done_images < 200
        rows_out = await output_rows(shop, request)
        assert len(rows_out) == 200
        assert sum(bool(row["Output Image Urls"]) for row in rows_out) == request.done_images
        assert {row["Image Errors"] for row in rows_out} == {"", "1: cancelled"}
        after = origin.hits("/a.jpg")
        await asyncio.sleep(0.5)
        assert origin.hits("/a.jpg") <= after + 4


class WatchedImages(FileImages):
    """Tells, before a file is stored, under which key."""

    watch: Callable[[str], Awaitable[object]]

    async def put(self, key: str, data: bytes | Path, *, content_type: str) -> None:
        await self.watch(key)
        await super().put(key, data, content_type=content_type)


async def test_a_request_cancelled_while_its_last_sheet_is_written_sends_no_mail(tmp_path: Path, origin: Origin) -> None:
    images = WatchedImages(tmp_path / "images")
    async with open_parts(settings_for(tmp_path), images=images) as shop:

        async def cancel_at_the_output(key: str) -> None:
            if key == sheet_key(request, "output"):
                await shop.states.cancel(request.id)

        images.watch = lambda _: asyncio.sleep(0)
        sheet = sheet_of([("Cup", [origin.url("/a.jpg")])])
        request = await upload(shop, sheet, email="me@shop.test", webhook_url=origin.url("/hook"))
        [product] = await shop.states.claim("me", 1, lease=60)
        assert await shop.states.record([await shop.pipeline.process(product, lambda _: None)]) == {request.id}
        images.watch = cancel_at_the_output
        while not await shop.pipeline.finish(request.id):
            assert await shop.states.deliveries(request.id) == []
        assert (await the_end(shop, request.id)).status is Status.CANCELLED
        assert [delivery.kind for delivery in await shop.states.deliveries(request.id)] == [DeliveryKind.WEBHOOK]


async def test_an_email_still_owed_when_a_retry_is_cancelled_is_given_up(tmp_path: Path, origin: Origin) -> None:
    async with open_shop(tmp_path, worker=False) as shop:
        request = await upload(shop, sheet_of([("Ghost", [origin.url("/gone.jpg")])]), email="me@shop.test")
        [product] = await shop.states.claim("me", 1, lease=60)
        await shop.states.record([await shop.pipeline.process(product, lambda _: None)])
        assert await shop.pipeline.finish(request.id)
        assert await shop.states.retry(request.id)
        assert await shop.states.cancel(request.id)
        assert await shop.pipeline.finish(request.id)
        [owed] = await shop.states.claim_deliveries("me", 5, lease=60)
        await shop.pipeline.notify(owed)
        [told] = await shop.states.deliveries(request.id)
        assert (told.kind, told.state, told.last_answer) == (
            DeliveryKind.EMAIL,
            DeliveryState.FAILED,
            "the request was cancelled",
        )


async def test_retry_runs_what_failed_alone_and_notifies_anew(tmp_path: Path, origin: Origin) -> None:
    origin.serve("/hook", b"thanks")
    async with open_shop(tmp_path) as shop:
        rows = [("Cup", [origin.url("/a.jpg"), origin.url("/late.jpg")]), ("Mug", [origin.url("/b.jpg")])]
        request = await upload(shop, sheet_of(rows), webhook_url=origin.url("/hook"))
        first = await the_end(shop, request.id)
        assert (first.done_images, first.failed_images) == (2, 1)
        origin.serve("/late.jpg", OTHER)
        assert await shop.states.retry(request.id)
        second = await the_end(shop, request.id)
        assert (second.status, second.done_images, second.failed_images) == (Status.COMPLETED, 3, 0)
        assert (origin.hits("/a.jpg"), origin.hits("/b.jpg"), origin.hits("/late.jpg")) == (1, 1, 2)
        assert not await shop.states.retry(request.id)
        async with asyncio.timeout(20):
            while origin.hits("/hook") < 2:
                await asyncio.sleep(0.05)
        ids = {hook.headers["webhook-id"] for hook in origin.seen("/hook")}
        assert len(ids) == 2


async def test_bad_rows_of_a_lenient_sheet_are_told_and_disturb_nothing(tmp_path: Path, origin: Origin) -> None:
    async with open_shop(tmp_path) as shop:
        sheet = sheet_of([("Cup", [origin.url("/a.jpg")]), ("", [origin.url("/b.jpg")]), ("Mug", [origin.url("/b.jpg")])])
        request = await the_end(shop, (await upload(shop, sheet, mode=Mode.LENIENT)).id)
        assert (request.status, request.total_images, request.done_images, request.failed_rows) == (Status.COMPLETED, 2, 2, 1)
        rows = await output_rows(shop, request)
        assert [bool(row["Output Image Urls"]) for row in rows] == [True, False, True]
        assert rows[1]["Image Errors"]


async def test_a_product_that_keeps_losing_its_workers_is_given_up_as_poison(tmp_path: Path, origin: Origin) -> None:
    async with open_shop(tmp_path, worker=False) as shop:
        request = await upload(shop, sheet_of([("Cup", [origin.url("/a.jpg")])]))
        for n in range(10):
            assert len(await shop.states.claim(f"ghost {n}", 1, lease=0)) == 1
            await shop.states.sweep()
        [product] = await shop.states.claim("me", 1, lease=60)
        assert product.lost == 10
        outcome = await shop.pipeline.process(product, lambda _: None)
        assert outcome.state is ProductState.FAILED
        assert outcome.results[0].error_code == "poison"
        assert origin.hits("/a.jpg") == 0
        assert request.id == product.request_id


async def test_what_the_database_has_forgotten_is_done_again_though_its_worker_lives(
    tmp_path: Path, origin: Origin, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after a standby took over without the last commits: leased to one that has ended it, and renews its leases."""
    monkeypatch.setattr(worker, "LEASE", 0.6)
    due = asyncio.Event()
    async with open_shop(tmp_path, worker=False) as shop, open_cluster_worker(shop, on_due=due.set) as alive:
        request = await upload(shop, sheet_of([("Cup", [origin.url("/a.jpg")])]))
        [_] = await shop.states.claim(alive._holder.name, 1, lease=0.6)
        await asyncio.wait_for(due.wait(), 10)
        await alive.stint(1)
        assert (await the_end(shop, request.id)).done_images == 1


async def test_a_product_that_lost_some_workers_runs_with_nothing_beside_it(
    tmp_path: Path, origin: Origin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "AFTER_FAILURE", 0.2)
    now, busy_beside = 0, []

    def picture(suspicious: bool):  # type: ignore[no-untyped-def]
        async def handler(_: web.Request) -> web.Response:
            nonlocal now
            now += 1
            await asyncio.sleep(0.1)
            if suspicious:
                busy_beside.append(now)
            now -= 1
            return web.Response(body=PHOTO, content_type="image/jpeg")

        return handler

    origin.route("/a.jpg", picture(suspicious=False))
    origin.route("/b.jpg", picture(suspicious=True))
    async with open_shop(tmp_path, worker=False) as shop:
        suspect = await upload(shop, sheet_of([(f"Suspect {n}", [origin.url(f"/b.jpg?n={n}")]) for n in range(3)]))
        for n in range(5):
            await shop.states.claim(f"ghost {n}", 3, lease=0)
            await shop.states.sweep()
        others = await upload(shop, sheet_of([(f"Cup {n}", [origin.url(f"/a.jpg?n={n}")]) for n in range(20)]))
    async with open_shop(tmp_path) as shop:
        assert (await the_end(shop, suspect.id)).done_images == 3
        assert (await the_end(shop, others.id)).done_images == 20
    assert busy_beside == [1, 1, 1]


async def test_a_request_erased_while_in_work_leaves_the_worker_well(tmp_path: Path, origin: Origin) -> None:
    origin.latency = 0.2
    async with open_shop(tmp_path) as shop:
        doomed = await upload(shop, sheet_of([(f"Cup {n}", [origin.url(f"/a.jpg?n={n}")]) for n in range(30)]))
        await asyncio.sleep(0.1)
        await shop.states.erase(doomed.id)
        await shop.images.delete_folder(doomed.folder)
        origin.latency = 0
        request = await the_end(shop, (await upload(shop, sheet_of([("Mug", [origin.url("/b.jpg")])]))).id)
        assert request.status is Status.COMPLETED
        assert await shop.states.request(doomed.id) is None


async def test_a_request_whose_files_are_gone_already_ends_in_nothing(tmp_path: Path) -> None:
    """Erasing takes the files first; whoever comes to the end in between finds no sheet to write on."""
    async with open_shop(tmp_path, worker=False) as shop:
        request = await upload(shop, sheet_of([("Cup", ["https://shop.test/cup.jpg"])]))
        assert await shop.states.cancel(request.id)
        await shop.images.delete_folder(request.folder)
        assert not await shop.pipeline.finish(request.id)


async def test_a_spool_that_was_cleaned_away_is_made_again(tmp_path: Path, origin: Origin) -> None:
    async with open_shop(tmp_path, worker=False) as shop:
        request = await upload(shop, sheet_of([("Cup", [origin.url("/a.jpg")])]))
        shutil.rmtree(shop.spool)
        async with open_worker(shop):
            assert (await the_end(shop, request.id)).status is Status.COMPLETED


async def test_a_request_that_lost_its_sheet_is_a_store_that_failed(tmp_path: Path, origin: Origin) -> None:
    async with open_shop(tmp_path, worker=False) as shop:
        request = await upload(shop, sheet_of([("Cup", [origin.url("/a.jpg")])]))
        [product] = await shop.states.claim("me", 1, lease=60)
        await shop.states.record([await shop.pipeline.process(product, lambda _: None)])
        await shop.images.delete_folder(request.folder)
        with pytest.raises(StoreFailed, match="sheet of request"):
            await shop.pipeline.finish(request.id)


async def test_a_cancelled_one_that_lost_its_sheet_is_one_too_unless_it_is_soon_gone(tmp_path: Path, origin: Origin) -> None:
    """It may be erased at this moment, which is no fault; one whose store was moved stays."""
    async with open_shop(tmp_path, worker=False) as shop:
        request = await upload(shop, sheet_of([("Cup", [origin.url("/a.jpg")])]))
        await shop.states.cancel(request.id)
        await shop.images.delete_folder(request.folder)
        assert not await shop.pipeline.finish(request.id)
        with pytest.raises(StoreFailed, match="HALVE_STORAGE_URL"):
            await shop.pipeline.finish(request.id)
        await shop.states.erase(request.id)
        assert not await shop.pipeline.finish(request.id)


async def test_a_worker_with_another_store_than_the_servers_leaves_the_work_to_others(
    tmp_path: Path, origin: Origin, caplog: pytest.LogCaptureFixture
) -> None:
    url = f"sqlite:///{tmp_path}/shared.db"
    async with open_shop(tmp_path / "here", database_url=url, worker=False) as shop:
        request = await upload(shop, sheet_of([("Cup", [origin.url("/a.jpg")])]))
        with caplog.at_level(logging.ERROR):
            async with open_shop(tmp_path / "elsewhere", database_url=url):
                await asyncio.sleep(0.5)
        assert "HALVE_STORAGE_URL" in str([vars(record) for record in caplog.records])
        assert origin.hits("/a.jpg") == 0
        async with open_worker(shop):
            [row] = await output_rows(shop, await the_end(shop, request.id))
        assert await image_behind(shop, row["Output Image Urls"])


async def test_results_tell_sizes_formats_and_states(tmp_path: Path, origin: Origin) -> None:
    async with open_shop(tmp_path) as shop:
        request = await the_end(shop, (await upload(shop, sheet_of([("Cup", [origin.url("/a.jpg")])]))).id)
        [product] = await shop.states.products(request.id)
        [result] = product.results
        assert (result.state, result.format, result.width, result.height) == (ImageState.DONE, "jpeg", 600, 400)
        assert (result.bytes_in, result.bytes_out, result.attempts) == (len(PHOTO), request.bytes_out, 1)
        assert replace(product, results=()).product_name == "Cup"


@pytest.fixture
async def owing(tmp_path: Path, origin: Origin) -> AsyncIterator[tuple[Parts, Request]]:
    """A shop without a worker, and a finished request whose webhook is due."""
    async with open_shop(tmp_path, worker=False) as shop:
        request = await upload(shop, sheet_of([("Cup", [origin.url("/a.jpg")])]), webhook_url=origin.url("/hook"))
        [product] = await shop.states.claim("me", 1, lease=60)
        await shop.states.record([await shop.pipeline.process(product, lambda _: None)])
        assert await shop.pipeline.finish(request.id)
        yield shop, request


async def stopping_takes(shop: Parts, *, once: Callable[[], bool]) -> float:
    """Seconds that a worker takes to stop, with half a second of grace, once that is so."""
    async with asyncio.timeout(20):
        async with open_worker(shop, grace=0.5):
            while not once():
                await asyncio.sleep(0.02)
            began = time.monotonic()
        return time.monotonic() - began


async def test_a_receiver_that_does_not_answer_holds_up_no_worker_that_stops(owing: tuple[Parts, Request], origin: Origin) -> None:
    shop, request = owing

    async def silence(_: web.Request) -> web.Response:
        await asyncio.sleep(5)
        return web.Response()

    origin.route("/hook", silence)
    assert await stopping_takes(shop, once=lambda: origin.hits("/hook") > 0) < 3
    origin.serve("/hook", b"thanks")
    async with open_worker(shop), asyncio.timeout(20):
        while (await shop.states.deliveries(request.id))[0].state is not DeliveryState.DELIVERED:
            await asyncio.sleep(0.05)


async def test_a_worker_that_stops_begins_with_no_notification(tmp_path: Path, origin: Origin) -> None:
    """It would be cut off: an attempt fewer, and another one only when the lease is over."""

    def after(seconds: float) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def answer(_: web.Request) -> web.Response:
            await asyncio.sleep(seconds)
            return web.Response(body=PHOTO)

        return answer

    origin.route("/soon.jpg", after(0.5))
    origin.route("/late.jpg", after(2.0))
    origin.route("/hook", after(5.0))
    async with open_shop(tmp_path, worker=False) as shop:
        soon = await upload(shop, sheet_of([("Cup", [origin.url("/soon.jpg")])]), webhook_url=origin.url("/hook"))
        await upload(shop, sheet_of([("Mug", [origin.url("/late.jpg")])]))
        async with asyncio.timeout(20), open_worker(shop, grace=10):
            while not (origin.hits("/soon.jpg") and origin.hits("/late.jpg")):
                await asyncio.sleep(0.02)
        [delivery] = await shop.states.deliveries(soon.id)
        assert (delivery.state, delivery.attempts, origin.hits("/hook")) == (DeliveryState.DUE, 0, 0)


async def test_a_store_that_fails_holds_up_no_worker_that_stops(
    owing: tuple[Parts, Request], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    shop, _ = owing
    monkeypatch.setattr(retrying, "PAUSE", 15.0)
    with closing(sqlite3.connect(shop.settings.data_dir / "halve.db")) as database:
        database.execute("DROP TABLE products")
    assert await stopping_takes(shop, once=lambda: "store failed" in caplog.text) < 3


async def test_a_notification_that_fails_for_no_known_reason_is_tried_again(owing: tuple[Parts, Request]) -> None:
    class Broken:
        async def send(self, delivery: Delivery, body: bytes) -> Answer:
            raise ValueError("nobody thought of that")

        async def close(self) -> None: ...

    shop, request = owing
    shop.pipeline._webhooks = Broken()
    [delivery] = await shop.states.claim_deliveries("me", 1, lease=60)
    await shop.pipeline.notify(delivery)
    [delivery] = await shop.states.deliveries(request.id)
    assert (delivery.state, delivery.last_answer) == (DeliveryState.DUE, "internal error, see the log")


async def test_no_more_notifications_are_under_way_than_a_worker_can_bear(
    tmp_path: Path, origin: Origin, monkeypatch: pytest.MonkeyPatch
) -> None:
    under_way, told, most = 0, 0, 0

    class Slow:
        async def send(self, delivery: Delivery, body: bytes) -> Answer:
            nonlocal under_way, told, most
            under_way += 1
            most = max(most, under_way)
            await asyncio.sleep(0.3)
            under_way, told = under_way - 1, told + 1
            return Answer(delivered=True, text="200")

        async def close(self) -> None: ...

    monkeypatch.setattr(finishing, "UNDER_WAY", 2)
    async with open_shop(tmp_path, worker=False) as shop:
        shop.pipeline._webhooks = Slow()
        for _ in range(5):
            await upload(shop, sheet_of([("Cup", [origin.url("/a.jpg")])]), webhook_url=origin.url("/hook"))
        async with asyncio.timeout(30), open_worker(shop):
            while told < 5:
                await asyncio.sleep(0.05)
    assert most == 2


async def test_a_finished_request_is_erased_when_it_was_kept_long_enough(tmp_path: Path, origin: Origin) -> None:
    async with open_shop(tmp_path, keep_days=2 / 86400) as shop:
        request = await the_end(shop, (await upload(shop, sheet_of([("Cup", [origin.url("/a.jpg")])]))).id)
        assert request.output_key is not None
        async with asyncio.timeout(20):
            while await shop.states.request(request.id) is not None:
                await asyncio.sleep(0.1)
        assert await shop.images.stat(request.output_key) is None


async def test_what_cannot_be_deleted_of_one_request_keeps_no_other_for_longer(
    tmp_path: Path, origin: Origin, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_shop(tmp_path) as shop:
        sheet = sheet_of([("Cup", [origin.url("/a.jpg")])])
        held, other = [await the_end(shop, (await upload(shop, sheet)).id) for _ in range(2)]
    async with open_shop(tmp_path, worker=False, keep_days=1 / 86400) as shop:
        delete_folder = shop.images.delete_folder

        async def with_a_hold_on_one(folder: str) -> None:
            if folder == held.folder:
                raise StoreFailed("The bucket could not be deleted from: AccessDenied.")
            await delete_folder(folder)

        monkeypatch.setattr(shop.images, "delete_folder", with_a_hold_on_one)
        async with asyncio.timeout(20), open_worker(shop):
            while await shop.states.request(other.id) is not None:
                await asyncio.sleep(0.05)
        assert await shop.states.request(held.id) is not None


async def test_a_request_that_is_retried_when_it_was_kept_long_enough_is_not_erased(
    tmp_path: Path, origin: Origin, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_shop(tmp_path) as shop:
        request = await the_end(shop, (await upload(shop, sheet_of([("Ghost", [origin.url("/gone.jpg")])]))).id)
    async with open_shop(tmp_path, worker=False, keep_days=2 / 86400) as shop:
        expired, listed = shop.states.expired, asyncio.Event()

        async def listed_then_retried(*, days: float) -> list[Request]:
            found = await expired(days=days)
            if found:
                origin.serve("/gone.jpg", PHOTO)
                await shop.states.retry(request.id)
                listed.set()
            return found

        monkeypatch.setattr(shop.states, "expired", listed_then_retried)
        async with asyncio.timeout(20), open_worker(shop):
            await listed.wait()
            while (present := await shop.states.request(request.id)) is not None and not present.finished:
                await asyncio.sleep(0.05)
        assert present is not None
        assert present.done_images == 1
