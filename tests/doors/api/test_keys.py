"""API keys: who may do what, and who sees whose."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import requests

from tests.support.origin import Origin
from tests.support.serving import bearer, hand_in, serving, the_end
from tests.support.shop import sheet_of

ANN, BOB = "k-ann-123", "k-bob-456"


@pytest.fixture(scope="module")
def keyed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serving(tmp_path_factory.mktemp("keyed"), api_keys=f"ann:{ANN}, bob:{BOB}", fetch_retries=0) as base:
        yield base


@pytest.fixture(scope="module")
def anns(keyed: str, origin: Origin) -> str:
    """A finished request of Ann's, with a failure."""
    sheet = sheet_of([("Mug", [origin.url("/coffee.jpg"), origin.url("/missing.jpg")])])
    request_id: str = hand_in(keyed, sheet, key=ANN).json()["request_id"]
    the_end(keyed, request_id, key=ANN)
    return request_id


@pytest.mark.parametrize("path", ["/", "/docs", "/openapi.json", "/healthz", "/readyz", "/assets/icon.svg"])
def test_what_is_open_stays_open(keyed: str, path: str) -> None:
    assert requests.get(keyed + path, timeout=5).status_code == 200


@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        "Bearer wrong",
        f"Basic {ANN}",
        ANN,
        f"Bearer {ANN}x",
        f"Bearer {ANN[:-1]}",
        f"Bearer {ANN},{BOB}",
        "Bearer ä",
    ],
)
def test_everything_else_needs_a_key_that_is_known(keyed: str, anns: str, authorization: str | None) -> None:
    headers = {"Authorization": authorization.encode("latin-1")} if authorization is not None else {}
    for method, path in (
        ("POST", "/upload"),
        ("GET", f"/status/{anns}"),
        ("GET", "/status/malformed"),
        ("GET", "/status/"),
        ("GET", f"/events/{anns}"),
        ("GET", f"/results/{anns}"),
        ("GET", "/results/x?limit=0"),
        ("GET", f"/download/{anns}"),
        ("GET", f"/archive/{anns}"),
        ("POST", f"/cancel/{anns}"),
        ("POST", f"/retry/{anns}"),
        ("DELETE", f"/requests/{anns}"),
        ("GET", "/requests"),
        ("POST", "/webhook"),
        ("POST", "/webhook-completed"),
        ("GET", "/metrics"),
    ):
        response = requests.request(method, keyed + path, headers=headers, timeout=5)
        assert (response.status_code, response.json()["code"]) == (401, "unauthorized"), path
        assert response.headers["WWW-Authenticate"].startswith("Bearer")


def test_the_scheme_may_be_written_as_one_likes(keyed: str, anns: str) -> None:
    for scheme in ("bearer", "BEARER", "Bearer "):
        assert requests.get(f"{keyed}/status/{anns}", headers={"Authorization": f"{scheme} {ANN}"}, timeout=5).status_code == 200


def test_one_key_never_sees_anothers_requests(keyed: str, anns: str) -> None:
    for method, path in (
        ("GET", f"/status/{anns}"),
        ("GET", f"/events/{anns}"),
        ("GET", f"/results/{anns}"),
        ("GET", f"/download/{anns}"),
        ("GET", f"/download/{anns}/failed"),
        ("GET", f"/download/{anns}/input"),
        ("GET", f"/archive/{anns}"),
        ("POST", f"/cancel/{anns}"),
        ("POST", f"/retry/{anns}"),
        ("DELETE", f"/requests/{anns}"),
    ):
        response = requests.request(method, keyed + path, headers=bearer(BOB), timeout=5)
        assert (response.status_code, response.json()["code"]) == (404, "not_found"), path
    for path in ("/webhook", "/webhook-completed"):
        assert requests.post(keyed + path, json={"request_id": anns}, headers=bearer(BOB), timeout=5).status_code == 404
    assert anns in [
        item["request_id"] for item in requests.get(f"{keyed}/requests", headers=bearer(ANN), timeout=5).json()["items"]
    ]
    assert requests.get(f"{keyed}/requests", headers=bearer(BOB), timeout=5).json()["items"] == []
    assert requests.get(f"{keyed}/status/{anns}", headers=bearer(ANN), timeout=5).status_code == 200


def test_idempotency_keys_belong_to_whom_they_were_used_by(keyed: str) -> None:
    sheet = sheet_of([("Mug", ["http://127.0.0.1:9/x.jpg"])])

    def send(key: str, content: bytes) -> requests.Response:
        headers = {**bearer(key), "Idempotency-Key": "same"}
        return requests.post(f"{keyed}/upload", files={"file": ("a.csv", content)}, headers=headers, timeout=5)

    mine, other = send(ANN, sheet), send(BOB, sheet + b"\n")
    assert mine.status_code == other.status_code == 202
    assert mine.json()["request_id"] != other.json()["request_id"]
    assert send(ANN, sheet).json() == mine.json()


def test_links_that_are_handed_out_work_without_a_key(keyed: str, anns: str) -> None:
    status = requests.get(f"{keyed}/status/{anns}", headers=bearer(ANN), timeout=5).json()
    for link in ("output_csv_url", "failed_csv_url", "input_csv_url", "archive_url"):
        assert requests.get(status[link], timeout=5).status_code == 200, link
        assert requests.get(status[link].partition("?")[0], timeout=5).status_code == 401
        assert requests.get(status[link][:-1], timeout=5).status_code == 401
    image = requests.get(f"{keyed}/results/{anns}", headers=bearer(ANN), timeout=5).json()["items"][0]["images"][0]["output_url"]
    assert requests.get(image, timeout=5).status_code == 200


def test_a_link_opens_its_own_request_only(keyed: str, anns: str) -> None:
    other = hand_in(keyed, sheet_of([("Cup", ["http://127.0.0.1:9/y.jpg"])]), key=ANN).json()["request_id"]
    status = requests.get(f"{keyed}/status/{anns}", headers=bearer(ANN), timeout=5).json()
    token = status["input_csv_url"].partition("?token=")[2]
    assert token
    assert requests.get(f"{keyed}/download/{other}/input?token={token}", timeout=5).status_code == 401
    assert requests.get(f"{keyed}/download/{other}/input?token={token}", headers=bearer(ANN), timeout=5).status_code == 200
    assert requests.get(f"{keyed}/status/{anns}?token={token}", timeout=5).status_code == 401


def test_a_wrong_token_does_not_tell_what_exists(keyed: str, anns: str) -> None:
    for request_id in (anns, "36977978-8e24-4730-8761-1ca2ce4602bc"):
        response = requests.get(f"{keyed}/download/{request_id}?token=guess", timeout=5)
        assert (response.status_code, response.json()["code"]) == (401, "unauthorized")


def test_without_keys_a_token_is_no_matter(idle: str) -> None:
    request_id = hand_in(idle, sheet_of([("Cup", ["http://127.0.0.1:9/y.jpg"])])).json()["request_id"]
    assert requests.get(f"{idle}/download/{request_id}/input?token=whatever", timeout=5).status_code == 200
