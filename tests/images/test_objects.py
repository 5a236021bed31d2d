"""What stores of objects do beyond the contract: attributes, prefixes, parts, windows, and what they say when refused."""

from __future__ import annotations

import asyncio
import os
import threading
import time
import urllib.request
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import psutil
import pytest
from aiohttp import web

from halve.core.errors import StoreFailed
from halve.images.objects import IMAGE_CACHE, PART, SHEET_CACHE, ObjectImages
from halve.images.windows import PIECE, WINDOW
from tests.contract.elsewhere import cannot_start
from tests.support import gcs as google
from tests.support.azure import FakeAzure, empty_container
from tests.support.gcs import FakeGcs, empty_gcs_bucket
from tests.support.loopback import Loopback
from tests.support.processes import CannotStart
from tests.support.s3 import LOOPBACK, another_s3, call, empty_bucket, s3_url
from tests.support.server import free_port

FOLDER = "0123456789abcdef"
KEY = f"{FOLDER}/0123456789abcdef01234567.jpg"


@pytest.fixture
def gcs(tmp_path: Path) -> Iterator[tuple[FakeGcs, str]]:
    with empty_gcs_bucket(tmp_path) as found:
        yield found


@pytest.fixture
def azure() -> Iterator[tuple[FakeAzure, str]]:
    with empty_container() as found:
        yield found


@pytest.fixture
def s3() -> Iterator[str]:
    try:
        server = s3_url()
    except CannotStart as error:
        cannot_start("an S3 server (moto)", error)
    with empty_bucket(server) as name:
        yield name


@pytest.fixture
async def open_store() -> AsyncIterator[list[ObjectImages]]:
    stores: list[ObjectImages] = []
    yield stores
    for store in stores:
        await store.close()


async def get(store: ObjectImages, key: str) -> bytes:
    return b"".join([piece async for piece in store.read(key)])


# ── what is kept beside the bytes ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("key", "content_type", "cache"),
    [("a/b.webp", "image/webp", IMAGE_CACHE), ("a/b.csv", "text/csv", SHEET_CACHE), ("a/b.gz", "application/gzip", SHEET_CACHE)],
)
async def test_images_may_be_cached_for_ever_and_sheets_not_at_all(
    key: str, content_type: str, cache: str, s3: str, gcs: tuple[FakeGcs, str], azure: tuple[FakeAzure, str], tmp_path: Path
) -> None:
    source = tmp_path / "large"
    source.write_bytes(bytes(PART + 1))
    expected = {"Content-Type": content_type, "Cache-Control": cache}
    for data in (b"x", source):  # in one request, and in parts
        for url in (f"s3://{s3}/p", f"gs://{gcs[1]}/p", f"az://{azure[1]}/p"):
            store = ObjectImages(url)
            await store.put(key, data, content_type=content_type)
            await store.close()
        assert gcs[0].buckets[gcs[1]][f"p/{key}"].headers == expected
        assert azure[0].containers[azure[1]][f"p/{key}"].headers == expected
        request = urllib.request.Request(f"{s3_url()}/{s3}/p/{key}", headers={"Authorization": "AWS test:anything"})
        with urllib.request.urlopen(request, timeout=10) as answer:
            assert {name: answer.headers[name] for name in expected} == expected


async def test_everything_is_below_the_prefix(gcs: tuple[FakeGcs, str]) -> None:
    server, bucket = gcs
    server.buckets[bucket]["elsewhere/untouched.jpg"] = google.Kept(b"x", {})
    store = ObjectImages(f"gs://{bucket}/some/prefix/")
    await store.put(KEY, b"x", content_type="image/jpeg")
    assert set(server.buckets[bucket]) == {f"some/prefix/{KEY}", "elsewhere/untouched.jpg"}
    assert await store.stat("elsewhere/untouched.jpg") is None
    await store.delete_folder("elsewhere")
    await store.delete_folder(FOLDER)
    assert set(server.buckets[bucket]) == {"elsewhere/untouched.jpg"}


# ── large things ──────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_large_file_goes_in_parts_and_is_never_whole_in_memory(s3: str, tmp_path: Path) -> None:
    size = 96 * 1024 * 1024
    source = tmp_path / "large.csv"
    with source.open("wb") as file:
        file.truncate(size)
    store = ObjectImages(f"s3://{s3}/p")
    await store.put("warm.csv", b"x", content_type="text/csv")
    with _Peak() as peak:
        await store.put("large.csv", source, content_type="text/csv")
        read = 0
        async for piece in store.read("large.csv"):
            read += len(piece)
    assert read == size
    assert peak.growth < 64 * 1024 * 1024, peak.growth


async def test_parts_that_cannot_be_sent_are_taken_back(gcs: tuple[FakeGcs, str], tmp_path: Path) -> None:
    server, bucket = gcs
    source = tmp_path / "large.csv"
    source.write_bytes(bytes(3 * PART))
    store = ObjectImages(f"gs://{bucket}")
    await store.put("warm.csv", b"x", content_type="text/csv")

    class Refusing(dict[int, bytes]):
        def __setitem__(self, number: int, data: bytes) -> None:
            server.trouble.append((400, "no more parts"))
            super().__setitem__(number, data)

    begin = google.Upload
    try:
        google.Upload = lambda headers: begin(headers, Refusing())  # type: ignore[assignment, misc]
        with pytest.raises(StoreFailed, match="could not be written"):
            await store.put("large.csv", source, content_type="text/csv")
    finally:
        google.Upload = begin  # type: ignore[misc]
    server.trouble.clear()
    await asyncio.sleep(0.2)
    assert await store.stat("large.csv") is None


async def test_a_file_that_is_not_there_is_named(gcs: tuple[FakeGcs, str], tmp_path: Path) -> None:
    store = ObjectImages(f"gs://{gcs[1]}")
    with pytest.raises(StoreFailed, match=r"gone\.csv cannot be read"):
        await store.put("a.csv", tmp_path / "gone.csv", content_type="text/csv")


async def test_a_slow_reader_holds_no_connection_and_costs_one_request_a_window(gcs: tuple[FakeGcs, str]) -> None:
    server, bucket = gcs
    store = ObjectImages(f"gs://{bucket}")
    await store.put(KEY, os.urandom(2 * WINDOW + 1), content_type="image/jpeg")
    server.requests.clear()
    pieces = store.read(KEY)
    assert await anext(pieces)
    assert len(server.requests) == 1
    assert len([piece async for piece in pieces]) == 2 * WINDOW // PIECE
    assert len(server.requests) == 3


async def test_what_is_replaced_while_it_is_read_is_never_mixed(gcs: tuple[FakeGcs, str]) -> None:
    store = ObjectImages(f"gs://{gcs[1]}")
    await store.put(KEY, b"a" * (WINDOW + 1), content_type="image/jpeg")
    pieces = store.read(KEY)
    assert await anext(pieces)
    await store.put(KEY, b"b" * (WINDOW + 1), content_type="image/jpeg")
    rest = [await anext(pieces) for _ in range(WINDOW // PIECE - 1)]
    assert set(b"".join(rest)) == {ord("a")}
    with pytest.raises(StoreFailed, match="replaced while it was being read"):
        await anext(pieces)


# ── folders ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("scheme", ["s3", "gs", "az"])
async def test_a_folder_of_many_pages_goes_whole_though_two_delete_it_at_once(
    scheme: str, s3: str, gcs: tuple[FakeGcs, str], azure: tuple[FakeAzure, str]
) -> None:
    store = ObjectImages({"s3": f"s3://{s3}", "gs": f"gs://{gcs[1]}", "az": f"az://{azure[1]}"}[scheme])
    await asyncio.gather(*(store.put(f"{FOLDER}/{n}.jpg", b"x", content_type="image/jpeg") for n in range(230)))
    await asyncio.gather(store.delete_folder(FOLDER), store.delete_folder(FOLDER))
    assert [await store.stat(f"{FOLDER}/{n}.jpg") for n in (0, 115, 229)] == [None] * 3
    await store.close()


# ── trouble ───────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_passing_trouble_is_overcome(gcs: tuple[FakeGcs, str]) -> None:
    server, bucket = gcs
    store = ObjectImages(f"gs://{bucket}")
    server.trouble = [(503, "busy"), (500, "oh"), (503, "busy")]
    await store.put(KEY, b"bytes", content_type="image/jpeg")
    server.trouble = [(503, "busy"), (502, "oh")]
    assert await get(store, KEY) == b"bytes"


async def test_lasting_trouble_ends_and_is_told(gcs: tuple[FakeGcs, str]) -> None:
    server, bucket = gcs
    store = ObjectImages(f"gs://{bucket}")
    server.trouble = [(503, "please come back")] * 100
    began = time.monotonic()
    with pytest.raises(StoreFailed, match="please come back"):
        await store.put(KEY, b"bytes", content_type="image/jpeg")
    assert time.monotonic() - began < 20
    server.trouble = []


async def test_a_server_that_is_not_there_is_said_so_with_the_setting_that_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    endpoint = f"http://127.0.0.1:{free_port()}"
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    with pytest.raises(
        StoreFailed, match=rf"bucket 'shop' could not be written: {endpoint}: Connection refused\. Check AWS_ENDPOINT_URL"
    ):
        await ObjectImages("s3://shop").ready()


@pytest.mark.parametrize("scheme", ["s3", "gs", "az"])
async def test_a_bucket_that_is_not_there_is_said_so(
    scheme: str, s3: str, gcs: tuple[FakeGcs, str], azure: tuple[FakeAzure, str]
) -> None:
    store = ObjectImages(f"{scheme}://nowhere/prefix")
    named = r"has no (bucket|container) 'nowhere': create it, or mend HALVE_STORAGE_URL"
    with pytest.raises(StoreFailed, match=named):
        await store.ready()
    with pytest.raises(StoreFailed, match=named):
        await get(store, KEY)
    with pytest.raises(StoreFailed, match=named):
        await store.delete_folder(FOLDER)


async def test_wrong_credentials_for_s3_are_said_so() -> None:
    try:
        server = another_s3()
    except CannotStart as error:
        cannot_start("an S3 server (moto)", error)
    with empty_bucket(server) as name:
        call(server, "POST", "/moto-api/reset-auth", b"0")
        await _refused(ObjectImages(f"s3://{name}"), "InvalidAccessKeyId", "AWS_ACCESS_KEY_ID")


class _Refusing(Loopback):
    """S3 as it answers when something is the matter: with this status and code."""

    def __init__(self, status: int, code: str) -> None:
        super().__init__()
        self.status, self.code = status, code

    async def answer(self, request: web.BaseRequest, body: bytes) -> web.StreamResponse:
        text = f"<Error><Code>{self.code}</Code><Message>As Amazon says.</Message></Error>"
        return web.Response(status=self.status, text=text, content_type="application/xml")


@pytest.mark.parametrize(
    ("status", "code", "told"),
    [
        (400, "ExpiredToken", "Check AWS_ACCESS_KEY_ID"),
        (403, "AccessDenied", "what they may do there"),
        (403, "RequestTimeTooSkewed", "Set the clock of this machine right"),
        (503, "SlowDown", "asked for more than it bears: lower HALVE_IN_FLIGHT"),
    ],
)
async def test_what_s3_refuses_is_told_with_what_mends_it(
    status: int, code: str, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with _Refusing(status, code) as server:
        for name, value in {"ACCESS_KEY_ID": "a", "SECRET_ACCESS_KEY": "b", "ENDPOINT_URL": server.url}.items():
            monkeypatch.setenv(f"AWS_{name}", value)
        for name, value in LOOPBACK.items():
            monkeypatch.setenv(name, value)
        with pytest.raises(StoreFailed, match=f"{code}: As Amazon says.*{told}"):
            await ObjectImages("s3://bucket").put(KEY, b"x", content_type="image/jpeg")


async def test_wrong_credentials_for_google_are_said_so(gcs: tuple[FakeGcs, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(google, "ACCOUNT", "somebody-else@test-project.iam.gserviceaccount.com")
    await _refused(ObjectImages(f"gs://{gcs[1]}"), "AuthenticationRequired", "GOOGLE_APPLICATION_CREDENTIALS")


async def test_wrong_credentials_for_azure_are_said_so(azure: tuple[FakeAzure, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_STORAGE_CONNECTION_STRING", azure[0].connection_string.replace("AccountKey=", "AccountKey=AAAA"))
    await _refused(ObjectImages(f"az://{azure[1]}"), "AuthenticationFailed", "AZURE_STORAGE_ACCOUNT_KEY")


async def _refused(store: ObjectImages, *named: str) -> None:
    for attempt in (store.ready(), get(store, KEY), store.stat(KEY), store.delete_folder(FOLDER)):
        with pytest.raises(StoreFailed) as refused:
            await attempt
        assert named[-1] in str(refused.value)
        assert "refused" in str(refused.value)
    with pytest.raises(StoreFailed, match=named[0]):
        await store.put(KEY, b"x", content_type="image/jpeg")


class _Peak:
    """The most memory above that at the start, in bytes, while the block runs."""

    def __enter__(self) -> _Peak:
        self._process = psutil.Process()
        self._start = self._top = self._process.memory_info().rss
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(0.005):
            self._top = max(self._top, self._process.memory_info().rss)

    @property
    def growth(self) -> int:
        return self._top - self._start
