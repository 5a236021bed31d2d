"""Asking an origin whether it still has the version that came before."""

from __future__ import annotations

from email.utils import formatdate
from time import time

import pytest
from aiohttp import web

from halve.core.digests import digest_of
from halve.core.errors import ImageFailed
from halve.core.ports import Validators
from halve.outbound.fetch import HttpFetcher
from tests.support.origin import Origin

JPEG = b"\xff\xd8\xff\xe0\0\x10JFIF\0" + bytes(range(256)) * 20
OTHER = JPEG[::-1]

OLD = formatdate(time() - 3600, usegmt=True)


async def version(fetcher: HttpFetcher, url: str) -> Validators | None:
    async with fetcher.fetch(url) as body:
        assert body.digest == digest_of(body.read())
        return body.validators


async def again(fetcher: HttpFetcher, url: str, known: Validators) -> bytes | None:
    async with fetcher.fetch_if_changed(url, known) as body:
        return None if body is None else body.read()


def heeding(origin: Origin, path: str, etag: str, *, named: str | None = None) -> str:
    """An origin that answers 304 to whoever asks about this tag, and names that one then, or another."""

    async def handler(request: web.Request) -> web.Response:
        if request.headers.get("If-None-Match") == etag:
            return web.Response(status=304, headers={"ETag": named or etag})
        return web.Response(body=JPEG, content_type="image/jpeg", headers={"ETag": etag})

    return origin.route(path, handler)


@pytest.mark.parametrize("etag", ['"v1"', 'W/"v1"'])
async def test_a_version_that_is_still_there_is_not_sent_again(origin: Origin, fetcher: HttpFetcher, etag: str) -> None:
    url = heeding(origin, "/a.jpg", etag)
    known = await version(fetcher, url)
    assert known is not None
    assert await again(fetcher, url, known) is None
    assert origin.hits("/a.jpg") == 2


async def test_another_version_is_sent(origin: Origin, fetcher: HttpFetcher) -> None:
    url = heeding(origin, "/a.jpg", '"v1"')
    known = await version(fetcher, url)
    assert known is not None
    heeding(origin, "/a.jpg", '"v2"')
    assert await again(fetcher, url, known) == JPEG


async def test_an_origin_that_heeds_no_conditions_sends_the_body(origin: Origin, fetcher: HttpFetcher) -> None:
    url = origin.serve("/a.jpg", JPEG, headers={"ETag": '"v1"'})
    known = await version(fetcher, url)
    assert known is not None
    assert await again(fetcher, url, known) == JPEG


async def test_a_304_that_names_another_version_counts_for_nothing(origin: Origin, fetcher: HttpFetcher) -> None:
    url = heeding(origin, "/a.jpg", '"v1"', named='"v2"')
    known = await version(fetcher, url)
    assert known is not None
    assert await again(fetcher, url, known) == JPEG
    assert "If-None-Match" not in origin.seen("/a.jpg")[-1].headers


async def test_a_304_that_nobody_asked_for_is_a_failure(origin: Origin, fetcher: HttpFetcher) -> None:
    url = origin.status("/a.jpg", 304)
    with pytest.raises(ImageFailed) as caught:
        await version(fetcher, url)
    assert caught.value.code == "http_error"


async def test_a_version_belongs_to_the_end_of_the_redirects(origin: Origin, fetcher: HttpFetcher) -> None:
    """If the link leads elsewhere, a tag that happens to be the same there says nothing."""
    url = origin.redirect("/link", "/a.jpg")
    heeding(origin, "/a.jpg", '"v1"')
    heeding(origin, "/b.jpg", '"v1"')
    known = await version(fetcher, url)
    assert known is not None
    assert await again(fetcher, url, known) is None
    assert "If-None-Match" not in origin.seen("/link")[-1].headers
    origin.redirect("/link", "/b.jpg")
    assert await again(fetcher, url, known) == JPEG


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"ETag": "unquoted"},
        {"ETag": '"' + "x" * 400 + '"'},
        {"ETag": '"v1"', "Vary": "Accept, *"},
        {"ETag": '"v1"', "Cache-Control": "private, no-store"},
        {"Last-Modified": "yesterday, or so"},
        {"Last-Modified": "Fri, 01 Jan 2100 00:00:00 GMT"},  # in the future
        {"Last-Modified": "Fri, 01 Jan 20000000000000000000 00:00:00 GMT"},
        {"Last-Modified": "Fri, 01 Jan 2010 00:00:00 GMT", "Date": "Fri, 20000000000000000000 Jan 2020 00:00:00 GMT"},
    ],
    ids=str,
)
async def test_what_cannot_be_relied_on_is_no_version(origin: Origin, fetcher: HttpFetcher, headers: dict[str, str]) -> None:
    assert await version(fetcher, origin.serve("/a.jpg", JPEG, headers=headers)) is None


@pytest.mark.parametrize("junk", [b"\xff", b"(\xe4)", b"\0", b"\x1b", b"x" * 400, "é".encode()], ids=repr)
async def test_a_date_that_could_not_be_sent_back_is_no_version(origin: Origin, fetcher: HttpFetcher, junk: bytes) -> None:
    lines = b"Last-Modified: Fri, 01 Jan 2010 00:00:00 GMT %b\r\nDate: Fri, 01 Jan 2020 00:00:00 GMT\r\n" % junk
    assert await version(fetcher, origin.raw("/a.jpg", b"HTTP/1.1 200 OK\r\n" + lines + b"\r\n" + JPEG)) is None


async def test_a_date_goes_only_where_there_is_no_tag(origin: Origin, fetcher: HttpFetcher) -> None:
    url = origin.serve("/a.jpg", JPEG, headers={"Last-Modified": OLD, "ETag": '"v1"', "Vary": "Accept"})
    known = await version(fetcher, url)
    assert known is not None
    await again(fetcher, url, known)
    headers = origin.seen("/a.jpg")[-1].headers
    assert (headers.get("If-None-Match"), headers.get("If-Modified-Since")) == ('"v1"', None)
