"""`POST /webhook` and `POST /webhook-completed`: a notification, once more."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import requests

from halve.states.sql import SqlStates
from tests.doors.api.conftest import Done
from tests.support.mail import Inbox
from tests.support.mail import serving as mail_server
from tests.support.origin import Origin
from tests.support.serving import hand_in, serving, the_end, until
from tests.support.shop import sheet_of

BOTH = ["/webhook", "/webhook-completed"]


def post(base: str, route: str, body: object, **headers: str) -> requests.Response:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return requests.post(base + route, data=data, headers={"Content-Type": "application/json", **headers}, timeout=5)


def test_a_webhook_is_sent_again_under_its_old_id(busy: str, origin: Origin, sheet: bytes) -> None:
    hook = origin.serve("/hook-again", b"", status=204)
    request_id = hand_in(busy, sheet, webhook_url=hook).json()["request_id"]
    status = the_end(busy, request_id)
    until(lambda: origin.hits("/hook-again") == 1)
    body = {"request_id": request_id, "status": "completed", "csv_url": "https://elsewhere.test/other.csv"}
    response = post(busy, "/webhook", body)
    assert response.status_code == 202
    assert response.json()["request_id"] == request_id
    until(lambda: origin.hits("/hook-again") == 2)
    first, second = origin.seen("/hook-again")
    assert first.headers["webhook-id"] == second.headers["webhook-id"] == response.json()["delivery"]["id"]
    assert json.loads(second.body)["csv_url"] == status["csv_url"]
    until(lambda: requests.get(f"{busy}/status/{request_id}", timeout=5).json()["deliveries"][0]["state"] == "delivered")


def test_deliveries_tell_what_became_of_each_attempt(busy: str, origin: Origin, sheet: bytes) -> None:
    hook = origin.status("/hook-broken", 500)
    request_id = hand_in(busy, sheet, webhook_url=hook).json()["request_id"]
    the_end(busy, request_id)

    def told() -> dict[str, Any]:
        (delivery,) = requests.get(f"{busy}/status/{request_id}", timeout=5).json()["deliveries"]
        return dict(delivery)

    until(lambda: told()["attempts"] == 1 and told()["state"] == "due")
    assert told()["kind"] == "webhook"
    assert told()["target"] == hook
    assert "500" in told()["last_answer"]
    assert told()["next_attempt_at"].endswith("Z")


def test_a_password_in_a_webhooks_url_is_shown_to_nobody(busy: str, origin: Origin, sheet: bytes) -> None:
    hook = origin.serve("/hook-secret", b"", status=204).replace("http://", "http://ann:s3cret@")
    request_id = hand_in(busy, sheet, webhook_url=hook).json()["request_id"]
    the_end(busy, request_id)
    until(lambda: origin.hits("/hook-secret") == 1)
    told = requests.get(f"{busy}/status/{request_id}", timeout=5)
    assert told.json()["deliveries"][0]["target"] == origin.url("/hook-secret")
    assert "s3cret" not in told.text


def test_an_email_is_sent_again_under_its_old_message_id(tmp_path: Path, sheet: bytes) -> None:
    inbox = Inbox()
    with mail_server(inbox) as port, serving(tmp_path, smtp_url=f"smtp://127.0.0.1:{port}", mail_from="halve@shop.test") as base:
        for bad in ("ann", "ann@", "@shop.test", "a b@shop.test", "ann@shop", "ann@shop.test, bob@shop.test", "ann@1.2.3.4"):
            refused = hand_in(base, sheet, email=bad)
            assert (refused.status_code, refused.json()["code"]) == (400, "bad_email"), bad
        request_id = hand_in(base, sheet, email="ann@shop.test").json()["request_id"]
        the_end(base, request_id)
        until(lambda: len(inbox.mails) == 1)
        assert post(base, "/webhook-completed", {"request_id": request_id}).status_code == 202
        until(lambda: len(inbox.mails) == 2)
    first, again = inbox.mails
    assert first["Message-ID"] == again["Message-ID"]


def test_an_international_domain_is_written_to_as_it_is_and_not_as_its_look_alike(tmp_path: Path, sheet: bytes) -> None:
    inbox = Inbox()
    with mail_server(inbox) as port, serving(tmp_path, smtp_url=f"smtp://127.0.0.1:{port}", mail_from="halve@shop.test") as base:
        hand_in(base, sheet, email="ann@straße.test")
        until(lambda: len(inbox.mails) == 1)
    assert inbox.envelopes[0].rcpt_tos == ["ann@xn--strae-oqa.test"]


def test_a_cancelled_request_sends_no_email_again_though_it_sent_one_before(tmp_path: Path, origin: Origin) -> None:
    """A retry of it was cancelled: the e-mail was of the time before."""
    inbox = Inbox()
    late = origin.serve("/late.jpg", b"", latency=1)
    with mail_server(inbox) as port, serving(tmp_path, smtp_url=f"smtp://127.0.0.1:{port}", mail_from="halve@shop.test") as base:
        request_id = hand_in(base, sheet_of([("Mug", [late])]), email="ann@shop.test").json()["request_id"]
        the_end(base, request_id)
        until(lambda: len(inbox.mails) == 1)
        assert requests.post(f"{base}/retry/{request_id}", timeout=5).status_code == 202
        assert requests.post(f"{base}/cancel/{request_id}", timeout=10).json()["status"] == "cancelled"
        refused = post(base, "/webhook-completed", {"request_id": request_id})
        assert (refused.status_code, refused.json()["code"]) == (409, "no_email")


@pytest.mark.parametrize("route", BOTH)
def test_there_must_be_something_to_send_again(done: Done, idle: str, sheet: bytes, route: str) -> None:
    nothing = post(done.base, route, {"request_id": done.id})
    assert (nothing.status_code, nothing.json()["code"]) == (409, {"/webhook": "no_webhook"}.get(route, "no_email"))
    unfinished = post(idle, route, {"request_id": hand_in(idle, sheet).json()["request_id"]})
    assert (unfinished.status_code, unfinished.json()["code"]) == (409, "not_finished")
    unknown = post(idle, route, {"request_id": str(uuid4())})
    assert (unknown.status_code, unknown.json()["code"]) == (404, "not_found")


@pytest.mark.parametrize("route", BOTH)
@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "bad_json"),
        (b"{", "bad_json"),
        (b"\xff\xfe", "bad_json"),
        (b"[" * 60_000, "bad_json"),
        ([], "bad_json"),
        ("text", "bad_json"),
        (None, "bad_json"),
        ({}, "malformed_id"),
        ({"request_id": None}, "malformed_id"),
        ({"request_id": 7}, "malformed_id"),
        ({"request_id": "7"}, "malformed_id"),
        ({"request_id": ["36977978-8e24-4730-8761-1ca2ce4602bc"]}, "malformed_id"),
    ],
)
def test_a_bad_body_is_400(idle: str, route: str, body: object, code: str) -> None:
    response = post(idle, route, body)
    assert (response.status_code, response.json()["code"]) == (400, code)


@pytest.mark.parametrize("route", BOTH)
def test_a_body_is_bounded(idle: str, route: str) -> None:
    response = post(idle, route, {"request_id": "x" * 100_000})
    assert (response.status_code, response.json()["code"]) == (413, "too_large")


def test_fields_that_are_ignored_may_be_anything(done: Done) -> None:
    response = post(done.base, "/webhook", {"request_id": done.id, "status": 7, "csv_url": [], "more": {}})
    assert response.json()["code"] == "no_webhook"


def test_a_request_erased_in_that_very_moment_is_unknown(
    busy: str, origin: Origin, sheet: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    hook = origin.serve("/hook-erased", b"", status=204)
    request_id = hand_in(busy, sheet, webhook_url=hook).json()["request_id"]
    the_end(busy, request_id)
    redeliver = SqlStates.redeliver

    async def and_erased(states: SqlStates, *which: Any) -> bool:
        done = await redeliver(states, *which)
        await states.erase(which[0])
        return done

    monkeypatch.setattr(SqlStates, "redeliver", and_erased)
    response = post(busy, "/webhook", {"request_id": request_id})
    assert (response.status_code, response.json()["code"]) == (404, "not_found")
