"""`GET /status` and `GET /requests`, and what all routes say of ids."""

from __future__ import annotations

import re
from pathlib import Path
from uuid import uuid4

import pytest
import requests

from tests.doors.api.conftest import Done
from tests.support.serving import hand_in, serving

MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")

ROUTES = [
    ("GET", "/status/{}"),
    ("GET", "/events/{}"),
    ("GET", "/results/{}"),
    ("GET", "/download/{}"),
    ("GET", "/download/{}/failed"),
    ("GET", "/download/{}/input"),
    ("GET", "/archive/{}"),
    ("POST", "/cancel/{}"),
    ("POST", "/retry/{}"),
    ("DELETE", "/requests/{}"),
]


def test_a_new_request_is_pending_and_has_no_output(idle: str, sheet: bytes) -> None:
    accepted = hand_in(idle, sheet, name="spring.csv", quality="40", format="jpg").json()
    status = requests.get(accepted["status_url"], timeout=5).json()
    assert status["request_id"] == accepted["request_id"]
    assert status["status"] == "pending"
    assert status["progress"] == {"total": 3, "done": 0, "failed": 0, "percent": 0}
    assert status["total_images"] == 3
    assert (status["no_img_compressed"], status["failed_images"], status["bytes_in"], status["bytes_out"]) == (0, 0, 0, 0)
    for link in ("output_csv_url", "csv_url", "failed_csv_url", "archive_url", "completed_at"):
        assert status[link] is None
    assert status["input_csv_url"] == f"{idle}/download/{accepted['request_id']}/input"
    assert MOMENT.fullmatch(status["created_at"])
    assert status["filename"] == "spring.csv"
    assert status["options"] == {"quality": "40", "format": "jpeg"}
    assert status["deliveries"] == []


def test_a_finished_request_has_numbers_and_links(done: Done) -> None:
    status = done.status
    assert status["status"] == "completed"
    assert status["progress"] == {"total": 4, "done": 3, "failed": 1, "percent": 100}
    assert (status["no_img_compressed"], status["failed_images"], status["failed_rows"]) == (3, 1, 0)
    assert 0 < status["bytes_out"] < status["bytes_in"]
    assert status["output_csv_url"] == status["csv_url"] == f"{done.base}/download/{done.id}"
    assert status["failed_csv_url"] == f"{done.base}/download/{done.id}/failed"
    assert status["archive_url"] == f"{done.base}/archive/{done.id}"
    assert MOMENT.fullmatch(status["completed_at"])
    assert status["filename"] == "Früh jahr.csv"


def test_an_answer_is_not_to_be_kept_or_guessed_at(done: Done) -> None:
    headers = requests.get(f"{done.base}/status/{done.id}", timeout=5).headers
    assert headers["Content-Type"] == "application/json"
    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(("method", "route"), ROUTES)
def test_an_unknown_id_is_404(idle: str, method: str, route: str) -> None:
    response = requests.request(method, idle + route.format(uuid4()), timeout=5)
    assert (response.status_code, response.json()["code"]) == (404, "not_found")


@pytest.mark.parametrize(("method", "route"), ROUTES)
@pytest.mark.parametrize(
    "malformed",
    ["1", "x" * 36, "36977978-8e24-4730-8761-1ca2ce4602b", "36977978-8e24-4730-8761-1ca2ce4602bc0", "%00", "{36977978}", "", "%2F"],
)
def test_what_is_no_uuid_is_400(idle: str, method: str, route: str, malformed: str) -> None:
    response = requests.request(method, idle + route.format(malformed), timeout=5)
    assert (response.status_code, response.json()["code"]) == (400, "malformed_id")
    assert response.headers["Content-Type"] == "application/problem+json"


def test_an_id_that_is_left_out_is_400(idle: str) -> None:
    for path in ("/status", "/status/", "/download", "/results/", "/events/", "/archive/"):
        assert requests.get(idle + path, timeout=5).json()["code"] == "malformed_id"
    for path in ("/cancel", "/cancel/", "/retry/"):
        assert requests.post(idle + path, timeout=5).json()["code"] == "malformed_id"
    assert requests.delete(f"{idle}/requests/", timeout=5).json()["code"] == "malformed_id"


def test_what_follows_an_id_must_exist(idle: str, sheet: bytes) -> None:
    request_id = hand_in(idle, sheet).json()["request_id"]
    for path in (
        f"/status/{request_id}/",
        f"/status/{request_id}/more",
        f"/download/{request_id}/output",
        f"/results/{request_id}/1",
    ):
        response = requests.get(idle + path, timeout=5)
        assert (response.status_code, response.json()["code"]) == (404, "not_found")
    assert requests.get(f"{idle}/download//failed", timeout=5).json()["code"] == "malformed_id"


def test_an_id_may_be_written_in_capitals(idle: str, sheet: bytes) -> None:
    request_id = hand_in(idle, sheet).json()["request_id"]
    assert requests.get(f"{idle}/status/{request_id.upper()}", timeout=5).json()["request_id"] == request_id


def test_requests_are_listed_newest_first_in_pages(tmp_path: Path, sheet: bytes) -> None:
    with serving(tmp_path, worker=False) as base:
        assert requests.get(f"{base}/requests", timeout=5).json() == {"items": [], "next": None}
        ids = [hand_in(base, sheet).json()["request_id"] for _ in range(5)]
        seen, cursor = [], ""
        for _ in range(3):
            page = requests.get(f"{base}/requests?limit=2{cursor}", timeout=5).json()
            seen += [item["request_id"] for item in page["items"]]
            cursor = f"&cursor={page['next']}"
        assert seen == ids[::-1]
        assert page["next"] is None
        assert {"status", "filename", "progress", "created_at", "output_csv_url"} <= set(page["items"][0])


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=1001",
        "limit=x",
        "limit=-1",
        "limit=1_0",
        "limit=%2B5",
        "limit=5.0",
        "limit=%D9%A5",
        "limit=",
        "cursor=%00",
        "cursor=nonsense",
    ],
)
def test_a_bad_page_is_400(idle: str, query: str) -> None:
    response = requests.get(f"{idle}/requests?{query}", timeout=5)
    assert response.status_code == 400
    assert response.json()["field"] == query.partition("=")[0]
