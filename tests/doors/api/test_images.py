"""`GET /image`: the compressed images, as browsers and content networks fetch them."""

from __future__ import annotations

import io

import pytest
import requests
from PIL import Image

from halve.core.naming import key_of
from tests.doors.api.conftest import Done


@pytest.fixture(scope="module")
def link(done: Done) -> str:
    item = requests.get(f"{done.base}/results/{done.id}?limit=1", timeout=5).json()["items"][0]
    link: str = item["images"][0]["output_url"]
    return link


def test_an_image_comes_as_what_it_is(link: str) -> None:
    response = requests.get(link, timeout=5)
    assert response.status_code == 200
    assert response.headers["Content-Type"] == "image/jpeg"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert "immutable" in response.headers["Cache-Control"]
    assert "sandbox" in response.headers["Content-Security-Policy"]
    assert response.headers["ETag"].startswith('"')
    with Image.open(io.BytesIO(response.content)) as image:
        assert image.size == (240, 160)


def test_head_tells_all_but_the_bytes(link: str) -> None:
    head, whole = requests.head(link, timeout=5), requests.get(link, timeout=5)
    assert head.status_code == 200
    assert head.content == b""
    for name in ("Content-Length", "Content-Type", "ETag", "Accept-Ranges", "Cache-Control"):
        assert head.headers[name] == whole.headers[name]


@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [
        ("bytes=0-9", 0, 10),
        ("bytes=5-", 5, None),
        ("bytes=-7", -7, None),
        ("bytes=10-999999999", 10, None),
        ("bytes=10-99999999999999999999999", 10, None),
        ("bytes=00000000000000000000005-", 5, None),
        ("BYTES=0-0", 0, 1),
        ("bytes=0-", 0, None),
    ],
)
def test_a_range_is_that_part(link: str, asked: str, start: int, end: int | None) -> None:
    whole = requests.get(link, timeout=5).content
    part = requests.get(link, headers={"Range": asked}, timeout=5)
    assert part.status_code == 206
    assert part.content == whole[start:end]
    first = start % len(whole)
    assert part.headers["Content-Range"] == f"bytes {first}-{first + len(part.content) - 1}/{len(whole)}"
    assert part.headers["Content-Length"] == str(len(part.content))


def test_ranges_are_for_get_alone(link: str) -> None:
    head = requests.head(link, headers={"Range": "bytes=0-9"}, timeout=5)
    assert (head.status_code, head.headers["Content-Length"]) == (200, str(len(requests.get(link, timeout=5).content)))


@pytest.mark.parametrize("asked", ["bytes=5-2", "bytes=-", "bytes=a-b", "lines=1-2", "bytes=0-1,5-6", "bytes 0-1", "0-5"])
def test_a_range_that_makes_no_sense_or_is_several_is_answered_with_all(link: str, asked: str) -> None:
    response = requests.get(link, headers={"Range": asked}, timeout=5)
    assert response.status_code == 200
    assert response.content == requests.get(link, timeout=5).content


@pytest.mark.parametrize("asked", ["bytes=99999999-", "bytes=99999999999999999999-", "bytes=-0"])
def test_a_range_beyond_the_end_is_416(link: str, asked: str) -> None:
    response = requests.get(link, headers={"Range": asked}, timeout=5)
    assert (response.status_code, response.json()["code"]) == (416, "range_not_satisfiable")
    assert response.json()["title"] == "Range Not Satisfiable"  # RFC 9110's phrase, on every Python
    assert response.headers["Content-Range"] == f"bytes */{len(requests.get(link, timeout=5).content)}"


def test_conditions_are_honoured(link: str) -> None:
    tag = requests.head(link, timeout=5).headers["ETag"]
    for match in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        response = requests.get(link, headers={"If-None-Match": match}, timeout=5)
        assert (response.status_code, response.content) == (304, b"")
        assert response.headers["ETag"] == tag
    assert requests.get(link, headers={"If-None-Match": '"other"'}, timeout=5).status_code == 200
    assert requests.get(link, headers={"Range": "bytes=0-1", "If-Range": tag}, timeout=5).status_code == 206
    for stale in ('"other"', f"W/{tag}", "Wed, 21 Oct 2015 07:28:00 GMT"):
        assert requests.get(link, headers={"Range": "bytes=0-1", "If-Range": stale}, timeout=5).status_code == 200


def test_nothing_is_sent_where_another_state_of_it_is_asked_for(link: str) -> None:
    """RFC 9110, 13.1.1: by strong comparison, and before all other conditions."""
    tag = requests.head(link, timeout=5).headers["ETag"]
    for match in (tag, f'"other", {tag}', "*"):
        assert requests.get(link, headers={"If-Match": match}, timeout=5).status_code == 200, match
        assert requests.get(link, headers={"If-Match": match, "Range": "bytes=0-1"}, timeout=5).status_code == 206, match
        assert requests.get(link, headers={"If-Match": match, "If-None-Match": tag}, timeout=5).status_code == 304, match
    for match in ('"other"', f"W/{tag}", "", "nonsense"):
        for further in ({}, {"Range": "bytes=0-1"}, {"If-None-Match": tag}):
            response = requests.get(link, headers={"If-Match": match, **further}, timeout=5)
            assert (response.status_code, response.json()["code"], response.headers["ETag"]) == (412, "precondition_failed", tag)
    head = requests.head(link, headers={"If-Match": '"other"'}, timeout=5)
    assert (head.status_code, head.content) == (412, b"")


def test_what_is_no_image_of_ours_is_404(link: str, done: Done) -> None:
    base, file_id = link.rsplit("/", 1)
    stem = file_id.rpartition(".")[0]
    for other in (
        stem,
        f"{stem}.png",
        f"{stem}.csv",
        "x",
        "..%2F..%2Fhalve.db",
        f"{file_id[:-5]}{'1' if file_id[-5] == '0' else '0'}.jpg",
        file_id.upper(),
        f"{file_id}%00",
    ):
        response = requests.get(f"{base}/{other}", timeout=5)
        assert (response.status_code, response.json()["code"]) == (404, "not_found"), other


def test_sheets_are_not_served_as_images(tmp_path_factory: pytest.TempPathFactory, done: Done, link: str) -> None:
    folder = link.rsplit("/", 1)[1].partition("-")[0]
    stored = tmp_path_factory.getbasetemp() / "busy0" / "images" / folder
    sheets = [path.name for path in stored.iterdir() if path.suffix == ".csv"]
    assert len(sheets) == 3
    for name in sheets:
        assert key_of(f"{folder}-{name}") is not None
        assert requests.get(f"{done.base}/image/{folder}-{name}", timeout=5).status_code == 404


def test_an_image_needs_no_key_and_no_method_but_reading(link: str) -> None:
    response = requests.post(link, timeout=5)
    assert response.status_code == 405
    assert response.headers["Allow"] == "GET, HEAD"
