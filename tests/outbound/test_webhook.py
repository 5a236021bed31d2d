"""Webhooks out, to a real receiver: what is sent, and what the answers mean."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
from standardwebhooks.webhooks import Webhook

from halve import __version__
from halve.core.errors import OptionRefused
from halve.core.models import Delivery, DeliveryKind
from halve.outbound.guard import Guard
from halve.outbound.schedule import RETRY_SCHEDULE, retry_delay
from halve.outbound.signing import new_secret
from halve.outbound.webhook import HttpWebhooks
from tests.outbound.conftest import LOOPBACK, TRUST, connections_to
from tests.support.origin import Origin

SECRET = new_secret()
BODY = json.dumps({"request_id": "x", "name": "Süß"}).encode()


@pytest.fixture
async def webhooks() -> AsyncIterator[HttpWebhooks]:
    webhooks = HttpWebhooks(Guard([LOOPBACK]), SECRET, timeout=0.5, tls=TRUST)
    yield webhooks
    await webhooks.close()


def to(target: str) -> Delivery:
    return Delivery(id=uuid4(), request_id=uuid4(), kind=DeliveryKind.WEBHOOK, target=target)


async def test_what_is_sent_is_signed_json_that_the_reference_library_accepts(origin: Origin, webhooks: HttpWebhooks) -> None:
    delivery = to(origin.serve("/hook", b"thanks"))
    answer = await webhooks.send(delivery, BODY)
    assert (answer.delivered, answer.text, answer.over) == (True, "200 thanks", False)
    (seen,) = origin.seen("/hook")
    assert (seen.method, seen.body) == ("POST", BODY)
    assert seen.headers["Content-Type"] == "application/json"
    assert seen.headers["User-Agent"] == f"halve/{__version__}"
    assert seen.headers["webhook-id"] == str(delivery.id)
    assert Webhook(SECRET).verify(seen.body, dict(seen.headers)) == json.loads(BODY)


async def test_another_attempt_has_the_same_id_and_its_own_time(
    origin: Origin, webhooks: HttpWebhooks, monkeypatch: pytest.MonkeyPatch
) -> None:
    delivery = to(origin.flaky("/hook", b"", failures=1))
    assert not (await webhooks.send(delivery, BODY)).delivered
    later = time.time() + 90
    monkeypatch.setattr(time, "time", lambda: later)
    assert (await webhooks.send(delivery, BODY)).delivered
    first, second = origin.seen("/hook")
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert int(second.headers["webhook-timestamp"]) - int(first.headers["webhook-timestamp"]) in (90, 91)
    assert first.headers["webhook-signature"] != second.headers["webhook-signature"]


@pytest.mark.parametrize(
    ("status", "delivered", "over"),
    [(200, True, False), (201, True, False), (204, True, False), (400, False, False), (401, False, False), (404, False, False),
     (410, False, True), (429, False, False), (500, False, False), (503, False, False)],
)  # fmt: skip
async def test_what_a_status_means(origin: Origin, webhooks: HttpWebhooks, status: int, delivered: bool, over: bool) -> None:
    answer = await webhooks.send(to(origin.status("/hook", status)), BODY)
    assert (answer.delivered, answer.over) == (delivered, over)
    assert answer.text.startswith(str(status))


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_a_redirect_is_a_failure_and_is_not_followed(origin: Origin, webhooks: HttpWebhooks, status: int) -> None:
    origin.serve("/there", b"")
    answer = await webhooks.send(to(origin.redirect("/hook", "/there", status)), BODY)
    assert (answer.delivered, answer.over) == (False, False)
    assert "redirect" in answer.text
    assert origin.hits("/there") == 0


@pytest.mark.parametrize("status", [429, 503])
async def test_retry_after_is_handed_on(origin: Origin, webhooks: HttpWebhooks, status: int) -> None:
    assert (await webhooks.send(to(origin.status("/hook", status, {"Retry-After": "120"})), BODY)).retry_after == 120
    assert (await webhooks.send(to(origin.status("/far", status, {"Retry-After": "9999999"})), BODY)).retry_after == 86_400


async def test_a_receiver_that_does_not_answer_is_given_up_soon(origin: Origin, webhooks: HttpWebhooks) -> None:
    started = time.monotonic()
    answer = await webhooks.send(to(origin.slow_headers("/hook", b"", 30)), BODY)
    assert (answer.delivered, answer.text) == (False, "no answer within 0.5 s")
    assert time.monotonic() - started < 2


async def test_a_long_or_ugly_answer_is_kept_short_and_clean(origin: Origin, webhooks: HttpWebhooks) -> None:
    answer = await webhooks.send(to(origin.serve("/hook", b"a\r\n\x1b[31m\0b\xff" + b"x" * 100_000)), BODY)
    assert answer.delivered
    assert answer.text.startswith("200 a [31mb")
    assert len(answer.text) < 310
    assert answer.text.isprintable()
    assert (await webhooks.send(to(origin.endless("/endless")), BODY)).delivered


async def test_a_private_receiver_is_refused_at_the_socket(origin: Origin) -> None:
    webhooks = HttpWebhooks(Guard(), SECRET, tls=TRUST)
    for host in ("127.0.0.1", "localhost", "2130706433"):
        answer = await webhooks.send(to(origin.serve("/hook", b"").replace("127.0.0.1", host)), BODY)
        assert not answer.delivered
        assert answer.text.startswith("address not allowed: ")
    assert origin.hits() == 0
    await webhooks.close()


async def test_a_receiver_that_is_not_there_or_breaks_off_is_told(origin: Origin, webhooks: HttpWebhooks) -> None:
    assert (await webhooks.send(to("http://hooks.invalid/"), BODY)).text == "no such host: hooks.invalid"
    assert (await webhooks.send(to("http://xn--a-ecp.invalid/"), BODY)).text == "no such host: xn--a-ecp.invalid"
    answer = await webhooks.send(to(origin.raw("/hook", b"", reset=True)), BODY)
    assert answer.text == "connection failed: reset by the server"
    answer = await webhooks.send(to("http://anna:secret@exa mple.com/"), BODY)
    assert answer.over
    assert "secret" not in answer.text


async def test_credentials_in_the_address_go_as_basic_authentication(origin: Origin, webhooks: HttpWebhooks) -> None:
    answer = await webhooks.send(to(origin.serve("/hook", b"").replace("http://", "http://anna:secret@")), BODY)
    assert answer.delivered
    assert origin.seen("/hook")[0].headers["Authorization"].startswith("Basic ")


async def test_many_at_once_leave_nothing_behind(origin: Origin, webhooks: HttpWebhooks) -> None:
    good, bad = origin.serve("/good", b"", latency=0.01), origin.status("/bad", 500)
    answers = await asyncio.gather(*(webhooks.send(to(url), BODY) for url in [good, bad] * 25))
    assert [answer.delivered for answer in answers] == [True, False] * 25
    await webhooks.close()
    assert await connections_to(origin.port) == 0


def test_an_impossible_secret_is_found_at_start() -> None:
    with pytest.raises(OptionRefused, match="HALVE_WEBHOOK_SECRET"):
        HttpWebhooks(Guard(), "secret")


def test_the_schedule_is_the_published_one() -> None:
    assert list(RETRY_SCHEDULE) == [0, 5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400]
    for attempts in range(1, 10):
        delay = retry_delay(attempts)
        assert delay is not None
        assert RETRY_SCHEDULE[attempts] * 0.9 <= delay <= RETRY_SCHEDULE[attempts]
    assert retry_delay(10) is None
    assert retry_delay(11) is None


def test_what_failed_together_does_not_come_back_together() -> None:
    assert len({retry_delay(3) for _ in range(20)}) > 10
