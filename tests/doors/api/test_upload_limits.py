"""Bounds of an upload hold while it streams, whatever its headers claim; and broken bodies are named for what they are."""

from __future__ import annotations

import gzip
import json
import select
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests

from halve.doors.api.upload import UPLOADS_AT_ONCE
from tests.support.serving import hand_in, serving, until
from tests.support.shop import sheet_of

MAX = 50_000
"""What the idle server takes."""

BOUNDARY = b"----frontier"
HEAD = b"--" + BOUNDARY + b'\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\n'
TAIL = b"\r\n--" + BOUNDARY + b"--\r\n"
MULTIPART = {"Content-Type": "multipart/form-data; boundary=" + BOUNDARY.decode()}


def code_of(response: requests.Response) -> tuple[int, str]:
    assert response.headers["Content-Type"] == "application/problem+json"
    return response.status_code, response.json()["code"]


def filled(size: int) -> bytes:
    """A good sheet of exactly that many bytes."""
    sheet = sheet_of([("Mug", ["https://shop.test/mug.jpg"])])
    return sheet + b"\n" * (size - len(sheet))


def send_raw(base: str, raw: bytes) -> bytes:
    """What a server answers to exactly these bytes."""
    address = urlsplit(base)
    assert address.hostname
    assert address.port
    with socket.create_connection((address.hostname, address.port), timeout=10) as connection:
        connection.sendall(raw)
        answer = b""
        while piece := connection.recv(65_536):
            answer += piece
        return answer


def test_a_sheet_of_exactly_the_most_bytes_is_taken_and_of_one_more_is_not(idle: str) -> None:
    assert hand_in(idle, filled(MAX)).status_code == 202
    refused = hand_in(idle, filled(MAX + 1))
    assert code_of(refused) == (413, "too_large")
    assert refused.json()["title"] == "Content Too Large"  # RFC 9110's phrase, on every Python


def test_a_huge_upload_is_refused_before_it_is_sent(idle: str) -> None:
    head = f"POST /upload HTTP/1.1\r\nHost: a.test\r\nContent-Length: 9999999999\r\nContent-Type: {MULTIPART['Content-Type']}\r\n"
    answer = send_raw(idle, (head + "Expect: 100-continue\r\nConnection: close\r\n\r\n").encode())
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"100 Continue" not in answer


def test_a_body_without_a_length_is_bounded_too(idle: str) -> None:
    def endless() -> Iterator[bytes]:
        yield HEAD
        for _ in range(200):
            yield b"x" * 10_000

    assert code_of(requests.post(f"{idle}/upload", data=endless(), headers=MULTIPART, timeout=10)) == (413, "too_large")


def test_bytes_beyond_the_form_count_too(idle: str) -> None:
    body = HEAD + filled(1_000) + TAIL + b"x" * 600_000
    assert code_of(requests.post(f"{idle}/upload", data=iter([body]), headers=MULTIPART, timeout=10)) == (413, "too_large")


def test_a_gz_that_unpacks_to_more_than_a_sheet_may_be_is_too_large(idle: str) -> None:
    response = hand_in(idle, gzip.compress(b"a" * (10 * MAX + 1)), name="bomb.csv.gz")
    assert code_of(response) == (413, "too_large")


def test_a_long_field_is_refused(idle: str) -> None:
    assert code_of(hand_in(idle, filled(1_000), columns="serial=" + "x" * 5_000)) == (400, "field_too_long")


def test_many_fields_do_not_pile_up(idle: str) -> None:
    part = b"--" + BOUNDARY + b'\r\nContent-Disposition: form-data; name="quality"\r\n\r\n50\r\n'
    assert code_of(requests.post(f"{idle}/upload", data=part * 3_000, headers=MULTIPART, timeout=10)) == (400, "duplicate_field")


def test_broken_forms_are_told_from_good_ones(idle: str) -> None:
    good = filled(1_000)
    broken = {
        "cut short": HEAD + good,
        "empty": b"",
        "no boundary in it": good,
        "another boundary": (HEAD + good + TAIL).replace(BOUNDARY, b"other"),
        "no disposition": b"--" + BOUNDARY + b"\r\nContent-Type: text/csv\r\n\r\n" + good + TAIL,
        "no name": b"--" + BOUNDARY + b"\r\nContent-Disposition: form-data\r\n\r\n" + good + TAIL,
        "another disposition": HEAD.replace(b"form-data", b"attachment") + good + TAIL,
        "base64": HEAD.replace(b"\r\n\r\n", b"\r\nContent-Transfer-Encoding: base64\r\n\r\n") + good + TAIL,
        "broken header": b"--" + BOUNDARY + b"\r\nContent Disposition\r\n\r\n" + good + TAIL,
    }
    for what, body in broken.items():
        response = requests.post(f"{idle}/upload", data=body, headers=MULTIPART, timeout=10)
        assert code_of(response) == (400, "malformed_multipart"), what
    told = requests.post(f"{idle}/upload", data=(HEAD + good + TAIL).replace(BOUNDARY, b"other"), headers=MULTIPART, timeout=10)
    assert "boundary" in told.json()["detail"]
    assert "does not stand in it" in told.json()["detail"]
    long_name = HEAD.replace(b"a.csv", b"a" * 5_000 + b".csv", 1) + good + TAIL
    response = requests.post(f"{idle}/upload", data=long_name, headers=MULTIPART, timeout=10)
    assert code_of(response) == (400, "malformed_multipart")
    assert "too long" in response.json()["detail"]
    no_boundary = requests.post(
        f"{idle}/upload", data=HEAD + good + TAIL, headers={"Content-Type": "multipart/form-data"}, timeout=10
    )
    assert code_of(no_boundary) == (400, "malformed_multipart")
    assert requests.post(f"{idle}/upload", data=HEAD + good + TAIL, headers=MULTIPART, timeout=10).status_code == 202


def test_words_must_be_utf_8(idle: str) -> None:
    for word in (b"\xff\xfe", b"50\x00"):
        part = b"--" + BOUNDARY + b'\r\nContent-Disposition: form-data; name="quality"\r\n\r\n' + word + b"\r\n"
        response = requests.post(f"{idle}/upload", data=part + HEAD + filled(1_000) + TAIL, headers=MULTIPART, timeout=10)
        assert code_of(response) == (400, "bad_field")


def test_a_client_that_leaves_in_the_middle_harms_nobody(idle: str) -> None:
    address = urlsplit(idle)
    with socket.create_connection((address.hostname, address.port), timeout=10) as connection:
        head = (
            f"POST /upload HTTP/1.1\r\nHost: a.test\r\nContent-Length: 40000\r\nContent-Type: {MULTIPART['Content-Type']}\r\n\r\n"
        )
        connection.sendall(head.encode() + HEAD + b"S. No.")
    assert hand_in(idle, filled(1_000)).status_code == 202


def test_who_is_slower_than_a_server_may_stop_is_asked_to_come_back(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with serving(tmp_path, worker=False) as base:
        address = urlsplit(base)
        connection = socket.create_connection((address.hostname or "", address.port or 0), timeout=20)
        head = "POST /upload HTTP/1.1\r\nHost: a\r\nContent-Type: multipart/form-data; boundary=x\r\nContent-Length: 9000\r\n\r\n"
        connection.sendall(head.encode() + b"--x\r\n")
        until(lambda: list(tmp_path.rglob("upload-*")))
    with connection:
        told, _, body = b"".join(iter(lambda: connection.recv(65_536), b"")).partition(b"\r\n\r\n")
    assert told.startswith(b"HTTP/1.1 503 ")
    assert b"\r\nretry-after: 5" in told
    assert b"\r\nx-content-type-options: nosniff" in told
    assert json.loads(body)["code"] == "busy"
    assert [record for record in caplog.records if record.exc_info] == []
    assert list(tmp_path.rglob("upload-*")) == []


def test_a_client_that_stands_still_is_not_waited_for(idle: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("halve.doors.api.incoming.STALL", 0.2)
    for path, media_type in (("/upload", MULTIPART["Content-Type"]), ("/webhook", "application/json")):
        head = f"POST {path} HTTP/1.1\r\nHost: a.test\r\nContent-Length: 4000\r\nContent-Type: {media_type}\r\n\r\n"
        answer = send_raw(idle, head.encode() + HEAD[:20])
        assert answer.startswith(b"HTTP/1.1 408 ")
        assert b'"code":"timeout"' in answer


def connected(base: str) -> socket.socket:
    address = urlsplit(base)
    assert address.hostname
    assert address.port
    return socket.create_connection((address.hostname, address.port), timeout=10)


BEGUN = (
    f"POST /upload HTTP/1.1\r\nHost: a.test\r\nContent-Length: 4000\r\nContent-Type: {MULTIPART['Content-Type']}\r\n\r\n".encode()
)


def test_a_client_that_drips_is_not_waited_for(idle: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("halve.doors.api.incoming.STALL", 0.3)
    with connected(idle) as connection:
        connection.sendall(BEGUN)
        for letter in HEAD:
            connection.sendall(bytes([letter]))
            if select.select([connection], [], [], 0.02)[0]:
                break
        else:
            pytest.fail("it was waited for, and would have been for hours")
        assert connection.recv(100).startswith(b"HTTP/1.1 408 ")


def test_a_hundred_uploads_at_once_are_all_taken(idle: str) -> None:
    with ThreadPoolExecutor(100) as clients:
        answers = list(clients.map(lambda _: hand_in(idle, filled(1_000)).status_code, range(100)))
    assert answers == [202] * 100


def test_whoever_waits_too_long_for_a_place_is_asked_to_come_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("halve.doors.api.upload.PATIENCE", 0.1)
    with serving(tmp_path, worker=False) as base:
        with ExitStack() as stack:
            for _ in range(UPLOADS_AT_ONCE):
                stack.enter_context(connected(base)).sendall(BEGUN)
            time.sleep(0.2)
            response = hand_in(base, filled(1_000))
            assert code_of(response) == (503, "busy")
            assert response.headers["Retry-After"] == "5"
            assert requests.get(f"{base}/healthz", timeout=5).status_code == 200
        assert hand_in(base, filled(1_000)).status_code == 202
