"""What is no HTTP request, or takes for ever to become one, is answered as every error is."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from urllib.parse import urlsplit

import pytest
import uvicorn
from starlette.responses import Response, StreamingResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from halve.doors import protocol
from halve.doors.protocol import HEAD_WITHIN, CarefulHttp
from tests.support.command import serving

BOTH_LENGTHS = b"POST /webhook HTTP/1.1\r\nHost: a.test\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
"""Servers and proxies that disagree about where it ends can be made to see requests in it that nobody sent (RFC 9112, 6.1)."""


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serving(tmp_path_factory.mktemp("served")) as base:
        yield base


def connected(base: str) -> socket.socket:
    address = urlsplit(base)
    assert address.hostname
    return socket.create_connection((address.hostname, address.port or 0), timeout=2 * HEAD_WITHIN)


def answered(connection: socket.socket) -> tuple[bytes, dict[str, object]]:
    """The answer's head and problem, once the server has closed the connection."""
    answer = b""
    while piece := connection.recv(65_536):
        answer += piece
    head, _, body = answer.partition(b"\r\n\r\n")
    return head, json.loads(body)


@pytest.mark.parametrize(
    ("sent", "status", "code"),
    [
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400, "malformed_http"),
        (b"GET /healthz\r\n\r\n", 400, "malformed_http"),
        (b"GET /healthz HTTP/1.1\r\n\r\n", 400, "malformed_http"),
        (b"GET /healthz HTTP/1.1\r\nHost: a.test\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello", 400, "malformed_http"),
        (b"GET /healthz HTTP/1.1\r\nHost: a.test\r\nX: " + b"x" * 2_000_000, 431, "head_too_large"),
        (b"GET /healthz HTTP/1.1\r\nHost: a.test\r\nX: " + b"x" * 65_536 + b"\r\n\r\n", 431, "head_too_large"),
        (b"GET /healthz HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\nno length\r\n", 400, "malformed_http"),
        (BOTH_LENGTHS, 400, "malformed_http"),
        (b"POST /webhook HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, "malformed_http"),
    ],
)
def test_what_is_no_request_is_a_problem(base: str, sent: bytes, status: int, code: str) -> None:
    with closing(connected(base)) as connection:
        connection.sendall(sent)
        head, problem = answered(connection)
    assert head.startswith(b"HTTP/1.1 %d " % status)
    assert b"\r\ncontent-type: application/problem+json" in head.lower()
    assert b"\r\nx-content-type-options: nosniff" in head.lower()
    assert (problem["status"], problem["code"]) == (status, code)


def test_a_head_asked_for_is_answered_without_a_body(base: str) -> None:
    with closing(connected(base)) as connection:
        connection.sendall(b"HEAD /healthz HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\nno length\r\n")
        answer = b"".join(iter(lambda: connection.recv(65_536), b""))
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert answer.endswith(b"\r\n\r\n")


@pytest.mark.parametrize(
    ("target", "status"),
    [
        (b"http://a.test/healthz", 200),
        (b"HTTP://a.test:80/requests?limit=1", 200),
        (b"https://a.test/requests?limit=x", 400),
        (b"http://a.test", 200),
        (b"http://a.test?x", 200),
        (b"http://a.test/nowhere", 404),
    ],
)
def test_a_target_may_be_a_whole_url(base: str, target: bytes, status: int) -> None:
    """As proxies are asked, and a server must understand (RFC 9112, 3.2.2)."""
    with closing(connected(base)) as connection:
        connection.sendall(b"GET %s HTTP/1.1\r\nHost: other.test\r\nConnection: close\r\n\r\n" % target)
        answer = b"".join(iter(lambda: connection.recv(65_536), b""))
    assert answer.startswith(b"HTTP/1.1 %d " % status)


def test_the_host_in_a_whole_url_is_what_links_are_made_from(base: str) -> None:
    sheet = b"S. No.,Product Name,Input Image Urls\r\n1,Mug,http://a.test/a.jpg\r\n"
    part = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\n%s\r\n--x--\r\n' % sheet
    head = b"Host: other.test\r\nConnection: close\r\nContent-Type: multipart/form-data; boundary=x\r\nContent-Length: %d\r\n\r\n"
    with closing(connected(base)) as connection:
        connection.sendall(b"POST http://a.test:8000/upload HTTP/1.1\r\n" + head % len(part) + part)
        head, accepted = answered(connection)
    assert head.startswith(b"HTTP/1.1 202 ")
    assert str(accepted["status_url"]).startswith("http://a.test:8000/status/")


def test_a_long_head_is_taken(base: str) -> None:
    with closing(HTTPConnection(urlsplit(base).netloc, timeout=10)) as connection:
        connection.request("GET", "/healthz", headers={f"X-{n}": "x" * 6_000 for n in range(10)})
        assert connection.getresponse().status == 200


@pytest.mark.torture
def test_a_head_that_does_not_end_is_not_waited_for(base: str) -> None:
    begun = time.monotonic()
    with closing(connected(base)) as silent, closing(connected(base)) as dripping:
        head = iter(b"GET /healthz HTTP/1.1\r\nHost: a.test\r\nX: " + b"x" * 1_000)
        while time.monotonic() < begun + HEAD_WITHIN - 1:
            dripping.sendall(bytes([next(head)]))
            time.sleep(0.5)
        for connection in (silent, dripping):
            assert answered(connection)[1]["code"] == "timeout"
    assert time.monotonic() < begun + HEAD_WITHIN + 3


def test_a_connection_is_used_again_and_again(base: str) -> None:
    with closing(HTTPConnection(urlsplit(base).netloc, timeout=10)) as connection:
        connection.connect()
        first = connection.sock
        for path, status in (("/healthz", 200), ("/nowhere", 404), ("/readyz", 200)):
            connection.request("GET", path)
            response = connection.getresponse()
            response.read()
            assert (response.status, connection.sock) == (status, first)


def test_who_has_nothing_more_to_say_is_answered_all_the_same(base: str) -> None:
    """Programs that pipe a request into a connection close their side of it and wait (RFC 9112, 9.6)."""
    with closing(connected(base)) as connection:
        connection.sendall(b"GET /readyz HTTP/1.1\r\nHost: a.test\r\n\r\n")
        connection.shutdown(socket.SHUT_WR)
        begun = time.monotonic()
        answer = b"".join(iter(lambda: connection.recv(65_536), b""))
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert answer.endswith(b'{"status":"ready"}')
    assert time.monotonic() < begun + 3, "nothing more can come, so the connection is closed at once"


@contextmanager
def spoken(app: ASGIApp) -> Iterator[str]:
    """The protocol with that behind it."""
    with socket.create_server(("127.0.0.1", 0)) as bound:
        server = uvicorn.Server(uvicorn.Config(app, http=CarefulHttp, lifespan="off", log_config=None))
        thread = threading.Thread(target=server.run, args=([bound],), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{bound.getsockname()[1]}"
        server.should_exit = True
        thread.join(10)
    assert not thread.is_alive()


def test_an_answer_that_nobody_takes_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "TAKEN_WITHIN", 0.5)
    given_up = threading.Event()

    async def endless() -> AsyncIterator[bytes]:
        try:
            while True:
                yield bytes(65_536)
                await asyncio.sleep(0)
        finally:
            given_up.set()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await StreamingResponse(endless())(scope, receive, send)

    with spoken(app) as base, closing(connected(base)) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: a.test\r\n\r\n")
        begun = time.monotonic()
        while time.monotonic() < begun + 1.5:  # who takes some of it now and then goes on getting it
            assert connection.recv(1_000_000)
            time.sleep(0.01)
        assert not given_up.is_set()
        assert given_up.wait(10)


@pytest.mark.parametrize("to", ["h2c", "websocket"])
def test_who_asks_for_another_protocol_is_answered_in_this_one(to: str, caplog: pytest.LogCaptureFixture) -> None:
    with spoken(Response("here")) as base, closing(connected(base)) as connection:
        head = b"GET / HTTP/1.1\r\nHost: a.test\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: %s\r\nHTTP2-Settings: x\r\n\r\n"
        connection.sendall(head % to.encode())
        answer = connection.recv(65_536)
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert [record for record in caplog.records if record.levelname == "WARNING"] == []


def test_who_hangs_up_in_the_middle_of_a_body_is_not_waited_for(base: str) -> None:
    with closing(connected(base)) as connection:
        connection.sendall(b"POST /webhook HTTP/1.1\r\nHost: a.test\r\nContent-Length: 500\r\n\r\n{")
        connection.shutdown(socket.SHUT_WR)
        begun = time.monotonic()
        assert connection.recv(65_536) == b""
    assert time.monotonic() < begun + 3
