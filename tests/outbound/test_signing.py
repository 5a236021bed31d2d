"""Signatures: ours are read by the specification's own library, and theirs by us."""

from __future__ import annotations

import base64
import time
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from halve.core.errors import OptionRefused
from halve.outbound.signing import SignatureRefused, new_secret, read_secrets, sign, verify

SECRET = new_secret()
BODY = '{"request_id":"x","name":"Süß"}'.encode()


def headers(secret: str = SECRET, id: str = "msg_1", at: float | None = None, body: bytes = BODY) -> dict[str, str]:
    timestamp = int(time.time() if at is None else at)
    return {"webhook-id": id, "webhook-timestamp": str(timestamp), "webhook-signature": sign(secret, id, timestamp, body)}


def test_the_example_of_the_specification() -> None:
    """Key, id, time and body as the reference libraries' tests have them."""
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    signature = sign(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    assert signature == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@given(body=st.text(max_size=200), id=st.from_regex(r"[A-Za-z0-9_-]{1,40}", fullmatch=True))
def test_the_reference_library_accepts_our_signatures(body: str, id: str) -> None:
    raw = body.encode("utf-8", "ignore")
    Webhook(SECRET).verify(raw, headers(id=id, body=raw), json_parse=False)


@given(body=st.text(max_size=200))
def test_we_accept_the_reference_librarys_signatures(body: str) -> None:
    now = datetime.now(UTC)
    text = body.encode("utf-8", "ignore").decode()
    signature = Webhook(SECRET).sign("msg_1", now, text)
    found = {"Webhook-Id": "msg_1", "WEBHOOK-TIMESTAMP": str(int(now.timestamp())), "webhook-signature": signature}
    verify(SECRET, found, text.encode())


def test_a_changed_message_is_refused() -> None:
    good = headers()
    verify(SECRET, good, BODY)
    for changed, body in (
        (good, BODY + b" "),
        (good | {"webhook-id": "msg_2"}, BODY),
        (good | {"webhook-timestamp": str(int(good["webhook-timestamp"]) + 1)}, BODY),
        (good | {"webhook-signature": "v1,"}, BODY),
        (good | {"webhook-signature": good["webhook-signature"].replace("v1", "v1a")}, BODY),
        (good | {"webhook-signature": "v1," + base64.b64encode(bytes(32)).decode()}, BODY),
        (good | {"webhook-signature": "v1,ÿ€"}, BODY),
        (good | {"webhook-id": "\udcff"}, BODY),
    ):
        with pytest.raises(SignatureRefused):
            verify(SECRET, changed, body)
    with pytest.raises(SignatureRefused):
        verify(new_secret(), good, BODY)


@pytest.mark.parametrize("name", ["webhook-id", "webhook-timestamp", "webhook-signature"])
def test_a_message_without_a_header_is_refused_by_name(name: str) -> None:
    found = headers()
    del found[name]
    with pytest.raises(SignatureRefused, match=name):
        verify(SECRET, found, BODY)


@pytest.mark.parametrize(("off", "fine"), [(-299, True), (299, True), (-302, False), (302, False)])
def test_five_minutes_of_tolerance_either_way(off: int, fine: bool) -> None:
    now = 1_700_000_000.0
    found = headers(at=now + off)
    if fine:
        verify(SECRET, found, BODY, now=now)
    else:
        with pytest.raises(SignatureRefused, match="300 s are allowed"):
            verify(SECRET, found, BODY, now=now)


@pytest.mark.parametrize("timestamp", ["", "soon", "-1", "1e9", "1700000000.5", "٣", "9" * 30])
def test_a_timestamp_that_is_none_is_refused(timestamp: str) -> None:
    with pytest.raises(SignatureRefused):
        verify(SECRET, headers() | {"webhook-timestamp": timestamp}, BODY)


def test_while_a_secret_is_changed_receivers_with_either_one_verify() -> None:
    old, new = new_secret(), new_secret()
    both = headers(f"{new} {old}")
    assert len(both["webhook-signature"].split(" ")) == 2
    for secret in (old, new):
        verify(secret, both, BODY)
        Webhook(secret).verify(BODY, both, json_parse=False)
    verify(f"{new} {old}", headers(old), BODY)
    with pytest.raises(WebhookVerificationError):
        Webhook(new_secret()).verify(BODY, both)


def test_a_new_secret_is_of_the_form_that_is_published() -> None:
    assert new_secret() != new_secret()
    (key,) = read_secrets(new_secret())
    assert len(key) == 32


@pytest.mark.parametrize(
    "secret",
    ["", "   ", "secret", "whsec_", "whsec_short", "whsec_!!!", "whsec_" + base64.b64encode(bytes(23)).decode(),
     "whsec_" + base64.b64encode(bytes(65)).decode(), f"whsec_{'A' * 32} nonsense", "whsk_" + base64.b64encode(bytes(32)).decode()],
)  # fmt: skip
def test_an_impossible_secret_names_the_setting_and_keeps_quiet_about_its_value(secret: str) -> None:
    with pytest.raises(OptionRefused) as caught:
        read_secrets(secret)
    assert caught.value.field == "HALVE_WEBHOOK_SECRET"
    assert not secret.strip() or secret.rsplit(maxsplit=1)[-1] not in str(caught.value) or secret == "whsec_"


def test_an_id_with_a_full_stop_is_never_signed() -> None:
    with pytest.raises(ValueError, match="full stop"):
        sign(SECRET, "a.b", 1, BODY)
