"""Downloads of images that strangers name: guarded, bounded in time and bytes, polite to hosts, and plain about what went wrong.

One download is one GET and the redirects behind it. It does not try again by itself: what may pass is marked `transient`, and
who asked comes back later. A connection kept from before that turns out to be closed is the one exception (`connection`).
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from halve.core.errors import ImageFailed
from halve.core.no_image import HEAD, not_an_image
from halve.core.ports import Fetched, Validators
from halve.outbound.body import Download, Room
from halve.outbound.client import Client, Response
from halve.outbound.connecting import Resolver
from halve.outbound.encodings import decoder
from halve.outbound.faults import fault, refusal
from halve.outbound.guard import Guard
from halve.outbound.hosts import Hosts, Patience
from halve.outbound.http_fault import CutShort, HttpFault
from halve.outbound.urls import BadURL, Target, follow, read_url
from halve.outbound.validators import conditions, read_validators, still_the_same

ACCEPT = "image/jpeg, image/png;q=0.9, image/*;q=0.8, */*;q=0.5"
"""The original is wanted: some shops hand out WebP made on the fly to whoever seems to like it as much."""

MAX_REDIRECTS = 5

HTTP_OK, HTTP_NOT_MODIFIED = 200, 304

REDIRECTS = (301, 302, 303, 307, 308)

LEFTOVER = 2**16
"""Bytes of a body that nobody wants (a 404's, a redirect's) that are read all the same, to keep the connection."""


@dataclass(frozen=True, slots=True)
class FetchLimits:
    """`max_bytes` of a body, decoded; `timeout` in seconds for one whole download, redirects included, waiting for a turn at a
    busy host not; `per_host` connections to one host at once; `spool`, the folder for large bodies in progress.
    """

    max_bytes: int
    timeout: float
    per_host: int
    spool: Path


class _NotModified(ImageFailed):
    """No body came, for the origin has no other version than the one that was asked about; `of_known`: and names no other one."""

    def __init__(self, *, of_known: bool) -> None:
        super().__init__("not modified", code="not_modified")
        self.of_known = of_known


class HttpFetcher:
    """Implements `core.ports.Fetcher`. Made in a running loop and used in that one.

    `digests`: whether bodies are hashed, 0.2 ms of CPU a megabyte.
    `resolver` and `tls` (which certificates are trusted; default: the system's) are for tests and unusual networks.
    """

    def __init__(
        self,
        guard: Guard,
        limits: FetchLimits,
        *,
        resolver: Resolver | None = None,
        tls: ssl.SSLContext | None = None,
        patience: Patience | None = None,
        digests: bool = True,
    ) -> None:
        self._limits = limits
        self._digests = digests
        self._room = Room()
        self._hosts = Hosts(limits.per_host, patience)
        self._client = Client(guard, accept=ACCEPT, resolver=resolver, tls=tls)

    @asynccontextmanager
    async def fetch(self, url: str) -> AsyncIterator[Fetched]:
        """One guarded download; the body is whole on entering.

        Raises ImageFailed (the codes and their words are in docs/fetching.md), and StoreFailed where the spool's disk is full, or
        this process may open no more connections.
        """
        with self._download() as download:
            await self._follow(url, download, None)
            yield await download.body()

    @asynccontextmanager
    async def fetch_if_changed(self, url: str, known: Validators) -> AsyncIterator[Fetched | None]:
        """As `fetch`; None where the origin answers 304 to a question for another version than the known one."""
        with self._download() as download:
            try:
                await self._follow(url, download, known)
            except _NotModified as answer:
                if answer.of_known:
                    yield None
                    return
                await self._follow(url, download, None)
            yield await download.body()

    def _download(self) -> Download:
        return Download(self._limits.spool, self._limits.max_bytes, self._room, digest=self._digests)

    async def close(self) -> None:
        """Close all connections."""
        await self._client.close()

    async def _follow(self, url: str, download: Download, known: Validators | None) -> None:
        """Raises _NotModified, at `known` only."""
        left = self._limits.timeout
        clock = asyncio.get_running_loop().time
        try:
            target: Target | None = read_url(url)
        except BadURL as error:
            raise ImageFailed(f"bad URL: {error}", code="bad_url") from None
        for _ in range(MAX_REDIRECTS + 1):
            assert target is not None
            async with self._hosts.turn(target.origin):
                started = clock()
                target = await self._hop(target, download, left, known)
                left -= clock() - started
            if target is None:
                return
        raise ImageFailed(f"more than {MAX_REDIRECTS} redirects", code="too_many_redirects")

    async def _hop(self, target: Target, download: Download, seconds: float, known: Validators | None) -> Target | None:
        """One request. Returns where it is redirected to; None once the body is in."""
        asked = conditions(target.url, known)
        headers = dict(asked)
        if target.authorization:
            headers["Authorization"] = target.authorization
        try:
            async with asyncio.timeout(seconds), await self._client.get(target.url, headers) as response:
                if known is not None and asked and response.status == HTTP_NOT_MODIFIED:
                    raise _NotModified(of_known=still_the_same(known, response.headers))
                return await self._read(response, target, download)
        except TimeoutError as error:
            raise (self._too_slow(download) if error.errno is None else fault(error, target.host)) from None
        except (HttpFault, OSError) as error:
            raise fault(error, target.host) from None

    async def _read(self, response: Response, target: Target, download: Download) -> Target | None:
        if 200 <= response.status < 300:
            await self._take(response, download)
            if response.status == HTTP_OK:
                download.validators = read_validators(target.url, response.headers)
            return None
        await _drain(response)
        if response.status not in REDIRECTS:
            raise refusal(response.status, response.headers)
        location = response.headers.get("Location")
        if not location:
            raise ImageFailed("a redirect that leads nowhere", code="bad_redirect")
        try:
            return follow(target, location)
        except BadURL as error:
            raise ImageFailed(f"bad redirect: {error}", code="bad_redirect") from None

    async def _take(self, response: Response, download: Download) -> None:
        """Read the body into `download`, look at its beginning as soon as there is enough of it."""
        download.check(response.length or 0)
        decode, known = decoder(",".join(response.headers.getall("Content-Encoding", ()))), False
        try:
            while piece := await response.piece():
                for data in decode.feed(piece):
                    await download.write(data)
                    if not known and download.size >= HEAD:
                        _look(download)
                        known = True
        except CutShort:
            if not decode.whole:  # else the length that was stated is that of the picture, before it was compressed
                raise ImageFailed("download cut short", code="truncated", transient=True) from None
        await download.write(decode.finish())
        if not download.size:
            raise ImageFailed("empty answer", code="empty")
        if not known:
            _look(download)

    def _too_slow(self, download: Download) -> ImageFailed:
        what = "not finished" if download.size else "no answer"
        return ImageFailed(f"{what} within {self._limits.timeout:g} s", code="timeout", transient=True)


def _look(download: Download) -> None:
    what = not_an_image(download.head(HEAD))
    if what:
        raise ImageFailed(what, code="not_an_image")


async def _drain(response: Response) -> None:
    """Read a little body to its end, so that the connection can be used again; leave a large or slow one to be closed."""
    left = LEFTOVER
    try:
        async with asyncio.timeout(1):
            while left > 0:
                piece = await response.piece()
                if not piece:
                    return
                left -= len(piece)
    except (CutShort, TimeoutError):  # the status has said all that was to be said
        return
