"""`GET /results`: each product with each image."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest
import requests

from tests.doors.api.conftest import Done
from tests.support.serving import hand_in, serving
from tests.support.shop import sheet_of


def test_every_product_and_every_image_is_told(done: Done) -> None:
    body = requests.get(f"{done.base}/results/{done.id}", timeout=5).json()
    assert body["next"] is None
    assert [(item["row"], item["serial"], item["product_name"]) for item in body["items"]] == [
        (1, "1", "Mug"),
        (2, "2", "Suit"),
        (3, "3", 'Cät, "big"'),
    ]
    good, bad = body["items"][0]["images"]
    assert good["input_url"].endswith("/coffee.jpg")
    assert requests.get(good["output_url"], timeout=5).headers["Content-Length"] == str(good["bytes_out"])
    assert good["state"] in ("done", "kept")
    assert good["error"] is None
    assert 0 < good["bytes_out"] <= good["bytes_in"]
    assert (good["width"], good["height"], good["format"], good["quality"]) == (240, 160, "jpeg", 50)
    assert bad["state"] == "failed"
    assert bad["output_url"] is None
    assert bad["error"] == {"code": "not_found", "message": "not found (404)"}
    assert (good["position"], bad["position"]) == (1, 2)


def test_only_products_with_failures_can_be_asked_for(done: Done) -> None:
    items = requests.get(f"{done.base}/results/{done.id}?state=failed", timeout=5).json()["items"]
    assert [item["row"] for item in items] == [1]
    assert [image["state"] == "failed" for image in items[0]["images"]] == [False, True]


def test_others_are_answered_while_a_large_page_is_made(tmp_path: Path) -> None:
    images = [f"https://a.test/{n}.jpg" for n in range(100)]
    with serving(tmp_path, worker=False) as base:
        request_id = hand_in(base, sheet_of([(f"Mug {n}", images) for n in range(1000)])).json()["request_id"]
        longest = min(longest_wait(base, f"{base}/results/{request_id}?limit=1000") for _ in range(3))  # a busy machine waits, too
    assert longest < 1 / 3, "it was all of it"


def longest_wait(base: str, large_page: str) -> float:
    """For another answer while that page is made, as a share of the time that it takes."""
    large = threading.Thread(target=requests.get, args=(large_page,), kwargs={"timeout": 60})
    large.start()
    begun = time.monotonic()
    waits = []
    while large.is_alive():
        asked = time.monotonic()
        assert requests.get(f"{base}/healthz", timeout=60).ok
        waits.append(time.monotonic() - asked)
    took = time.monotonic() - begun
    large.join()
    return max(waits) / took


def test_pages_cover_every_product_once(idle: str) -> None:
    sheet = sheet_of([(f"Mug {n}", [f"https://shop.test/{n}.jpg"]) for n in range(7)])
    request_id = hand_in(idle, sheet).json()["request_id"]
    rows, query = [], "limit=3"
    while query:
        page = requests.get(f"{idle}/results/{request_id}?{query}", timeout=5).json()
        assert len(page["items"]) <= 3
        rows += [item["row"] for item in page["items"]]
        query = f"limit=3&cursor={page['next']}" if page["next"] else ""
    assert rows == [1, 2, 3, 4, 5, 6, 7]
    assert page["items"][0]["images"][0]["state"] == "pending"


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=1001",
        "limit=ten",
        "limit=1_0",
        "limit=%205",
        "cursor=r%D9%A1",
        "cursor=7",
        "cursor=r",
        "cursor=r-1",
        "state=done",
        "state=",
    ],
)
def test_a_bad_question_is_400_and_names_the_parameter(done: Done, query: str) -> None:
    response = requests.get(f"{done.base}/results/{done.id}?{query}", timeout=5)
    assert response.status_code == 400
    assert response.json()["field"] == query.partition("=")[0]


def test_an_empty_cursor_is_the_beginning(done: Done) -> None:
    assert len(requests.get(f"{done.base}/results/{done.id}?cursor=", timeout=5).json()["items"]) == 3
