"""`halve run` over a sheet that ran before, into another folder."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiohttp import web

from tests.support.command import LOOPBACK, halve, rows_of, write_sheet
from tests.support.origin import Origin
from tests.support.photos import photo

CUP = photo("coffee", quality=92)
ROCKET = photo("rocket", quality=92)


@pytest.fixture
def origin() -> Iterator[Origin]:
    with Origin() as origin:
        for path, data in (("/cup.jpg", CUP), ("/rocket.jpg", ROCKET)):
            origin.route(path, heeding(data))
        yield origin


def heeding(data: bytes):  # type: ignore[no-untyped-def]
    async def handler(request: web.Request) -> web.Response:
        if request.headers.get("If-None-Match") == '"1"':
            return web.Response(status=304)
        return web.Response(body=data, content_type="image/jpeg", headers={"ETag": '"1"'})

    return handler


def conditions(origin: Origin) -> list[str | None]:
    return [request.headers.get("If-None-Match") for request in origin.seen("/cup.jpg")]


def test_tomorrows_sheet_profits_from_todays(tmp_path: Path, origin: Origin) -> None:
    today = write_sheet(tmp_path / "today.csv", [("Cup", [origin.url("/cup.jpg")])])
    tomorrow = write_sheet(tmp_path / "tomorrow.csv", [("Cup", [origin.url("/cup.jpg")]), ("Rocket", [origin.url("/rocket.jpg")])])
    assert halve("run", today, *LOOPBACK, cwd=tmp_path).code == 0
    ended = halve("run", tomorrow, *LOOPBACK, "--json", cwd=tmp_path)
    assert ended.code == 0, ended
    assert conditions(origin) == [None, '"1"']
    assert json.loads(ended.out)["bytes_in"] == len(CUP) + len(ROCKET)
    links = [row["Output Image Urls"] for row in rows_of(tmp_path / "tomorrow-halved/output.csv")]
    assert all((tmp_path / "tomorrow-halved" / link).is_file() for link in links)
    [before] = (tmp_path / "today-halved/images").iterdir()
    assert (tmp_path / "tomorrow-halved" / links[0]).read_bytes() == before.read_bytes()


def test_fresh_believes_nothing_and_off_remembers_nothing(tmp_path: Path, origin: Origin) -> None:
    sheet = write_sheet(tmp_path / "sheet.csv", [("Cup", [origin.url("/cup.jpg")])])
    off = {"HALVE_MEMORY": "off"}
    assert halve("run", sheet, *LOOPBACK, "-o", "one", cwd=tmp_path, env=off).code == 0
    assert halve("run", sheet, *LOOPBACK, "-o", "two", cwd=tmp_path).code == 0
    assert halve("run", sheet, *LOOPBACK, "-o", "two", "--fresh", cwd=tmp_path).code == 0
    assert conditions(origin) == [None, None, None]


def test_no_run_fails_for_want_of_a_cache(tmp_path: Path, origin: Origin) -> None:
    sheet = write_sheet(tmp_path / "sheet.csv", [("Cup", [origin.url("/cup.jpg")])])
    (tmp_path / "cache").write_text("a file where a folder should be")
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken/memory.db").write_bytes(b"this is no database" * 100)
    for cache in ("cache", "broken"):
        ended = halve("run", sheet, *LOOPBACK, "-o", f"of-{cache}", cwd=tmp_path, env={"HALVE_CACHE_DIR": str(tmp_path / cache)})
        assert ended.code == 0, ended
