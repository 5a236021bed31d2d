"""Stopping, repeating, erasing."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from uuid import UUID

import pytest
import requests

from halve.core.models import Request
from halve.core.pipeline import Pipeline
from halve.doors.api import erasing
from halve.doors.api.context import Context
from halve.states.sql import sqlite
from halve.wiring import open_parts
from tests.doors.api.conftest import Done
from tests.support.origin import Origin
from tests.support.photos import photo
from tests.support.serving import hand_in, serving, the_end, until
from tests.support.shop import settings_for, sheet_of


def test_a_cancelled_request_ends_with_what_was_done(busy: str, origin: Origin) -> None:
    never = origin.serve("/never.jpg", photo("coffee", width=240), latency=20)
    request_id = hand_in(busy, sheet_of([("Mug", [origin.url("/coffee.jpg")]), ("Cup", [never])])).json()["request_id"]
    until(lambda: requests.get(f"{busy}/status/{request_id}", timeout=5).json()["no_img_compressed"] == 1)
    response = requests.post(f"{busy}/cancel/{request_id}", timeout=5)
    assert response.status_code == 202
    status = response.json()
    assert status["status"] == "cancelled"
    assert status["no_img_compressed"] == 1
    assert requests.get(status["output_csv_url"], timeout=5).status_code == 200
    images = requests.get(f"{busy}/results/{request_id}", timeout=5).json()["items"][1]["images"]
    assert (images[0]["state"], images[0]["error"]["code"]) == ("cancelled", "cancelled")


def test_a_request_that_nobody_works_on_can_be_cancelled_and_ends(idle: str, sheet: bytes) -> None:
    request_id = hand_in(idle, sheet).json()["request_id"]
    response = requests.post(f"{idle}/cancel/{request_id}", timeout=5)
    assert response.status_code == 202
    status = response.json()
    assert requests.get(status["csv_url"], timeout=5).status_code == 200
    assert status["progress"] == {"total": 3, "done": 0, "failed": 0, "percent": 0}
    again = requests.post(f"{idle}/cancel/{request_id}", timeout=5)
    assert (again.status_code, again.json()["code"]) == (409, "already_finished")


def test_what_is_over_cannot_be_cancelled(done: Done) -> None:
    response = requests.post(f"{done.base}/cancel/{done.id}", timeout=5)
    assert (response.status_code, response.json()["code"]) == (409, "already_finished")


def test_what_has_nothing_left_to_stop_ends_as_what_it_is(busy: str, sheet: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    report = Pipeline.report

    async def slowly(pipeline: Pipeline, request: Request) -> tuple[str, str | None]:
        await asyncio.sleep(1)
        return await report(pipeline, request)

    monkeypatch.setattr(Pipeline, "report", slowly)
    request_id = hand_in(busy, sheet).json()["request_id"]
    until(lambda: requests.get(f"{busy}/status/{request_id}", timeout=5).json()["progress"]["percent"] == 100)
    response = requests.post(f"{busy}/cancel/{request_id}", timeout=5)
    assert (response.status_code, response.json()["code"]) == (409, "already_finished")
    assert the_end(busy, request_id)["status"] == "completed"


def test_a_retry_runs_only_what_failed(busy: str, origin: Origin) -> None:
    late = origin.flaky("/late.jpg", photo("coffee", width=240), failures=1, status=404)
    good = origin.serve("/good.jpg", photo("chelsea", width=240))
    request_id = hand_in(busy, sheet_of([("Mug", [good, late])])).json()["request_id"]
    before = the_end(busy, request_id)
    assert (before["status"], before["failed_images"]) == ("completed", 1)
    response = requests.post(f"{busy}/retry/{request_id}", timeout=5)
    body = response.json()
    assert (response.status_code, body["status"]) == (202, "processing")
    assert (
        body["output_csv_url"] is body["csv_url"] is body["failed_csv_url"] is body["archive_url"] is body["completed_at"] is None
    )
    after = the_end(busy, request_id)
    assert (after["status"], after["no_img_compressed"], after["failed_images"]) == ("completed", 2, 0)
    assert after["output_csv_url"] == before["output_csv_url"]
    assert origin.hits("/good.jpg") == 1


def test_a_cancelled_retry_shows_the_failures_that_it_did_not_come_to(busy: str, origin: Origin) -> None:
    """As they are counted, and as they stand in the sheet. While it runs they are pending."""
    late = origin.status("/gone-then-slow.jpg", 404)
    sheet = sheet_of([("Mug", [origin.url("/coffee.jpg")]), ("Cup", [late, origin.url("/gone.jpg")])])
    request_id = hand_in(busy, sheet).json()["request_id"]
    the_end(busy, request_id)

    def failures() -> list[tuple[str, str]]:
        items = requests.get(f"{busy}/results/{request_id}?state=failed", timeout=5).json()["items"]
        return [(image["state"], image["error"]["code"]) for item in items for image in item["images"]]

    assert failures() == [("failed", "not_found")] * 2
    origin.serve("/gone-then-slow.jpg", b"", latency=20)
    assert requests.post(f"{busy}/retry/{request_id}", timeout=5).status_code == 202
    assert failures() == []
    status = requests.post(f"{busy}/cancel/{request_id}", timeout=10).json()
    assert (status["status"], status["failed_images"]) == ("cancelled", 2)
    assert failures() == [("failed", "not_found")] * 2
    assert "1: not found (404); 2: not found (404)" in requests.get(status["csv_url"], timeout=5).text


def test_a_retry_needs_an_end_and_a_failure(idle: str, busy: str, sheet: bytes) -> None:
    waiting = requests.post(f"{idle}/retry/{hand_in(idle, sheet).json()['request_id']}", timeout=5)
    assert (waiting.status_code, waiting.json()["code"]) == (409, "not_finished")
    request_id = hand_in(busy, sheet).json()["request_id"]
    the_end(busy, request_id)
    flawless = requests.post(f"{busy}/retry/{request_id}", timeout=5)
    assert (flawless.status_code, flawless.json()["code"]) == (409, "nothing_failed")


def test_an_erased_request_leaves_nothing(busy: str, sheet: bytes) -> None:
    request_id = hand_in(busy, sheet).json()["request_id"]
    the_end(busy, request_id)
    link = requests.get(f"{busy}/results/{request_id}", timeout=5).json()["items"][0]["images"][0]["output_url"]
    assert requests.get(link, timeout=5).status_code == 200
    response = requests.delete(f"{busy}/requests/{request_id}", timeout=5)
    assert (response.status_code, response.content) == (204, b"")
    for path in (f"/status/{request_id}", f"/download/{request_id}", f"/download/{request_id}/input"):
        assert requests.get(busy + path, timeout=5).status_code == 404
    assert requests.get(link, timeout=5).status_code == 404
    assert requests.delete(f"{busy}/requests/{request_id}", timeout=5).status_code == 404


@pytest.mark.parametrize("cancelled", [False, True], ids=["running", "cancelled just now"])
def test_a_request_with_images_in_work_can_be_erased(tmp_path: Path, origin: Origin, cancelled: bool) -> None:
    never = origin.serve("/never2.jpg", photo("coffee", width=240), latency=1)
    with serving(tmp_path) as base:
        request_id = hand_in(base, sheet_of([("Mug", [f"{never}?{n}"]) for n in range(5)])).json()["request_id"]
        hits = origin.hits("/never2.jpg")
        until(lambda: origin.hits("/never2.jpg") > hits)
        if cancelled:
            assert requests.post(f"{base}/cancel/{request_id}", timeout=5).status_code == 202
        assert requests.delete(f"{base}/requests/{request_id}", timeout=5).status_code == 204
        assert requests.get(f"{base}/status/{request_id}", timeout=5).status_code == 404
        time.sleep(2)  # what was in work is stored by now
        until(lambda: not list((tmp_path / "images").glob("[!.]*/*")), "images of an erased request stayed")


def test_what_a_second_worker_still_stores_of_what_has_just_ended_is_erased(tmp_path: Path, sheet: bytes) -> None:
    """Whoever finds nothing open writes the sheets; two may, and the slower one after all was erased."""
    with serving(tmp_path) as base:
        request_id = hand_in(base, sheet).json()["request_id"]
        the_end(base, request_id)
        (folder,) = (tmp_path / "images").glob("[!.]*")
        assert requests.delete(f"{base}/requests/{request_id}", timeout=5).status_code == 204
        assert not folder.exists()
        folder.mkdir()
        (folder / "late.csv").touch()
        until(lambda: not folder.exists(), "a sheet of an erased request stayed")


def test_what_is_no_note_among_those_of_erasures_keeps_no_server_from_starting(tmp_path: Path) -> None:
    """File managers leave such in every folder that somebody looked into."""
    (tmp_path / "erased").mkdir()
    for name in (".DS_Store", "Thumbs.db"):
        (tmp_path / "erased" / name).touch()
    with serving(tmp_path, worker=False) as base:
        assert requests.get(f"{base}/requests", timeout=5).status_code == 200


def test_what_could_not_be_erased_goes_on_and_ends(tmp_path: Path, sheet: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite, "PATIENCE", 0.2)
    with serving(tmp_path, worker=False) as base:
        request_id = hand_in(base, sheet).json()["request_id"]
        with closing(sqlite3.connect(tmp_path / "halve.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            response = requests.delete(f"{base}/requests/{request_id}", timeout=5)
            assert (response.status_code, response.json()["code"]) == (503, "store_failed")
    with serving(tmp_path) as base:
        assert the_end(base, request_id)["no_img_compressed"] == 3


def test_an_erasure_that_was_cut_short_is_gone_on_with_by_the_next_server(tmp_path: Path, sheet: bytes) -> None:
    with serving(tmp_path, worker=False) as base:
        request_id = hand_in(base, sheet).json()["request_id"]

    async def cut_short() -> None:
        async with open_parts(settings_for(tmp_path)) as parts:
            request = await parts.states.request(UUID(request_id))
            assert request is not None
            assert await parts.states.cancel(request.id)
            erasing.note(Context(parts, lambda: None), request)

    asyncio.run(cut_short())
    with serving(tmp_path) as base:
        until(lambda: requests.get(f"{base}/status/{request_id}", timeout=5).status_code == 404)
        until(lambda: not list((tmp_path / "images").glob("[!.]*/*")), "its sheet stayed")
