"""What Cloudinary does beyond the contract: bytes as they are, links that last, sheets that nobody else can open."""

from __future__ import annotations

import os
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from unittest import mock

import pytest

from halve.core.errors import ImageFailed, NotFound, OptionRefused, StoreFailed
from halve.images import cloudinary, cloudinary_delivery
from halve.images.cloudinary import PART, CloudinaryImages
from halve.images.cloudinary_account import read_account
from halve.images.cloudinary_delivery import Gone, fetch_part
from halve.images.windows import WINDOW
from tests.support.cloudinary import CLOUD, REFUSED, SECRET, FakeCloudinary
from tests.support.origin import Origin
from tests.support.photos import photo
from tests.support.s3 import LOOPBACK
from tests.support.server import free_port

FOLDER = "0123456789abcdef"
KEY = f"{FOLDER}/0123456789abcdef01234567.jpg"
SHEET = f"{FOLDER}/76543210fedcba9876543210.csv"
PUBLIC_ID = KEY.removesuffix(".jpg")


@pytest.fixture(autouse=True)
def _quick_and_alone(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(cloudinary, "PAUSE", 0.01)
    monkeypatch.setattr(cloudinary_delivery, "PAUSE", 0.01)
    monkeypatch.delenv("CLOUDINARY_URL", raising=False)
    with mock.patch.dict(os.environ, LOOPBACK):
        yield


@pytest.fixture
def server() -> Iterator[FakeCloudinary]:
    with FakeCloudinary() as running:
        yield running


@pytest.fixture
async def images(server: FakeCloudinary) -> AsyncIterator[CloudinaryImages]:
    store = CloudinaryImages(server.storage_url)
    yield store
    await store.close()


async def get(store: CloudinaryImages, key: str) -> bytes:
    return b"".join([piece async for piece in store.read(key)])


def browse(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=10) as answer:
        return bytes(answer.read())


# ── images ────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("format", "extension"), [("jpeg", "jpg"), ("png", "png"), ("webp", "webp")])
async def test_an_image_gets_a_link_that_any_browser_opens(images: CloudinaryImages, format: str, extension: str) -> None:
    data = photo("chelsea", width=200, format=format)
    key = KEY.replace(".jpg", f".{extension}")
    link = await images.put(key, data, content_type=f"image/{format}")
    assert link is not None
    assert link.endswith(f"/{PUBLIC_ID}.{extension}")
    assert browse(link) == data
    assert await get(images, key) == data


async def test_an_image_is_stored_as_it_is(images: CloudinaryImages, server: FakeCloudinary) -> None:
    await images.put(KEY, photo("chelsea"), content_type="image/jpeg")
    asset = server.assets["image", "upload", PUBLIC_ID]
    assert asset.data == photo("chelsea")
    assert set(asset.params) == {"api_key", "invalidate", "overwrite", "public_id", "signature", "timestamp", "type"}


async def test_an_image_that_cloudinary_will_not_have_fails_alone(images: CloudinaryImages) -> None:
    with pytest.raises(ImageFailed, match="refused by Cloudinary: Invalid image file") as failed:
        await images.put(KEY, REFUSED, content_type="image/jpeg")
    assert (failed.value.code, failed.value.transient) == ("store_refused", False)


async def test_each_read_passes_the_caches_by(images: CloudinaryImages, server: FakeCloudinary) -> None:
    await images.put(KEY, b"x", content_type="image/jpeg")
    for _ in range(3):
        await get(images, KEY)
    assert len(set(server.delivered)) == 3


# ── sheets ────────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_sheet_has_no_link_and_opens_to_no_one_else(images: CloudinaryImages, server: FakeCloudinary) -> None:
    assert await images.put(SHEET, b"a,b\n", content_type="text/csv") is None
    assert list(server.assets) == [("raw", "authenticated", SHEET)]
    for path in (
        f"/{CLOUD}/raw/upload/{SHEET}",
        f"/{CLOUD}/raw/authenticated/{SHEET}",
        f"/{CLOUD}/raw/authenticated/s--AAAAAAAA--/{SHEET}",
    ):
        with pytest.raises(urllib.error.HTTPError) as refused:
            browse(server.url + path)
        refused.value.close()
        assert refused.value.code in (401, 404)
    assert await get(images, SHEET) == b"a,b\n"


async def test_a_large_sheet_goes_in_parts(images: CloudinaryImages, server: FakeCloudinary, tmp_path: Path) -> None:
    source = tmp_path / "large.csv"
    source.write_bytes(os.urandom(2 * PART + 1))
    await images.put(SHEET, source, content_type="text/csv")
    assert server.calls["upload"] == 3
    assert await get(images, SHEET) == source.read_bytes()


async def test_a_file_that_is_not_there_is_named(images: CloudinaryImages, tmp_path: Path) -> None:
    with pytest.raises(StoreFailed, match=r"gone\.csv cannot be read"):
        await images.put(SHEET, tmp_path / "gone.csv", content_type="text/csv")


# ── folders ───────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_folder_of_many_images_and_sheets_goes_whole(images: CloudinaryImages, server: FakeCloudinary) -> None:
    await images.put(KEY, b"x", content_type="image/jpeg")
    await images.put(SHEET, b"x", content_type="text/csv")
    await images.put(f"{FOLDER}0/other.jpg", b"x", content_type="image/jpeg")
    one = server.assets["image", "upload", PUBLIC_ID]
    server.assets |= {("image", "upload", f"{FOLDER}/{n}"): one for n in range(250)}
    await images.delete_folder(FOLDER)
    assert list(server.assets) == [("image", "upload", f"{FOLDER}0/other")]


async def test_being_ready_leaves_nothing(images: CloudinaryImages, server: FakeCloudinary) -> None:
    await images.ready()
    assert server.assets == {}
    assert server.calls["upload"] == server.calls["destroy"] == 1


# ── trouble ───────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_wrong_secret_is_said_so_and_stores_nothing(server: FakeCloudinary) -> None:
    store = CloudinaryImages(server.storage_url.replace(SECRET, "wrong-secret"))
    with pytest.raises(StoreFailed, match="Check cloud, key and secret in HALVE_STORAGE_URL or CLOUDINARY_URL") as refused:
        await store.ready()
    assert "wrong-secret" not in str(refused.value)
    assert server.assets == {}
    with pytest.raises(StoreFailed, match="Check cloud, key and secret"):
        await store.delete_folder(FOLDER)
    await store.close()


async def test_passing_trouble_is_overcome(images: CloudinaryImages, server: FakeCloudinary) -> None:
    server.trouble = [(500, "oh"), (503, "busy")]
    assert await images.put(KEY, b"bytes", content_type="image/jpeg")
    server.trouble = [(502, "oh"), (503, "busy")]
    assert await get(images, KEY) == b"bytes"


async def test_lasting_trouble_is_told(images: CloudinaryImages, server: FakeCloudinary) -> None:
    server.trouble = [(500, "General Error")] * 3
    with pytest.raises(StoreFailed, match="General Error"):
        await images.put(KEY, b"bytes", content_type="image/jpeg")
    assert server.trouble == []
    server.trouble = [(503, "no storage")] * 3
    with pytest.raises(StoreFailed, match="no storage"):
        await get(images, KEY)


async def test_a_reached_rate_limit_is_told_at_once(images: CloudinaryImages, server: FakeCloudinary) -> None:
    server.trouble = [(420, "Rate Limit Exceeded. Limit of 500 api operations reached.")]
    with pytest.raises(StoreFailed, match=r"rate limit is reached.*Limit of 500"):
        await images.delete_folder(FOLDER)
    assert server.calls["delete"] == 0


async def test_a_server_that_is_not_there_is_said_so() -> None:
    store = CloudinaryImages(f"cloudinary://k:s@cloud?upload_prefix=http://127.0.0.1:{free_port()}")
    with pytest.raises(StoreFailed, match="cannot be reached"):
        await store.put(KEY, b"x", content_type="image/jpeg")
    with pytest.raises(StoreFailed, match="cannot be reached"):
        await store.stat(KEY)
    await store.close()


async def test_what_is_replaced_while_it_is_read_is_never_mixed(images: CloudinaryImages) -> None:
    await images.put(SHEET, b"a" * (WINDOW + 1), content_type="text/csv")
    pieces = images.read(SHEET)
    first = await anext(pieces)
    await images.put(SHEET, b"b" * (WINDOW + 1), content_type="text/csv")
    with pytest.raises(StoreFailed, match="replaced while it was being read"):
        assert {*first, *b"".join([piece async for piece in pieces])} == {ord("a")}


async def test_an_impossible_key_costs_no_question(images: CloudinaryImages, server: FakeCloudinary) -> None:
    assert await images.stat("../secret.jpg") is None
    with pytest.raises(NotFound):
        await get(images, "../secret.jpg")
    assert server.delivered == []


# ── one part over HTTP ────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_server_that_knows_no_ranges_is_read_too() -> None:
    data = bytes(range(256))
    with Origin() as origin:
        url = origin.serve("/a", data)
        for first, stop in ((0, 10), (5, 300), (100, 256), (256, 300)):
            window = fetch_part(url, first, stop, timeout=5)
            assert (bytes(window.data), window.total) == (data[first:stop], len(data))


def test_a_body_cut_short_is_asked_for_again_and_then_told() -> None:
    with Origin() as origin:
        url = origin.cut("/a", bytes(1000), 10)
        with pytest.raises(StoreFailed, match="cannot be reached"):
            fetch_part(url, 0, 1000, timeout=5)
        assert origin.hits("/a") == cloudinary_delivery.ATTEMPTS


def test_a_server_that_says_nothing_is_given_up() -> None:
    with Origin() as origin:
        url = origin.slow_headers("/a", b"x", 5)
        with pytest.raises(StoreFailed, match="timed out"):
            fetch_part(url, 0, 1, timeout=0.1)


@pytest.mark.parametrize("status", [404, 410])
def test_what_is_gone_is_not_asked_for_again(status: int) -> None:
    with Origin() as origin:
        with pytest.raises(Gone):
            fetch_part(origin.status("/a", status), 0, 1, timeout=5)
        assert origin.hits("/a") == 1


# ── accounts ──────────────────────────────────────────────────────────────────────────────────────────────────────────

MADE = {
    "resource_type": "image",
    "type": "upload",
    "public_id": "f/a",
    "version": 12,
    "format": "jpg",
    "secure_url": "https://res.cloudinary.com/shop/image/upload/v12/f/a.jpg",
}


def delivered_at(url: str, environment: dict[str, str] | None = None) -> str:
    """Scheme, host and everything before the version."""
    return read_account(url, environment or {}).delivery_url("image", "upload", "f/a").partition("/v")[0]


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("cloudinary://k:s@shop", "https://res.cloudinary.com/shop/image/upload"),
        ("cloudinary://k:s@shop?upload_prefix=https://api-eu.cloudinary.com", "https://res.cloudinary.com/shop/image/upload"),
        ("cloudinary://k:s@shop?upload_prefix=http://127.0.0.1:8/", "http://127.0.0.1:8/shop/image/upload"),
        ("cloudinary://k:s@shop?private_cdn=true", "https://shop-res.cloudinary.com/image/upload"),
        ("cloudinary://k:s@shop/img.shop.example", "https://img.shop.example/image/upload"),
        ("cloudinary://k:s@shop?secure_distribution=img.shop.example&private_cdn=true", "https://img.shop.example/image/upload"),
    ],
)
def test_delivery_is_where_the_account_has_it(url: str, place: str) -> None:
    assert delivered_at(url) == place


def test_links_are_cloudinarys_own_or_under_the_accounts_name() -> None:
    assert read_account("cloudinary://k:s@shop", {}).link(MADE) == MADE["secure_url"]
    own = read_account("cloudinary://k:s@shop/img.shop.example", {}).link(MADE)
    assert own == "https://img.shop.example/image/upload/v12/f/a.jpg"


@pytest.mark.parametrize(
    ("url", "theirs"),
    [
        ("cloudinary://", "cloudinary://k:s@shop"),
        ("cloudinary://shop", "cloudinary://k:s@shop"),
        ("cloudinary://k:s@shop", ""),
        ("cloudinary://k:s@shop", "cloudinary://other:other@elsewhere"),
        ("cloudinary://k:s@shop", "https://not.cloudinary"),
    ],
)
def test_the_account_is_in_one_url_or_the_other(url: str, theirs: str) -> None:
    options = read_account(url, {"CLOUDINARY_URL": theirs}).options
    assert (options["cloud_name"], options["api_key"], options["api_secret"]) == ("shop", "k", "s")


def test_what_cloudinarys_own_variable_adds_is_taken_for_the_same_cloud_alone() -> None:
    theirs = {"CLOUDINARY_URL": "cloudinary://a:b@shop?upload_prefix=http://127.0.0.1:8"}
    assert read_account("cloudinary://k:s@shop", theirs).options["upload_prefix"] == "http://127.0.0.1:8"
    assert read_account("cloudinary://k:s@shop", theirs).options["api_key"] == "k"
    assert "upload_prefix" not in read_account("cloudinary://k:s@other", theirs).options


@pytest.mark.parametrize(
    "url",
    [
        "cloudinary://",
        "cloudinary://shop",
        "cloudinary://k@shop",
        "cloudinary://k:s@",
        "cloudinary://k:s@shop?upload_prefix=ftp://x",
    ],
)
def test_an_account_that_is_not_whole_is_refused(url: str) -> None:
    with pytest.raises(OptionRefused):
        read_account(url, {})


def test_a_variable_of_cloudinarys_that_is_broken_is_named() -> None:
    program = "from halve.backends import open_images; from halve.settings import read_settings; open_images(read_settings())"
    environment = {**os.environ, "HALVE_STORAGE_URL": "cloudinary://k:s@shop", "CLOUDINARY_URL": "https://k:s@shop"}
    ended = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert "OptionRefused: CLOUDINARY_URL must be cloudinary://key:secret@cloud." in ended.stderr
