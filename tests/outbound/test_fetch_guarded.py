"""The guard at work: whatever a URL says, names resolve to or redirects lead to, the socket to a private address is never made."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, suppress

import pytest
import trustme
from aiohappyeyeballs import AddrInfoType

from halve.core.errors import ImageFailed
from halve.outbound.connecting import ADDRESSES, Resolver
from halve.outbound.fetch import FetchLimits, HttpFetcher
from halve.outbound.guard import Guard
from halve.outbound.ranges import Network
from tests.outbound.conftest import TRUST
from tests.support.origin import Origin

JPEG = b"\xff\xd8\xff\xe0\0\x10JFIF\0" + bytes(range(256)) * 4


class Names:
    """A name server of the tests': each look-up of a name takes its next answer, the last one for good."""

    def __init__(self, answers: dict[str, list[list[str]]]) -> None:
        self.answers = answers
        self.asked: list[str] = []

    async def resolve(self, host: str, port: int) -> Sequence[AddrInfoType]:
        self.asked.append(host)
        answers = self.answers[host]
        addresses = answers.pop(0) if len(answers) > 1 else answers[0]
        family = {True: socket.AF_INET6, False: socket.AF_INET}
        return [(family[":" in one], socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (one, port)) for one in addresses]

    async def close(self) -> None:
        self.answers = {}


@asynccontextmanager
async def fetcher_with(
    limits: FetchLimits, *allow: str, names: Resolver | None = None, tls: ssl.SSLContext = TRUST
) -> AsyncIterator[HttpFetcher]:
    networks: list[Network] = [ipaddress.ip_network(network) for network in allow]
    fetcher = HttpFetcher(Guard(networks), limits, resolver=names, tls=tls)
    try:
        yield fetcher
    finally:
        await fetcher.close()


async def failure(fetcher: HttpFetcher, url: str) -> ImageFailed:
    with pytest.raises(ImageFailed) as caught:
        async with fetcher.fetch(url):
            pass
    return caught.value


async def get(fetcher: HttpFetcher, url: str) -> bytes:
    async with fetcher.fetch(url) as body:
        return body.read()


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "localhost", "LOCALHOST", "2130706433", "0x7f.1", "0177.0.0.1", "127.1", "127.0.0.1.", "[::ffff:127.0.0.1]",
     "[::ffff:7f00:1]", "１２７.０.０.１", "127。0。0。1", "%31%32%37.0.0.1", "0"],
)  # fmt: skip
async def test_loopback_is_refused_in_every_spelling(origin: Origin, limits: FetchLimits, host: str) -> None:
    origin.serve("/a.jpg", JPEG)
    async with fetcher_with(limits) as fetcher:
        error = await failure(fetcher, f"http://{host}:{origin.port}/a.jpg")
    assert error.code == "address_not_allowed"
    assert not error.transient
    assert str(error).startswith("address not allowed: ")
    assert origin.hits() == 0


async def test_the_message_names_the_address_and_not_the_name(origin: Origin, limits: FetchLimits) -> None:
    names = Names({"shop.example": [["10.1.2.3"]]})
    async with fetcher_with(limits, names=names) as fetcher:
        assert str(await failure(fetcher, "http://shop.example/a.jpg")) == "address not allowed: 10.1.2.3"


@pytest.mark.parametrize(
    "address", ["10.0.0.1", "169.254.169.254", "192.168.1.1", "[::1]", "[fe80::1%25eth0]", "[fd00::1]", "0.0.0.0"]
)
async def test_private_literals_are_refused_unasked(limits: FetchLimits, address: str) -> None:
    async with fetcher_with(limits) as fetcher:
        assert (await failure(fetcher, f"http://{address}/latest/meta-data/")).code == "address_not_allowed"


async def test_a_name_with_several_private_addresses_is_refused(limits: FetchLimits) -> None:
    names = Names({"shop.example": [["10.0.0.1", "fd00::1", "10.0.0.2", "::1"]]})
    async with fetcher_with(limits, names=names) as fetcher:
        assert (await failure(fetcher, "http://shop.example/a.jpg")).code == "address_not_allowed"


async def test_an_address_that_is_allowed_is_reached_beside_one_that_is_not(origin: Origin, limits: FetchLimits) -> None:
    origin.serve("/a.jpg", JPEG)
    names = Names({"shop.example": [["10.0.0.1", "127.0.0.1", "::1"]]})
    async with fetcher_with(limits, "127.0.0.1/32", names=names) as fetcher:
        assert await get(fetcher, f"http://shop.example:{origin.port}/a.jpg") == JPEG


async def test_a_name_that_turns_private_between_two_lookups_is_refused_then(limits: FetchLimits) -> None:
    """DNS rebinding; 127.0.0.2 stands for a public address."""
    with Origin(host="0.0.0.0") as origin:
        origin.serve("/a.jpg", JPEG, headers={"Connection": "close"})
        names = Names({"shop.example": [["127.0.0.2"], ["127.0.0.1"]]})
        async with fetcher_with(limits, "127.0.0.2/32", names=names) as fetcher:
            url = f"http://shop.example:{origin.port}/a.jpg"
            Guard().check_url(url)
            assert await get(fetcher, url) == JPEG
            fetcher._client._connector._names.clear()  # as after a minute
            assert str(await failure(fetcher, url)) == "address not allowed: 127.0.0.1"
        assert names.asked == ["shop.example"] * 2
        assert origin.hits() == 1


@pytest.mark.parametrize(
    "there",
    ["http://127.0.0.1:{port}/b.jpg", "http://localhost:{port}/b.jpg", "//2130706433:{port}/b.jpg", "http://metadata.example/"],
)
async def test_a_redirect_to_a_private_address_is_refused(limits: FetchLimits, there: str) -> None:
    with Origin(host="0.0.0.0") as origin:
        origin.serve("/b.jpg", JPEG)
        origin.redirect("/a.jpg", there.format(port=origin.port))
        names = Names({"shop.example": [["127.0.0.2"]], "localhost": [["127.0.0.1"]], "metadata.example": [["169.254.169.254"]]})
        async with fetcher_with(limits, "127.0.0.2/32", names=names) as fetcher:
            error = await failure(fetcher, f"http://shop.example:{origin.port}/a.jpg")
        assert error.code == "address_not_allowed"
        assert origin.hits("/b.jpg") == 0


async def test_credentials_do_not_follow_a_redirect_to_another_host(limits: FetchLimits) -> None:
    with Origin(host="0.0.0.0") as origin:
        origin.serve("/b.jpg", JPEG)
        origin.redirect("/a.jpg", f"http://other.example:{origin.port}/b.jpg")
        names = Names({"shop.example": [["127.0.0.1"]], "other.example": [["127.0.0.1"]]})
        async with fetcher_with(limits, "127.0.0.0/8", names=names) as fetcher:
            assert await get(fetcher, f"http://anna:secret@shop.example:{origin.port}/a.jpg") == JPEG
        assert "Authorization" in origin.seen("/a.jpg")[0].headers
        assert "Authorization" not in origin.seen("/b.jpg")[0].headers


async def test_ports_of_other_protocols_are_not_connected_to(limits: FetchLimits) -> None:
    async with fetcher_with(limits, "127.0.0.0/8") as fetcher:
        assert str(await failure(fetcher, "http://127.0.0.1:25/a.jpg")) == "address not allowed: port 25"


async def test_localhost_is_reached_where_it_is_allowed(origin: Origin, limits: FetchLimits) -> None:
    origin.serve("/a.jpg", JPEG)
    async with fetcher_with(limits, "127.0.0.0/8") as fetcher:
        assert await get(fetcher, f"http://localhost:{origin.port}/a.jpg") == JPEG


async def test_a_name_server_that_is_out_of_reach_may_answer_later(limits: FetchLimits) -> None:
    class Silent(Names):
        async def resolve(self, host: str, port: int) -> Sequence[AddrInfoType]:
            raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    async with fetcher_with(limits, names=Silent({})) as fetcher:
        error = await failure(fetcher, "http://shop.example/a.jpg")
    assert (error.code, error.transient) == ("dns_failed", True)


# ── TLS ───────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def secure(authority: trustme.CA) -> Iterator[Origin]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("shop.example", "127.0.0.1").configure_cert(context)
    with Origin(tls=context) as origin:
        origin.serve("/a.jpg", JPEG)
        yield origin


@pytest.fixture
def trusting(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


async def test_https_is_fetched_by_name_and_by_address(secure: Origin, limits: FetchLimits, trusting: ssl.SSLContext) -> None:
    names = Names({"shop.example": [["127.0.0.1"]]})
    async with fetcher_with(limits, "127.0.0.0/8", names=names, tls=trusting) as fetcher:
        assert await get(fetcher, secure.url("/a.jpg")) == JPEG
        assert await get(fetcher, f"https://shop.example:{secure.port}/a.jpg") == JPEG


async def test_a_certificate_of_another_name_is_refused(secure: Origin, limits: FetchLimits, trusting: ssl.SSLContext) -> None:
    names = Names({"other.example": [["127.0.0.1"]]})
    async with fetcher_with(limits, "127.0.0.0/8", names=names, tls=trusting) as fetcher:
        error = await failure(fetcher, f"https://other.example:{secure.port}/a.jpg")
    assert (error.code, error.transient) == ("tls_failed", False)
    assert "other.example" in str(error)
    assert secure.hits() == 0


async def test_a_certificate_of_nobody_known_is_refused(secure: Origin, limits: FetchLimits) -> None:
    async with fetcher_with(limits, "127.0.0.0/8") as fetcher:
        error = await failure(fetcher, secure.url("/a.jpg"))
    assert error.code == "tls_failed"
    assert str(error).startswith("TLS failed: unable to get local issuer certificate")


async def test_https_where_plain_http_is_spoken_is_said(origin: Origin, limits: FetchLimits) -> None:
    async with fetcher_with(limits, "127.0.0.0/8") as fetcher:
        error = await failure(fetcher, origin.url("/a.jpg").replace("http:", "https:"))
    assert (error.code, error.transient) == ("tls_failed", False)


async def test_a_handshake_that_the_server_breaks_off_is_said_and_may_go_through_next_time(limits: FetchLimits) -> None:
    async def leave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)
        writer.close()

    async with await asyncio.start_server(leave, "127.0.0.1", 0) as server, fetcher_with(limits, "127.0.0.0/8") as fetcher:
        error = await failure(fetcher, f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/a.jpg")
    assert (error.code, str(error), error.transient) == ("tls_failed", "TLS failed: closed by the server", True)


async def test_https_over_a_private_address_is_refused_before_the_handshake(secure: Origin, limits: FetchLimits) -> None:
    async with fetcher_with(limits) as fetcher:
        assert (await failure(fetcher, secure.url("/a.jpg"))).code == "address_not_allowed"


# ── names with several addresses ──────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("broken", ["its certificate is another's", "it speaks no TLS", "it hangs up in the handshake"])
async def test_where_tls_fails_at_one_address_of_a_name_the_next_is_gone_to(
    secure: Origin, limits: FetchLimits, trusting: ssl.SSLContext, broken: str
) -> None:
    async def leave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if "no TLS" in broken:
            writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await reader.read(100)
        writer.close()

    another = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("other.example").configure_cert(another)
    tls = another if "certificate" in broken else None
    names = Names({"shop.example": [["127.0.0.2", "127.0.0.1", "10.0.0.1"]]})
    async with (
        await asyncio.start_server(leave, "127.0.0.2", secure.port, ssl=tls),
        fetcher_with(limits, "127.0.0.0/8", names=names, tls=trusting) as fetcher,
    ):
        secure.serve("/a.jpg", JPEG, headers={"Connection": "close"})
        for _ in range(20):
            assert await get(fetcher, f"https://shop.example:{secure.port}/a.jpg") == JPEG


@pytest.mark.parametrize("beside", ["127.0.0.9", "10.0.0.1"])
async def test_where_no_address_of_a_name_is_left_it_is_said_how_tls_failed(
    secure: Origin, limits: FetchLimits, trusting: ssl.SSLContext, beside: str
) -> None:
    """And not that nobody answers at the other address, or that it is a private one."""
    names = Names({"other.example": [["127.0.0.1", beside]]})
    async with fetcher_with(limits, "127.0.0.0/8", names=names, tls=trusting) as fetcher:
        for _ in range(4):
            assert (await failure(fetcher, f"https://other.example:{secure.port}/a.jpg")).code == "tls_failed"


async def test_a_name_is_not_only_asked_at_the_first_of_its_addresses(limits: FetchLimits) -> None:
    """One behind which nothing works any more would have all further attempts as well, for as long as the name is remembered."""
    with Origin(host="127.0.0.1") as broken, Origin(host="127.0.0.2", port=broken.port) as well:
        broken.raw("/a.jpg", b"")
        well.serve("/a.jpg", JPEG, headers={"Connection": "close"})
        names = Names({"shop.example": [["127.0.0.1", "127.0.0.2"]]})
        async with fetcher_with(limits, "127.0.0.0/8", names=names) as fetcher:
            for _ in range(40):
                with suppress(ImageFailed):
                    assert await get(fetcher, f"http://shop.example:{broken.port}/a.jpg") == JPEG
        assert broken.hits() > 0
        assert well.hits() > 0


async def test_a_name_of_thousands_of_addresses_sends_nobody_to_all_of_them(limits: FetchLimits) -> None:
    """Whoever owns it could have one link knock at as many doors of others."""
    knocks = 0

    async def leave(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal knocks
        knocks += 1
        writer.close()

    names = Names({"shop.example": [[f"127.0.{number // 250}.{number % 250 + 1}" for number in range(2000)]]})
    async with (
        await asyncio.start_server(leave, "0.0.0.0") as server,
        fetcher_with(limits, "127.0.0.0/8", names=names) as fetcher,
    ):
        error = await failure(fetcher, f"https://shop.example:{server.sockets[0].getsockname()[1]}/a.jpg")
    assert (error.code, str(error)) == ("tls_failed", "TLS failed: closed by the server")
    assert 0 < knocks <= ADDRESSES
