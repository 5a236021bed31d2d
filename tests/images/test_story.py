"""Sheets through the whole of it with every kind of store: nothing of a request lies anywhere else, and its links lead there."""

from __future__ import annotations

import asyncio
import csv
import io
import urllib.request
import zipfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import requests

from halve.core.errors import SheetRefused
from halve.core.models import Status
from tests.contract import backends
from tests.support.cloudinary import FakeCloudinary
from tests.support.origin import Origin
from tests.support.photos import photo
from tests.support.serving import hand_in, serving
from tests.support.serving import the_end as finished
from tests.support.shop import image_behind, open_shop, output_rows, sheet_of, stored, the_end, upload

PHOTO = photo("coffee", quality=92)


@pytest.fixture
def origin() -> Iterator[Origin]:
    with Origin() as running:
        running.serve("/a.jpg", PHOTO)
        running.serve("/b.jpg", photo("rocket", quality=92))
        yield running


@pytest.fixture(params=[scheme for scheme in backends.IMAGES if scheme != "file"])
async def storage_url(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[str]:
    async with backends.IMAGES[request.param](tmp_path) as url:
        yield url


async def test_a_sheet_comes_back_with_links_that_lead_into_the_store(storage_url: str, tmp_path: Path, origin: Origin) -> None:
    async with open_shop(tmp_path, storage_url=storage_url) as shop:
        urls = [origin.url("/a.jpg"), origin.url("/gone.jpg"), origin.url("/b.jpg"), origin.url("/a.jpg")]
        request = await the_end(shop, (await upload(shop, sheet_of([("Cup", urls)]))).id)
        assert (request.status, request.done_images, request.failed_images) == (Status.COMPLETED, 3, 1)
        [row] = await output_rows(shop, request)
        first, missing, second, again = row["Output Image Urls"].split(", ")
        assert missing == ""
        if storage_url.startswith("cloudinary"):
            pictures = [_browsed(link) for link in (first, second, again)]
        else:
            pictures = [await image_behind(shop, link) for link in (first, second, again)]
        assert sum(map(len, pictures)) == request.bytes_out
        assert pictures[0] == pictures[2]
        assert len(pictures[0]) < len(PHOTO) * 0.6
        assert b"not found" in await stored(shop, request.failed_key)
        assert not (tmp_path / "images").exists()

        await shop.images.delete_folder(request.folder)
        assert request.output_key is not None
        assert await shop.images.stat(request.output_key) is None


async def test_a_sheet_that_is_wrong_is_refused_though_the_store_is_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "nobody")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "nothing")
    async with open_shop(tmp_path, worker=False, storage_url="s3://away") as shop:
        with pytest.raises(SheetRefused, match="no image URL"):
            await upload(shop, sheet_of([("Cup", [])]))


async def test_a_second_sheet_has_its_own_of_what_is_there_already(
    storage_url: str, tmp_path: Path, origin: Origin, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_shop(tmp_path, storage_url=storage_url) as shop:
        sheet = sheet_of([("Cup", [origin.url("/a.jpg")])])
        first = await the_end(shop, (await upload(shop, sheet)).id)
        monkeypatch.delattr(type(shop.pipeline._maker._codec), "compress")  # whoever asks for it now fails
        second = await the_end(shop, (await upload(shop, sheet)).id)
        [before], [after] = [(await shop.states.products(request.id))[0].results for request in (first, second)]
        assert (after.succeeded, after.bytes_out) == (True, before.bytes_out)
        assert (after.key != before.key, after.url != before.url) == (True, True)
        output = await stored(shop, before.key)
        await shop.images.delete_folder(first.folder)
        assert await stored(shop, after.key) == output


async def test_a_server_hands_out_what_lies_in_the_store(storage_url: str, tmp_path: Path, origin: Origin) -> None:
    def story() -> None:
        with serving(tmp_path, storage_url=storage_url, allow_private="127.0.0.0/8") as base:
            handed_in = hand_in(base, sheet_of([("Cup", [origin.url("/a.jpg")])])).json()
            status = finished(base, handed_in["request_id"])
            [row] = csv.DictReader(io.StringIO(requests.get(status["output_csv_url"], timeout=20).text))
            link = row["Output Image Urls"]
            whole = requests.get(link, timeout=20)
            assert (whole.status_code, whole.headers["Content-Type"]) == (200, "image/jpeg")
            part = requests.get(link, headers={"Range": "bytes=10-29"}, timeout=20)
            assert (part.status_code, part.content) == (206, whole.content[10:30])
            head = requests.head(link, timeout=20)
            assert head.headers["Content-Length"] == str(len(whole.content))
            archive = zipfile.ZipFile(io.BytesIO(requests.get(f"{base}/archive/{handed_in['request_id']}", timeout=20).content))
            assert whole.content in [archive.read(name) for name in archive.namelist()]

    await asyncio.to_thread(story)


async def test_with_cloudinary_the_sheet_has_cloudinarys_links(tmp_path: Path, origin: Origin) -> None:
    with FakeCloudinary() as server:
        async with open_shop(tmp_path, storage_url=server.storage_url) as shop:
            request = await the_end(shop, (await upload(shop, sheet_of([("Cup", [origin.url("/a.jpg")])]))).id)
            [row] = await output_rows(shop, request)
        [(_, _, public_id)] = [name for name in server.assets if name[0] == "image"]
        version = server.assets["image", "upload", public_id].version
        assert row["Output Image Urls"] == f"{server.url}/test-cloud/image/upload/v{version}/{public_id}.jpg"


async def test_with_a_public_address_the_links_stand_below_it(tmp_path: Path, origin: Origin) -> None:
    async with (
        backends.IMAGES["gs"](tmp_path) as storage_url,
        open_shop(tmp_path, storage_url=storage_url, public_url="https://cdn.example/some/prefix/") as shop,
    ):
        request = await the_end(shop, (await upload(shop, sheet_of([("Cup", [origin.url("/a.jpg")])]))).id)
        [row] = await output_rows(shop, request)
        place, _, key = row["Output Image Urls"].partition("/prefix/")
        assert place == "https://cdn.example/some"
        assert await stored(shop, key)


def _browsed(link: str) -> bytes:
    with urllib.request.urlopen(link, timeout=10) as answer:
        return bytes(answer.read())
