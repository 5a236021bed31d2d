"""Downloads from a real origin that behaves, and from one that does not."""

from __future__ import annotations

import asyncio
import base64
import gzip
import os
import resource
import socket
import time
import zlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest

from halve import __version__
from halve.core.errors import ImageFailed, StoreFailed
from halve.outbound import kept
from halve.outbound.encodings import decoder
from halve.outbound.fetch import FetchLimits, HttpFetcher
from halve.outbound.guard import Guard
from tests.outbound.conftest import LOOPBACK, TRUST, connections_to, spooled
from tests.support.origin import Origin
from tests.support.photos import photo

JPEG = b"\xff\xd8\xff\xe0\0\x10JFIF\0" + bytes(range(256)) * 20


async def get(fetcher: HttpFetcher, url: str) -> bytes:
    async with fetcher.fetch(url) as body:
        data = body.read()
        assert body.size == len(data)
        return data


async def failure(fetcher: HttpFetcher, url: str) -> ImageFailed:
    with pytest.raises(ImageFailed) as caught:
        await get(fetcher, url)
    return caught.value


def said(error: ImageFailed) -> tuple[str, str, bool]:
    return error.code, str(error), error.transient


# ── what goes well ────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_the_bytes_arrive_as_they_are(origin: Origin, fetcher: HttpFetcher) -> None:
    assert await get(fetcher, origin.serve("/a.jpg", JPEG)) == JPEG


async def test_the_request_says_who_asks_and_what_for(origin: Origin, fetcher: HttpFetcher) -> None:
    await get(fetcher, origin.serve("/a.jpg", JPEG))
    headers = origin.seen("/a.jpg")[0].headers
    assert headers["User-Agent"] == f"halve/{__version__}"
    assert headers["Accept-Encoding"] == "identity"
    assert headers["Accept"].startswith("image/jpeg")
    assert not {"Referer", "Cookie", "Authorization"} & set(headers)


async def test_one_connection_serves_many_downloads(origin: Origin, fetcher: HttpFetcher) -> None:
    for number in range(5):
        await get(fetcher, origin.serve(f"/{number}.jpg", JPEG))
        await failure(fetcher, origin.url("/missing.jpg"))
        await get(fetcher, origin.redirect(f"/r{number}", f"/{number}.jpg"))
    assert await connections_to(origin.port) == 1


async def test_a_signed_url_arrives_byte_for_byte(origin: Origin, fetcher: HttpFetcher) -> None:
    path = "/k%2Fl%20m/%7Ea.jpg?X-Sig=a%2Bb%3D%3D&b=2&a=1+1"
    origin.serve("/k%2Fl%20m/%7Ea.jpg", JPEG)
    await get(fetcher, origin.url(path))
    assert origin.seen("/k%2Fl%20m/%7Ea.jpg")[0].path_qs == path


async def test_spaces_and_letters_beyond_ascii_in_a_path_are_encoded(origin: Origin, fetcher: HttpFetcher) -> None:
    origin.serve("/S%C3%BC%C3%9F%20sauer.jpg", JPEG)
    assert await get(fetcher, origin.url("/Süß sauer.jpg")) == JPEG


async def test_cookies_are_not_kept(origin: Origin, fetcher: HttpFetcher) -> None:
    url = origin.serve("/a.jpg", JPEG, headers={"Set-Cookie": "session=1; Path=/"})
    await get(fetcher, url)
    await get(fetcher, url)
    assert "Cookie" not in origin.seen("/a.jpg")[1].headers


async def test_proxies_of_the_environment_are_not_used(
    origin: Origin, fetcher: HttpFetcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("all_proxy", "http://127.0.0.1:9")
    assert await get(fetcher, origin.serve("/a.jpg", JPEG)) == JPEG


async def test_credentials_in_the_url_go_as_basic_authentication(origin: Origin, fetcher: HttpFetcher) -> None:
    url = origin.serve("/a.jpg", JPEG).replace("http://", "http://anna:s%C3%BC%C3%9F@")
    await get(fetcher, url)
    assert origin.seen("/a.jpg")[0].headers["Authorization"] == "Basic " + base64.b64encode("anna:süß".encode()).decode()


async def test_a_redirect_to_another_host_loses_the_credentials(origin: Origin, fetcher: HttpFetcher) -> None:
    origin.serve("/b.jpg", JPEG)
    origin.redirect("/same", "/b.jpg")
    origin.redirect("/other", origin.url("/b.jpg").replace("127.0.0.1", "127.0.0.2"))
    for path in ("/same", "/other"):
        try:
            await get(fetcher, origin.url(path).replace("http://", "http://anna:secret@"))
        except ImageFailed:  # nobody need listen on 127.0.0.2
            assert path == "/other"
    assert [("Authorization" in seen.headers) for seen in origin.seen("/b.jpg")][:1] == [True]
    assert all("Authorization" not in seen.headers for seen in origin.seen("/b.jpg")[1:])


async def test_a_large_body_is_spooled_and_leaves_nothing(origin: Origin, fetcher: HttpFetcher, limits: FetchLimits) -> None:
    data = JPEG + os.urandom(3_000_000)
    fetcher._room.free = 0
    async with fetcher.fetch(origin.serve("/a.jpg", data)) as body:
        assert len(spooled(limits.spool)) == 1
        assert not list(limits.spool.iterdir()), "the file has no name"
        assert body.read() == data
        assert body.read() == data, "it can be read again"
    assert not spooled(limits.spool)


async def test_bodies_share_a_room_and_give_it_back(origin: Origin, fetcher: HttpFetcher, limits: FetchLimits) -> None:
    free = fetcher._room.free = 3_000_000
    url = origin.serve("/a.jpg", JPEG + bytes(3_000_000))
    async with fetcher.fetch(url):
        assert not spooled(limits.spool)
        async with fetcher.fetch(url) as second:
            assert spooled(limits.spool)
            assert len(second.read()) == len(JPEG) + 3_000_000
    assert fetcher._room.free == free


# ── what servers answer ───────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (400, ("http_error", "HTTP 400", False)),
        (401, ("unauthorized", "login required (401)", False)),
        (403, ("forbidden", "forbidden (403)", False)),
        (404, ("not_found", "not found (404)", False)),
        (408, ("http_error", "HTTP 408", True)),
        (410, ("gone", "gone (410)", False)),
        (418, ("http_error", "HTTP 418", False)),
        (429, ("rate_limited", "too many requests (429)", True)),
        (500, ("server_error", "server error (500)", True)),
        (503, ("server_error", "server error (503)", True)),
        (300, ("http_error", "HTTP 300", False)),
        (304, ("http_error", "HTTP 304", False)),
    ],
)
async def test_a_status_is_told_by_its_name(
    origin: Origin, fetcher: HttpFetcher, status: int, expected: tuple[str, str, bool]
) -> None:
    assert said(await failure(fetcher, origin.status("/a.jpg", status))) == expected
    assert origin.hits("/a.jpg") == 1, "whoever asked tries again, not the fetcher"


@pytest.mark.parametrize(
    ("value", "seconds"), [("7", 7.0), ("0", 0.0), ("86400", 300.0), ("soon", None), ("-5", None), ("", None), ("9" * 40, None)]
)
async def test_retry_after_in_seconds_is_handed_on_within_bounds(
    origin: Origin, fetcher: HttpFetcher, value: str, seconds: float | None
) -> None:
    error = await failure(fetcher, origin.status("/a.jpg", 429, {"Retry-After": value}))
    assert error.retry_after == seconds


async def test_retry_after_as_a_date_goes_by_the_servers_clock(origin: Origin, fetcher: HttpFetcher) -> None:
    wrong = datetime(2001, 2, 3, tzinfo=UTC)
    headers = {
        "Date": format_datetime(wrong, usegmt=True),
        "Retry-After": format_datetime(wrong + timedelta(seconds=40), usegmt=True),
    }
    assert (await failure(fetcher, origin.status("/a.jpg", 503, headers))).retry_after == 40
    past = {"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"}
    with Origin() as other:  # the first is left alone for a moment
        assert (await failure(fetcher, other.status("/a.jpg", 503, past))).retry_after == 0


@pytest.mark.parametrize(
    "value",
    [
        "Wed, 21 Oct 20150000000000000000 07:28:00 GMT",
        "20150000000000000000 Oct 2015 07:28:00 GMT",
        "Wed, 21 Oct 2015 07:28:00 +20150000000000000000",
    ],
)
async def test_retry_after_as_an_impossible_date_means_nothing(origin: Origin, fetcher: HttpFetcher, value: str) -> None:
    error = await failure(fetcher, origin.status("/a.jpg", 429, {"Retry-After": value}))
    assert (error.code, error.retry_after) == ("rate_limited", None)


async def test_a_login_page_is_named_and_not_downloaded_whole(origin: Origin, fetcher: HttpFetcher) -> None:
    assert said(await failure(fetcher, origin.login("/a.jpg"))) == ("not_an_image", "an HTML page, perhaps a login", False)
    origin.endless("/b.jpg", piece=b"<!doctype html>" + b" " * 1000)
    assert (await failure(fetcher, origin.url("/b.jpg"))).code == "not_an_image"


async def test_a_login_page_that_drips_is_named_all_the_same(origin: Origin, fetcher: HttpFetcher) -> None:
    assert (await failure(fetcher, origin.drip("/a.jpg", b"<html>" + b" " * 20, pause=0.001))).code == "not_an_image"


@pytest.mark.parametrize("size", [1, 700, 5000])
async def test_a_body_in_chunks_of_any_size_comes_whole(origin: Origin, fetcher: HttpFetcher, size: int) -> None:
    data = JPEG * (20_000 // len(JPEG) + 1)
    pieces = [data[at : at + size] for at in range(0, len(data), size)]
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces)
    url = origin.raw("/a.jpg", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n")
    async with fetcher.fetch(url) as body:
        assert body.read() == data


async def test_an_empty_body_is_named(origin: Origin, fetcher: HttpFetcher) -> None:
    assert said(await failure(fetcher, origin.empty("/a.jpg"))) == ("empty", "empty answer", False)


async def test_answers_that_have_no_body_come_to_an_end_each_time(origin: Origin, fetcher: HttpFetcher) -> None:
    for _ in range(3):
        assert said(await failure(fetcher, origin.status("/a.jpg", 204))) == ("empty", "empty answer", False)


# ── bounds ────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("announce", [True, False])
async def test_a_body_beyond_the_limit_is_broken_off(origin: Origin, fetcher: HttpFetcher, announce: bool) -> None:
    error = await failure(fetcher, origin.huge("/a.jpg", 2_000_000_000, announce=announce))
    assert said(error) == ("too_large", "larger than 5 MB", False)
    assert await connections_to(origin.port) == 0


async def test_a_body_of_exactly_the_limit_passes(origin: Origin, fetcher: HttpFetcher, limits: FetchLimits) -> None:
    assert len(await get(fetcher, origin.huge("/a.jpg", limits.max_bytes))) == limits.max_bytes
    assert (await failure(fetcher, origin.huge("/b.jpg", limits.max_bytes + 1))).code == "too_large"


async def test_an_endless_body_ends_at_the_limit(origin: Origin, fetcher: HttpFetcher) -> None:
    assert (await failure(fetcher, origin.endless("/a.jpg"))).code == "too_large"


async def test_one_deadline_holds_for_everything(origin: Origin, limits: FetchLimits) -> None:
    fetcher = HttpFetcher(Guard([LOOPBACK]), replace(limits, timeout=0.3), tls=TRUST)
    origin.serve("/slow", b"", status=302, headers={"Location": "/slower"}, latency=0.2)
    slow = {
        origin.slow_headers("/a.jpg", JPEG, 30): "no answer within 0.3 s",
        origin.drip("/b.jpg", JPEG, pause=0.02): "not finished within 0.3 s",
        origin.endless("/c.jpg", pause=0.05, piece=JPEG[:600]): "not finished within 0.3 s",
        origin.slow_headers("/slower", JPEG, 0.2) and origin.url("/slow"): "no answer within 0.3 s",
    }
    for url, message in slow.items():
        started = time.monotonic()
        assert said(await failure(fetcher, url)) == ("timeout", message, True)
        assert time.monotonic() - started < 2
    await fetcher.close()
    assert await connections_to(origin.port) == 0


async def test_waiting_for_a_turn_does_not_count_against_the_deadline(origin: Origin, limits: FetchLimits) -> None:
    fetcher = HttpFetcher(Guard([LOOPBACK]), replace(limits, timeout=0.5, per_host=1), tls=TRUST)
    url = origin.slow_headers("/a.jpg", JPEG, 0.15)
    assert await asyncio.gather(*(get(fetcher, url) for _ in range(6))) == [JPEG] * 6
    await fetcher.close()


async def test_connections_to_one_host_are_bounded_and_a_slow_host_holds_up_no_other(origin: Origin, limits: FetchLimits) -> None:
    with Origin() as other:
        fetcher = HttpFetcher(Guard([LOOPBACK]), replace(limits, per_host=3), tls=TRUST)
        url, quick = origin.slow_headers("/a.jpg", JPEG, 0.8), other.serve("/b.jpg", JPEG)
        origin.forget()
        waiting = [asyncio.create_task(get(fetcher, url)) for _ in range(6)]
        await asyncio.sleep(0.05)
        await get(fetcher, quick)
        assert not any(task.done() for task in waiting)
        await asyncio.gather(*waiting)
        assert origin.peak == 3
        assert len(fetcher._hosts) == 0
        await fetcher.close()


async def test_connections_are_kept_for_a_bounded_number_of_hosts(
    origin: Origin, fetcher: HttpFetcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept, "KEPT_HOSTS", 1)
    with Origin() as other:
        await get(fetcher, origin.serve("/a.jpg", JPEG))
        await get(fetcher, other.serve("/a.jpg", JPEG))
        assert (await connections_to(origin.port), await connections_to(other.port)) == (0, 1)


async def test_a_header_as_long_as_some_shops_policies_is_no_obstacle(origin: Origin, fetcher: HttpFetcher) -> None:
    headers = {"Content-Security-Policy": "img-src https://shop.example; " * 500}
    assert await get(fetcher, origin.serve("/a.jpg", JPEG, headers=headers)) == JPEG


async def test_headers_without_end_are_refused(origin: Origin, fetcher: HttpFetcher) -> None:
    many = b"".join(b"X-%d: x\r\n" % number for number in range(10_000))
    origin.raw("/a.jpg", b"HTTP/1.1 200 OK\r\n" + many + b"\r\n")
    assert (await failure(fetcher, origin.url("/a.jpg"))).code == "bad_answer"
    origin.raw("/b.jpg", b"HTTP/1.1 200 OK\r\nX-Long: " + b"x" * 100_000 + b"\r\n\r\n")
    assert (await failure(fetcher, origin.url("/b.jpg"))).code == "bad_answer"


async def test_a_full_disk_is_no_fault_of_the_image(origin: Origin, fetcher: HttpFetcher, monkeypatch: pytest.MonkeyPatch) -> None:
    fetcher._room.free = 0
    full = Path("/dev/full")
    monkeypatch.setattr("tempfile.TemporaryFile", lambda **_: full.open("w+b", buffering=0))
    with pytest.raises(StoreFailed, match=r"spool, is full\. Make room"):
        await get(fetcher, origin.serve("/a.jpg", JPEG + bytes(2_000_000)))


async def test_a_spool_that_cannot_be_made_is_no_fault_of_the_image(origin: Origin, limits: FetchLimits) -> None:
    limits.spool.write_text("a file is in the way")
    fetcher = HttpFetcher(Guard([LOOPBACK]), limits, tls=TRUST)
    fetcher._room.free = 0
    with pytest.raises(StoreFailed, match="cannot be written to"):
        await get(fetcher, origin.serve("/a.jpg", JPEG + bytes(2_000_000)))
    await fetcher.close()


async def test_too_many_open_files_are_no_fault_of_the_image(origin: Origin, fetcher: HttpFetcher) -> None:
    url = origin.serve("/a.jpg", JPEG)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    os.close(next_free := os.dup(0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (next_free, hard))
    try:
        with pytest.raises(StoreFailed, match="Too many open files"):
            await get(fetcher, url)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert await get(fetcher, url) == JPEG


# ── broken connections ────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_body_that_ends_too_soon_is_told_from_a_whole_one(origin: Origin, fetcher: HttpFetcher) -> None:
    for url in (origin.cut("/a.jpg", JPEG, 1000), origin.cut_chunked("/b.jpg", JPEG), origin.reset("/c.jpg", JPEG, 1000)):
        assert said(await failure(fetcher, url)) == ("truncated", "download cut short", True)


async def test_a_connection_that_breaks_may_be_tried_again(origin: Origin, fetcher: HttpFetcher) -> None:
    error = await failure(fetcher, origin.raw("/a.jpg", b"", reset=True))
    assert said(error) == ("connection_failed", "connection failed: reset by the server", True)
    error = await failure(fetcher, origin.raw("/b.jpg", b""))
    assert said(error) == ("connection_failed", "connection failed: closed without an answer", True)


async def test_nobody_listening_is_said(fetcher: HttpFetcher) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/a.jpg"
        assert said(await failure(fetcher, url)) == ("connection_failed", "connection failed: refused", True)


async def test_what_is_not_http_is_said(origin: Origin, fetcher: HttpFetcher) -> None:
    error = await failure(fetcher, origin.raw("/a.jpg", b"220 mail.example.com ESMTP\r\n\r\n"))
    assert said(error) == ("bad_answer", "not a proper HTTP answer", False)


async def test_no_such_host_is_final(fetcher: HttpFetcher) -> None:
    assert said(await failure(fetcher, "http://shop.invalid/a.jpg")) == ("dns_failed", "no such host: shop.invalid", False)
    assert (await failure(fetcher, "http://a..b/a.jpg")).code in ("dns_failed", "bad_url")
    assert (await failure(fetcher, f"http://{'a' * 70}.invalid/a.jpg")).code in ("dns_failed", "bad_url")
    assert str(await failure(fetcher, "http://bücher.invalid/a.jpg")) == "no such host: bücher.invalid"
    assert str(await failure(fetcher, "http://xn--a-ecp.invalid/a.jpg")) == "no such host: xn--a-ecp.invalid"  # malformed Punycode


async def test_a_url_that_cannot_be_asked_for_is_said(fetcher: HttpFetcher) -> None:
    error = await failure(fetcher, "http://anna:secret@exa mple.com/a.jpg")
    assert (error.code, error.transient) == ("bad_url", False)
    assert "secret" not in str(error)


# ── redirects ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_redirects_are_followed(origin: Origin, fetcher: HttpFetcher, status: int) -> None:
    origin.serve("/dir/b.jpg", JPEG)
    assert await get(fetcher, origin.redirect("/dir/a.jpg", "b.jpg", status)) == JPEG


async def test_five_redirects_pass_and_six_do_not(origin: Origin, fetcher: HttpFetcher) -> None:
    assert await get(fetcher, origin.redirect_chain("/five", 5, JPEG)) == JPEG
    error = await failure(fetcher, origin.redirect_chain("/six", 6, JPEG))
    assert said(error) == ("too_many_redirects", "more than 5 redirects", False)
    assert (await failure(fetcher, origin.redirect_loop("/loop"))).code == "too_many_redirects"


@pytest.mark.parametrize("location", ["ftp://127.0.0.1/a.jpg", "file:///etc/passwd", "http://", "data:image/png;base64,AAAA"])
async def test_a_redirect_to_anything_but_http_is_refused(origin: Origin, fetcher: HttpFetcher, location: str) -> None:
    error = await failure(fetcher, origin.redirect("/a.jpg", location))
    assert (error.code, error.transient) == ("bad_redirect", False)


async def test_a_redirect_without_address_is_refused(origin: Origin, fetcher: HttpFetcher) -> None:
    assert (await failure(fetcher, origin.status("/a.jpg", 302))).code == "bad_redirect"


# ── encodings nobody asked for ────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("encoding", "encoded"),
    [
        ("gzip", gzip.compress(JPEG, mtime=0)),
        ("x-gzip", gzip.compress(JPEG[:100], mtime=0) + gzip.compress(JPEG[100:], mtime=0)),
        ("deflate", zlib.compress(JPEG)),
        ("deflate", zlib.compress(JPEG, wbits=-15)),
        ("deflate", JPEG),
        ("gzip", JPEG),
        ("utf-8", JPEG),
        ("identity", JPEG),
    ],
)
async def test_an_encoding_is_undone(origin: Origin, fetcher: HttpFetcher, encoding: str, encoded: bytes) -> None:
    assert await get(fetcher, origin.serve("/a.jpg", encoded, headers={"Content-Encoding": encoding})) == JPEG
    decode = decoder(encoding)
    by_bytes = b"".join(data for place in range(len(encoded)) for data in decode.feed(encoded[place : place + 1]))
    assert by_bytes + decode.finish() == JPEG


@pytest.mark.parametrize("format", ["jpeg", "png", "webp", "avif", "gif", "bmp", "tiff", "ico"])
def test_a_picture_that_is_called_deflate_and_is_not_passes_as_it_is(format: str) -> None:
    data, decode = photo(width=64, format=format), decoder("deflate")
    assert b"".join(decode.feed(data)) + decode.finish() == data


async def test_encodings_may_stand_on_several_lines(origin: Origin, fetcher: HttpFetcher) -> None:
    lines = b"HTTP/1.1 200 OK\r\nContent-Encoding: identity\r\nContent-Encoding: gzip\r\n\r\n"
    assert await get(fetcher, origin.raw("/a.jpg", lines + gzip.compress(JPEG))) == JPEG


async def test_a_gzip_body_that_states_the_pictures_length_is_whole(origin: Origin, fetcher: HttpFetcher) -> None:
    packed = gzip.compress(JPEG)
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(JPEG)
    assert len(packed) < len(JPEG)
    assert await get(fetcher, origin.raw("/a.jpg", head + packed)) == JPEG
    assert (await failure(fetcher, origin.raw("/b.jpg", head + packed[:-20]))).code == "truncated"


async def test_a_gzip_bomb_goes_off_within_the_limit(origin: Origin, fetcher: HttpFetcher) -> None:
    bomb = gzip.compress(JPEG + bytes(50_000_000))
    error = await failure(fetcher, origin.serve("/a.jpg", bomb, headers={"Content-Encoding": "gzip"}))
    assert error.code == "too_large"


async def test_a_gzip_body_of_nothing_without_end_is_given_up(origin: Origin, fetcher: HttpFetcher) -> None:
    nothing = gzip.compress(b"") * 20_000
    error = await failure(fetcher, origin.serve("/a.jpg", nothing, headers={"Content-Encoding": "gzip"}))
    assert said(error) == ("bad_encoding", "damaged gzip encoding", False)


async def test_a_gzip_body_cut_short_or_damaged_is_told(origin: Origin, fetcher: HttpFetcher) -> None:
    whole = gzip.compress(os.urandom(5000))
    assert (await failure(fetcher, origin.serve("/a", whole[:-10], headers={"Content-Encoding": "gzip"}))).code == "truncated"
    broken = whole[:100] + bytes(200) + whole[300:]
    assert (await failure(fetcher, origin.serve("/b", broken, headers={"Content-Encoding": "gzip"}))).code == "bad_encoding"


async def test_an_encoding_that_is_not_undone_is_named(origin: Origin, fetcher: HttpFetcher) -> None:
    error = await failure(fetcher, origin.serve("/a.jpg", JPEG, headers={"Content-Encoding": "br"}))
    assert said(error) == ("bad_encoding", "encoded as br though that was not asked for", False)


# ── nothing left behind ───────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_cancelled_download_leaves_nothing(origin: Origin, fetcher: HttpFetcher, limits: FetchLimits) -> None:
    fetcher._room.free = 0
    url = origin.endless("/a.jpg", piece=JPEG * 40, pause=0.01)
    tasks = [asyncio.create_task(get(fetcher, url)) for _ in range(8)]
    await asyncio.sleep(0.2)
    for task in tasks:
        task.cancel()
    assert all(isinstance(end, asyncio.CancelledError) for end in await asyncio.gather(*tasks, return_exceptions=True))
    assert await connections_to(origin.port) == 0
    assert len(fetcher._hosts) == 0
    assert not spooled(limits.spool)
    assert await get(fetcher, origin.serve("/b.jpg", JPEG)) == JPEG, "all places are free again"


async def test_an_error_inside_the_block_closes_the_body(origin: Origin, fetcher: HttpFetcher, limits: FetchLimits) -> None:
    fetcher._room.free = 0
    url = origin.serve("/a.jpg", JPEG + bytes(2_000_000))

    async def stumble() -> None:
        async with fetcher.fetch(url):
            assert spooled(limits.spool)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await stumble()
    assert not spooled(limits.spool)


async def test_a_hundred_failures_leave_no_connection(origin: Origin, fetcher: HttpFetcher) -> None:
    urls = [
        origin.cut("/a", JPEG, 100),
        origin.reset("/b", JPEG, 100),
        origin.huge("/c", 10**9),
        origin.login("/d"),
        origin.redirect_loop("/e"),
        origin.status("/f", 500),
        origin.raw("/g", b"junk\r\n\r\n"),
        origin.endless("/h"),
        origin.redirect("/i", "ftp://x/"),
        origin.empty("/j"),
    ]
    await asyncio.gather(*(failure(fetcher, url) for url in urls * 10))
    await fetcher.close()
    assert await connections_to(origin.port) == 0
