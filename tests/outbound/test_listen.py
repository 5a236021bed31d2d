"""`halve listen`, as a process of its own, hears what our sender says."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
import requests

from halve.core.models import Delivery, DeliveryKind
from halve.outbound.guard import Guard
from halve.outbound.signing import new_secret, sign
from halve.outbound.webhook import HttpWebhooks
from tests.outbound.conftest import LOOPBACK, TRUST

SECRET = new_secret()

COMMAND = [sys.executable, "-m", "halve", "listen"]


def clean() -> dict[str, str]:
    """The environment without settings of whoever runs the tests."""
    return {name: value for name, value in os.environ.items() if not name.startswith("HALVE_")}


class Listener:
    def __init__(self, process: subprocess.Popen[str], url: str) -> None:
        self.process, self.url = process, url

    def line(self) -> dict[str, object]:
        assert self.process.stdout is not None
        found = json.loads(self.process.stdout.readline())
        assert isinstance(found, dict)
        return found


@contextmanager
def listening(*options: str, stdout: int | IO[str] = subprocess.PIPE) -> Iterator[Listener]:
    command = [*COMMAND, "--port", "0", *options]
    process = subprocess.Popen(command, env=clean(), stdout=stdout, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stderr is not None
        found = re.search(r"http://\S+?/webhook", process.stderr.readline())
        assert found
        yield Listener(process, found[0])
    finally:
        process.kill()
        process.communicate()


@pytest.fixture(scope="module")
def listener() -> Iterator[Listener]:
    with listening("--secret", SECRET) as listener:
        yield listener


def headers(body: bytes, secret: str = SECRET, id: str = "msg_1") -> dict[str, str]:
    now = int(time.time())
    return {"webhook-id": id, "webhook-timestamp": str(now), "webhook-signature": sign(secret, id, now, body)}


async def test_a_webhook_of_ours_is_verified_and_shown_once_as_new(listener: Listener) -> None:
    delivery = Delivery(uuid4(), uuid4(), DeliveryKind.WEBHOOK, listener.url)
    webhooks = HttpWebhooks(Guard([LOOPBACK]), SECRET, tls=TRUST)
    answers = [await webhooks.send(delivery, b'{"status":"completed","name":"S\xc3\xbc\xc3\x9f"}') for _ in range(2)]
    await webhooks.close()
    assert [answer.delivered for answer in answers] == [True, True]
    first, second = listener.line(), listener.line()
    assert (first["id"], first["verified"], first["repeated"]) == (str(delivery.id), True, False)
    assert first["payload"] == {"status": "completed", "name": "Süß"}
    assert abs(int(str(first["timestamp"])) - time.time()) < 60
    assert second["repeated"] is True


def test_a_forged_message_is_answered_401_and_not_shown(listener: Listener) -> None:
    for wrong in (headers(b"{}", new_secret()), headers(b"{ }"), {}):
        answer = requests.post(listener.url, data=b"{}", headers=wrong, timeout=5)
        assert (answer.status_code, answer.json()["code"]) == (401, "bad_signature")
    requests.post(listener.url, data=b'{"after":1}', headers=headers(b'{"after":1}', id="after"), timeout=5)
    assert listener.line()["id"] == "after"


def test_what_is_too_large_or_no_json_is_refused(listener: Listener) -> None:
    assert requests.post(listener.url, data=bytes(2**20 + 1), timeout=5).status_code == 413
    for body in (b"<xml/>", b"NaN", b"[1e999]", b"[" * 100_000):
        assert requests.post(listener.url, data=body, headers=headers(body), timeout=5).status_code == 400
    assert requests.get(listener.url, timeout=5).status_code == 405


def test_what_is_refused_is_told_on_stderr() -> None:
    with listening() as listener:
        assert requests.post(listener.url, data=bytes(2**20 + 1), timeout=5).json()["code"] == "too_large"
        assert requests.post(listener.url, data=b"<xml/>", timeout=5).status_code == 400
        assert listener.process.stderr is not None
        assert listener.process.stderr.readline() == "413: a message of more than 1,048,576 bytes\n"
        assert listener.process.stderr.readline().startswith("400: ")


@pytest.mark.parametrize("nonsense", [b"\x16\x03\x01\x00\xa5 TLS\r\n\r\n", b"GET /webhook HTTP/1.1\r\nno colon\r\n\r\n"])
def test_what_is_no_http_is_told_in_a_line(nonsense: bytes) -> None:
    with listening() as listener:
        place = urlsplit(listener.url)
        with socket.create_connection((place.hostname, place.port)) as stranger:
            stranger.sendall(nonsense)
            assert b" 400 " in stranger.recv(1000)
        assert requests.post(listener.url, data=b"{}").status_code == 204
        listener.process.send_signal(signal.SIGTERM)
        assert listener.process.stderr is not None
        assert listener.process.stderr.read() == "400: what is no HTTP\n"


def test_without_a_secret_messages_are_shown_as_unverified() -> None:
    with listening() as listener:
        assert requests.post(listener.url, data=b"[1]", timeout=5).status_code == 204
        assert listener.line() == {"id": None, "timestamp": None, "verified": False, "repeated": False, "payload": [1]}


def test_options_left_empty_are_as_good_as_none_and_open_nothing_to_the_world(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".env").write_text(f"HALVE_WEBHOOK_SECRET={SECRET}\n")
    monkeypatch.chdir(tmp_path)
    with listening("--host", "", "--secret", "") as listener:
        assert urlsplit(listener.url).hostname == "127.0.0.1"
        assert requests.post(listener.url, data=b"{}", timeout=5).status_code == 401


def test_the_secret_is_found_where_the_servers_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".env").write_text(f"HALVE_WEBHOOK_SECRET={SECRET}\n")
    monkeypatch.chdir(tmp_path)
    with listening() as listener:
        assert requests.post(listener.url, data=b"{}", timeout=5).status_code == 401
        assert requests.post(listener.url, data=b"{}", headers=headers(b"{}"), timeout=5).status_code == 204


def test_half_a_character_in_a_message_is_shown_as_it_came() -> None:
    with listening() as listener:
        answer = requests.post(listener.url, data=b'{"name": "caf\xc3\xa9 \\ud83d"}', timeout=5)
        assert answer.status_code == 204
        assert listener.line()["payload"] == {"name": "café \ud83d"}


def test_a_message_is_one_line_to_all_who_read_lines() -> None:
    """Python's `splitlines` and Node's `readline` end a line at letters, too, that JSON leaves as they are."""
    with listening() as listener:
        payload = {"name": "a\u2028b\u2029c\x85d", "other": "é"}
        body = json.dumps(payload, ensure_ascii=False).encode()
        assert requests.post(listener.url, data=body, timeout=5).status_code == 204
        assert listener.process.stdout is not None
        [line] = listener.process.stdout.readline().splitlines()
        assert json.loads(line)["payload"] == payload


def test_a_message_that_nobody_reads_is_not_called_received_and_ends_it() -> None:
    with listening() as listener:
        assert listener.process.stdout is not None
        assert requests.post(listener.url, data=b"[1]", timeout=5).status_code == 204
        assert listener.line()["payload"] == [1]
        listener.process.stdout.close()  # as `halve listen | head -1` does
        answer = requests.post(listener.url, data=b"[2]", timeout=5)
        assert (answer.status_code, answer.json()["code"]) == (503, "not_shown")
        assert listener.process.wait(timeout=10) == 0
        assert listener.process.stderr is not None
        assert listener.process.stderr.read() == ""
        listener.process.stdout = None


def test_a_full_disk_under_its_lines_is_told() -> None:
    with Path("/dev/full").open("w") as full, listening(stdout=full) as listener:
        assert requests.post(listener.url, data=b"[1]", timeout=5).status_code == 503
        assert listener.process.wait(timeout=10) == 3
        assert listener.process.stderr is not None
        assert "No space left on device" in listener.process.stderr.read()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 0)])
def test_it_ends_when_told_to(number: signal.Signals, code: int) -> None:
    with listening() as listener:
        listener.process.send_signal(number)
        assert listener.process.wait(timeout=10) == code


def test_a_port_that_is_taken_or_an_impossible_secret_is_said(listener: Listener) -> None:
    port = listener.url.rsplit(":", 1)[1].removesuffix("/webhook")
    for options, said in ((["--port", port], "--port"), (["--host", "a..b"], "a..b"), (["--secret", "x"], "--secret")):
        done = subprocess.run([*COMMAND, *options], env=clean(), check=False, capture_output=True, text=True, timeout=20)
        assert done.returncode == 2
        assert said in done.stderr
        assert "Traceback" not in done.stderr
