"""What comes over a connection beside the answers: nothing of it is taken for a picture, and none of it costs one."""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
import trustme
import uvloop

from halve.core.errors import ImageFailed
from halve.outbound.connection import Connection
from halve.outbound.fetch import FetchLimits, HttpFetcher
from halve.outbound.guard import Guard
from tests.outbound.conftest import LOOPBACK, TRUST
from tests.support.origin import Origin

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

HEAD = b"HTTP/1.1 200 OK\r\n"


def picture(path: str) -> bytes:
    return b"\xff\xd8\xff\xe0" + path.encode() * 20


def answer(path: str) -> bytes:
    return HEAD + b"Content-Length: %d\r\n\r\n" % len(picture(path)) + picture(path)


async def question(reader: asyncio.StreamReader) -> str:
    return (await reader.readuntil(b"\r\n\r\n")).split()[1].decode()


@asynccontextmanager
async def talking(talk: Talk) -> AsyncIterator[str]:
    """An origin that says what it likes, at this URL."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await talk(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def get(fetcher: HttpFetcher, url: str) -> bytes:
    async with fetcher.fetch(url) as body:
        return body.read()


# ── beyond the end of an answer ───────────────────────────────────────────────────────────────────────────────────────


def asked(serve: Callable[[socket.socket], None], story: Callable[[str], Coroutine[Any, Any, None]]) -> None:
    """Ask, under uvloop, what a thread serves over TLS; the story is given its URL."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=serve, args=(listening,), daemon=True)
        thread.start()
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(story(f"https://127.0.0.1:{listening.getsockname()[1]}/a.jpg"))
        listening.shutdown(socket.SHUT_RDWR)
        thread.join(2)


@pytest.mark.parametrize("size", [100, 1_000_000])
@pytest.mark.parametrize("more", [b"\r\n", b"\n\n", b"<!-- served in 3 ms -->", bytes(100), HEAD + b"Content-Length: 2\r\n\r\nhi"])
@pytest.mark.parametrize("header", [b"", b"Connection: close\r\n"])
async def test_bytes_beyond_the_stated_length_are_left_alone(
    origin: Origin, fetcher: HttpFetcher, size: int, more: bytes, header: bytes
) -> None:
    body = picture("/a.jpg") + bytes(size)
    origin.raw("/a.jpg", HEAD + header + b"Content-Length: %d\r\n\r\n" % len(body) + body + more)
    assert await get(fetcher, origin.url("/a.jpg")) == body


async def test_bytes_beyond_the_last_chunk_are_left_alone(origin: Origin, fetcher: HttpFetcher) -> None:
    body = picture("/a.jpg")
    chunked = b"Transfer-Encoding: chunked\r\n\r\n%x\r\n" % len(body) + body + b"\r\n0\r\n\r\n"
    assert await get(fetcher, origin.raw("/a.jpg", HEAD + chunked + b"and more")) == body


@pytest.mark.parametrize(
    ("said", "code"),
    [
        (b"404 Not Found\r\nContent-Length: 4\r\n\r\nnope, and more", "not_found"),
        (b"204 No Content\r\n\r\nall the same", "empty"),
        (b"302 Found\r\nContent-Length: 0\r\nLocation: /nowhere\r\n\r\nover there", "not_found"),
    ],
)
async def test_bytes_beyond_an_answer_do_not_hide_what_it_says(
    origin: Origin, fetcher: HttpFetcher, said: bytes, code: str
) -> None:
    with pytest.raises(ImageFailed) as caught:
        await get(fetcher, origin.raw("/a.jpg", b"HTTP/1.1 " + said))
    assert caught.value.code == code


# ── between two questions ─────────────────────────────────────────────────────────────────────────────────────────────


async def test_an_answer_that_nobody_asked_for_is_no_links_picture(fetcher: HttpFetcher) -> None:
    async def one_too_many(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            writer.write(answer(await question(reader)))
            await asyncio.sleep(0.01)
            writer.write(answer("/another.jpg"))

    async with talking(one_too_many) as url:
        for number in range(5):
            assert await get(fetcher, f"{url}/{number}.jpg") == picture(f"/{number}.jpg")
            await asyncio.sleep(0.05)


async def test_what_is_left_of_one_answer_costs_not_the_next(fetcher: HttpFetcher) -> None:
    async def late(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer(await question(reader)))
        await question(reader)
        writer.write(b"<!-- served in 3 ms -->")

    async with talking(late) as url:
        for number in range(5):
            assert await get(fetcher, f"{url}/{number}.jpg") == picture(f"/{number}.jpg")


@pytest.mark.parametrize("reset", [True, False])
async def test_connections_that_are_closed_at_the_second_question_cost_no_picture(fetcher: HttpFetcher, reset: bool) -> None:
    async def once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer(await question(reader)))
        await question(reader)
        if reset:
            connection = writer.get_extra_info("socket")
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()

    async with talking(once) as url:
        for _ in range(10):
            paths = [f"/{number}.jpg" for number in range(4)]
            got = await asyncio.gather(*(get(fetcher, url + path) for path in paths))
            assert got == [picture(path) for path in paths]


# ── within an answer ──────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_body_in_no_proper_chunks_is_given_up_at_once(fetcher: HttpFetcher) -> None:
    async def no_chunks(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        path = await question(reader)
        writer.write(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
        await asyncio.sleep(0.02)
        writer.write(picture(path))
        await reader.read()

    async with talking(no_chunks) as url:
        with pytest.raises(ImageFailed, match="cut short"):
            await asyncio.wait_for(get(fetcher, f"{url}/a.jpg"), 2)


class Pipe(asyncio.Transport):
    """A transport that sends nothing, and says whether more would be read."""

    def __init__(self) -> None:
        super().__init__()
        self.paused, self.closed = 0, False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        pass

    def pause_reading(self) -> None:
        self.paused += 1

    def resume_reading(self) -> None:
        self.paused -= 1

    def is_closing(self) -> bool:
        return self.closed

    def abort(self) -> None:
        self.closed = True


async def test_a_body_that_nobody_takes_holds_up_no_other() -> None:
    """An event loop may read all that is there before anybody is woken."""
    connection, pipe = Connection(), Pipe()

    def reusable() -> bool:
        return connection.reusable

    connection.connection_made(pipe)
    asked = asyncio.create_task(connection.ask(b"GET / HTTP/1.1\r\n\r\n"))
    await asyncio.sleep(0)
    connection.data_received(HEAD + b"Content-Length: 1600000\r\n\r\n" + bytes(400_000))
    connection.data_received(bytes(400_000))
    await asked
    assert pipe.paused == 1, "nobody has taken any of it"
    await connection.piece()
    assert pipe.paused == 1, "more than half of what is held is still here"
    await connection.piece()
    assert pipe.paused == 0
    connection.data_received(bytes(400_000))
    connection.data_received(bytes(400_000))
    assert pipe.paused == 0, "or nobody would hear of the next answer"
    assert reusable() is False, "or all of this would be held as long as the connection"
    await connection.piece()
    await connection.piece()
    assert reusable() is True


async def test_an_answer_that_comes_before_the_question_is_heard() -> None:
    """A server that is too busy may say so at once."""
    connection = Connection()
    connection.connection_made(Pipe())
    connection.data_received(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 4\r\n\r\nbusy")
    connection.connection_lost(None)
    message = await asyncio.wait_for(connection.ask(b"GET / HTTP/1.1\r\n\r\n"), 1)
    assert (message.status, await connection.piece()) == (503, b"busy")


# ── over TLS, in the event loop that workers use ──────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("stated", [True, False])
@pytest.mark.parametrize("goodbye", [True, False])
def test_the_tail_of_a_body_is_not_lost_where_the_server_hangs_up_at_once(limits: FetchLimits, stated: bool, goodbye: bool) -> None:
    authority, body = trustme.CA(), picture("/a.jpg") + bytes(3_000_000)
    serving, trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context()
    authority.issue_cert("127.0.0.1").configure_cert(serving)
    authority.configure_trust(trusting)

    def serve(listening: socket.socket) -> None:
        while True:
            try:
                plain, _ = listening.accept()
            except OSError:
                return
            with serving.wrap_socket(plain, server_side=True, suppress_ragged_eofs=True) as connection:
                connection.recv(65536)
                connection.sendall(HEAD + (b"Content-Length: %d\r\n\r\n" % len(body) if stated else b"\r\n") + body)
                if goodbye:
                    with suppress(OSError):
                        connection.settimeout(0)
                        connection.unwrap()

    async def many(url: str) -> None:
        fetcher = HttpFetcher(Guard([LOOPBACK]), limits, tls=trusting)
        for _ in range(12):
            assert await get(fetcher, url) == body
        await fetcher.close()

    asked(serve, many)


def test_a_server_that_hangs_up_before_tls_has_begun_is_said_to_and_makes_no_noise(limits: FetchLimits) -> None:
    """A balancer that has nobody behind it; the event loop would log how it tripped, once a link."""
    noise: list[dict[str, Any]] = []

    def leave(listening: socket.socket) -> None:
        with suppress(OSError):
            while True:
                listening.accept()[0].close()

    async def many(url: str) -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: noise.append(context))
        fetcher = HttpFetcher(Guard([LOOPBACK]), limits, tls=TRUST)
        for _ in range(40):
            with pytest.raises(ImageFailed, match=r"(closed|reset) by the server") as caught:
                await get(fetcher, url)
            assert caught.value.transient
        await fetcher.close()

    asked(leave, many)
    assert not noise
