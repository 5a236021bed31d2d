"""`GET /archive`: sheet and images in one ZIP."""

from __future__ import annotations

import io
import socket
import zipfile
from collections.abc import AsyncIterator
from contextlib import closing
from datetime import UTC, datetime
from http.client import HTTPConnection, IncompleteRead
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests
from hypothesis import given, settings
from hypothesis import strategies as st

from halve.core.errors import StoreFailed
from halve.doors.api import zips
from halve.doors.api.zips import Entry, zipped
from halve.images.files import FileImages
from tests.doors.api.conftest import Done
from tests.support.origin import Origin
from tests.support.photos import photo
from tests.support.serving import hand_in, serving, the_end
from tests.support.shop import sheet_of

NOON = datetime(2026, 3, 1, 12, 0, 30, tzinfo=UTC)


def names(archive: bytes) -> list[str]:
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        return opened.namelist()


def test_the_archive_has_the_sheets_and_every_image_under_a_readable_name(done: Done) -> None:
    response = requests.get(done.status["archive_url"], timeout=10)
    assert response.headers["Content-Type"] == "application/zip"
    assert "halved.zip" in response.headers["Content-Disposition"]
    with zipfile.ZipFile(io.BytesIO(response.content)) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == [
            "output.csv",
            "failed.csv",
            "images/1-mug-1.jpg",
            "images/2-suit-1.jpg",
            "images/3-cät-big-1.jpg",
        ]
        assert archive.read("output.csv") == requests.get(done.status["output_csv_url"], timeout=5).content
        first = requests.get(f"{done.base}/results/{done.id}", timeout=5).json()["items"][0]["images"][0]
        assert archive.read("images/1-mug-1.jpg") == requests.get(first["output_url"], timeout=5).content


def test_there_is_no_archive_before_the_end(idle: str, sheet: bytes) -> None:
    request_id = hand_in(idle, sheet).json()["request_id"]
    response = requests.get(f"{idle}/archive/{request_id}", timeout=5)
    assert (response.status_code, response.json()["code"]) == (409, "not_finished")


def test_head_tells_the_name(done: Done) -> None:
    response = requests.head(done.status["archive_url"], timeout=5)
    assert (response.status_code, response.headers["Content-Type"]) == (200, "application/zip")
    assert "Content-Length" not in response.headers, "it is not known, and not 0"


def test_an_archive_of_a_request_that_is_erased_meanwhile_does_not_end_well(
    tmp_path: Path, origin: Origin, caplog: pytest.LogCaptureFixture
) -> None:
    """A ZIP that can be opened would pass for all of it. It is larger than what lies in sockets on the way."""
    origin.serve("/large.jpg", photo("retina", width=2400))
    sheet = sheet_of([(f"Mug {n}", [origin.url(f"/large.jpg?{n}")]) for n in range(16)])
    with serving(tmp_path) as base, closing(HTTPConnection(urlsplit(base).netloc, timeout=10)) as connection:
        request_id = hand_in(base, sheet, quality="100").json()["request_id"]
        assert the_end(base, request_id)["bytes_out"] > 15_000_000
        connection.sock = socket.socket()
        connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)  # or the system makes room for all of it
        connection.sock.settimeout(10)
        connection.sock.connect((connection.host, connection.port))
        connection.request("GET", f"/archive/{request_id}")
        response = connection.getresponse()
        assert response.read(1_000)
        assert requests.delete(f"{base}/requests/{request_id}", timeout=10).status_code == 204
        with pytest.raises(IncompleteRead):
            response.read()
    assert "an answer was broken off" in caplog.messages
    assert [record for record in caplog.records if record.exc_info] == [], "it is no defect"


def test_an_archive_lists_the_pictures_that_the_store_has_no_more(tmp_path: Path, sheet: bytes) -> None:
    """Also where they go before their request does, for erasing takes the files first."""
    with serving(tmp_path) as base:
        request_id = hand_in(base, sheet).json()["request_id"]
        the_end(base, request_id)
        whole = names(requests.get(f"{base}/archive/{request_id}", timeout=10).content)
        next((tmp_path / "images").rglob("*.jpg")).unlink()
        answer = requests.get(f"{base}/archive/{request_id}", timeout=10).content
        with zipfile.ZipFile(io.BytesIO(answer)) as archive:
            lacking = archive.read("missing.txt").decode().splitlines()[1:]
        assert len(lacking) == 1
        assert sorted([*names(answer), *lacking]) == sorted([*whole, "missing.txt"])


def test_an_archive_without_its_sheet_is_refused_before_it_begins(
    tmp_path: Path, sheet: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fails(_: FileImages, key: str) -> None:
        raise StoreFailed("The disk is away.")

    with serving(tmp_path) as base:
        request_id = hand_in(base, sheet).json()["request_id"]
        the_end(base, request_id)
        with monkeypatch.context() as patch:
            patch.setattr(FileImages, "stat", fails)
            away = requests.get(f"{base}/archive/{request_id}", timeout=10)
        for path in (tmp_path / "images").rglob("*.csv"):
            path.unlink()
        gone = requests.get(f"{base}/archive/{request_id}", timeout=10)
        gone_by_head = requests.head(f"{base}/archive/{request_id}", timeout=10)
    assert (away.status_code, away.json()["code"], "Retry-After" in away.headers) == (503, "store_failed", True)
    assert (gone.status_code, gone.json()["code"], gone_by_head.status_code) == (404, "not_found", 404)


# ── the format ────────────────────────────────────────────────────────────────────────────────────────────────────────


async def entries(contents: dict[str, bytes]) -> AsyncIterator[Entry]:
    for name, content in contents.items():

        async def read(content: bytes = content) -> AsyncIterator[bytes]:
            for start in range(0, len(content), 7):
                yield content[start : start + 7]

        yield Entry(name, len(content), read)


async def packed(contents: dict[str, bytes]) -> bytes:
    return b"".join([piece async for piece in zipped(entries(contents), NOON)])


@settings(deadline=None, max_examples=60)
@given(st.dictionaries(st.from_regex(r"[a-zä🧀]{1,8}\.jpg", fullmatch=True), st.binary(max_size=60), max_size=6))
async def test_what_goes_in_comes_out(contents: dict[str, bytes]) -> None:
    with zipfile.ZipFile(io.BytesIO(await packed(contents))) as archive:
        assert archive.testzip() is None
        assert {name: archive.read(name) for name in archive.namelist()} == contents
        assert all(info.date_time == (2026, 3, 1, 12, 0, 30) for info in archive.infolist())


@pytest.mark.parametrize(("bound", "value"), [("LARGE", 0), ("LARGE", 20), ("LARGE", 200), ("MANY", 3)])
async def test_past_the_old_bounds_it_is_zip64(monkeypatch: pytest.MonkeyPatch, bound: str, value: int) -> None:
    """The bounds are lowered, so that a small archive crosses them; readers take the long form wherever it is."""
    monkeypatch.setattr(zips, bound, value)
    contents = {f"{n}.bin": bytes([n]) * (10 * n) for n in range(6)}
    data = await packed(contents)
    assert b"PK\6\6" in data
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        assert {name: archive.read(name) for name in archive.namelist()} == contents


async def test_large_entries_are_not_held_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zips, "IN_MEMORY", 10)
    contents = {"large": b"abc" * 100, "small": b"abc"}
    with zipfile.ZipFile(io.BytesIO(await packed(contents))) as archive:
        assert archive.testzip() is None
        assert archive.read("large") == contents["large"]


async def test_an_entry_that_is_not_of_its_size_ends_the_archive() -> None:
    async def short() -> AsyncIterator[bytes]:
        yield b"abc"

    async def one() -> AsyncIterator[Entry]:
        yield Entry("a", 4, short)

    with pytest.raises(ValueError, match="not 4"):
        [piece async for piece in zipped(one(), NOON)]
