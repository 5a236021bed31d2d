"""The schema says what is answered, and its examples are answers that could be."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests

from halve.asgi import app
from halve.core.options import read_options
from tests.doors.api.conftest import Done
from tests.support.schema import Schema
from tests.support.serving import hand_in

SCHEMA = Schema(app.openapi())


def contents() -> Iterator[tuple[str, dict[str, Any]]]:
    """Every kind of body that is described, with the route and status it belongs to."""
    for path, operations in SCHEMA.document["paths"].items():
        for method, operation in operations.items():
            for status, response in operation["responses"].items():
                for content in response.get("content", {}).values():
                    yield f"{method} {path} {status}", content


def test_every_example_is_what_the_schema_says() -> None:
    looked_at = 0
    for place, content in contents():
        example = content.get("example", SCHEMA.resolved(content["schema"]).get("example"))
        if example is not None:
            assert SCHEMA.faults(content["schema"], example) == [], place
            looked_at += 1
    assert looked_at > 50


def test_options_in_examples_are_said_as_they_are_in_answers() -> None:
    """Those left at their defaults are not there."""
    example = SCHEMA.document["components"]["schemas"]["RequestStatus"]["example"]
    assert read_options(**example["options"]).words() == example["options"] != {}


def faults(method: str, path: str, response: requests.Response) -> list[str]:
    """What the schema does not say of an answer."""
    operation = SCHEMA.document["paths"][path][method]
    described = operation["responses"].get(str(response.status_code))
    if described is None:
        return [f"{response.status_code} is not described"]
    kind = response.headers.get("Content-Type", "").partition(";")[0]
    content = described.get("content", {})
    if response.content and kind not in content and f"{kind.partition('/')[0]}/*" not in content:
        return [f"{kind} is not described"]
    return SCHEMA.faults(content[kind]["schema"], response.json()) if "json" in kind else []


@pytest.mark.parametrize(
    "path",
    [
        "/status/{request_id}",
        "/results/{request_id}",
        "/events/{request_id}",
        "/archive/{request_id}",
        "/download/{request_id}",
        "/download/{request_id}/failed",
        "/download/{request_id}/input",
    ],
)
def test_what_can_be_got_of_a_request_is_described(done: Done, path: str) -> None:
    asked = done.base + path.replace("{request_id}", done.id)
    for headers in ({}, {"If-None-Match": "*"}, {"Range": "bytes=0-9"}, {"Range": "bytes=999999-"}):
        assert faults("get", path, requests.get(asked, headers=headers, timeout=20)) == [], headers
    for unknown in ("nothing", "36977978-8e24-4730-8761-1ca2ce4602bc"):
        assert faults("get", path, requests.get(done.base + path.replace("{request_id}", unknown), timeout=20)) == []


def test_images_are_described(done: Done) -> None:
    item = requests.get(f"{done.base}/results/{done.id}", timeout=20).json()["items"][0]
    link = item["images"][0]["output_url"]
    for headers in ({}, {"If-None-Match": "*"}, {"Range": "bytes=0-9"}, {"Range": "bytes=999999-"}):
        assert faults("get", "/image/{file_id}", requests.get(link, headers=headers, timeout=20)) == [], headers


@pytest.mark.parametrize("path", ["/requests", "/healthz", "/readyz", "/metrics"])
def test_the_rest_that_can_be_got_is_described(done: Done, path: str) -> None:
    assert faults("get", path, requests.get(done.base + path, timeout=20)) == []


def test_what_is_done_is_described(idle: str, sheet: bytes) -> None:
    accepted = hand_in(idle, sheet, quality="40", webhook_url="http://127.0.0.1:9000/hook")
    assert faults("post", "/upload", accepted) == []
    request_id = accepted.json()["request_id"]
    for method, path in (
        ("post", "/retry/{request_id}"),
        ("post", "/cancel/{request_id}"),
        ("delete", "/requests/{request_id}"),
        ("delete", "/requests/{request_id}"),
    ):
        response = requests.request(method, idle + path.replace("{request_id}", request_id), timeout=20)
        assert faults(method, path, response) == [], path
    for body in ({"request_id": request_id}, {}):
        for path in ("/webhook", "/webhook-completed"):
            assert faults("post", path, requests.post(idle + path, json=body, timeout=20)) == []


def test_what_is_refused_is_described(idle: str, sheet: bytes) -> None:
    from_elsewhere = {"Sec-Fetch-Site": "cross-site"}
    for response in (
        hand_in(idle, b"a,b\n1,2\n"),
        hand_in(idle, sheet, name="a.xlsx"),
        hand_in(idle, sheet, qualty="40"),
        hand_in(idle, bytes(60_000)),
        requests.post(f"{idle}/upload", json={}, timeout=20),
        requests.post(f"{idle}/upload", headers=from_elsewhere, timeout=20),
    ):
        assert faults("post", "/upload", response) == []
    for path in ("/webhook", "/webhook-completed", "/cancel/{request_id}", "/retry/{request_id}"):
        assert faults("post", path, requests.post(idle + path, headers=from_elsewhere, timeout=20)) == []
