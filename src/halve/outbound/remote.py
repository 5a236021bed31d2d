"""A server of ours somewhere else, spoken to over HTTP: `halve submit`, `status`, `cancel`, `retry` and `download` are made of it.

Its address is named by whoever runs the command, on their own machine, so no guard stands before it.
"""

from __future__ import annotations

import asyncio
import re
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import ExitStack, asynccontextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote, urlsplit
from uuid import uuid4

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from halve.core.errors import HalveError, OptionRefused, SheetRefused, StoreFailed
from halve.core.finding import Finding
from halve.core.sheet.findings import shown
from halve.core.visible import legible
from halve.outbound.client import USER_AGENT
from halve.outbound.connecting import CONNECT_SECONDS, SystemResolver
from halve.outbound.faults import fault
from halve.outbound.http_fault import BadAnswer, HttpFault, NoAnswer
from halve.outbound.retry_after import retry_after
from halve.outbound.urls import basic

ATTEMPTS = 4
"""How often a call is made whose answer was lost, or that was turned away for the moment."""

SILENCE_SECONDS = 120.0
"""How long the server may say nothing at all."""

LONGEST_PAUSE = 30.0
"""Seconds between two attempts, whatever the server asks for."""

_PASSING = (429, 502, 503, 504)

_SUFFIX = re.compile(r"\.(csv|tsv|txt|zip)(\.gz)?$", re.IGNORECASE)
_USER = re.compile(r"(?<=://)[^/?#]*@")

_TWO_KEYS = (
    "url has a user and a password, and there is an API key: both are sent as Authorization, of which a request has one. Leave "
    "one of them out."
)


class RemoteServer:
    """`url` is the server's address, with or without a path, and with the user and password that a proxy before it may want;
    `api_key` goes along where it is given.
    """

    def __init__(self, url: str, api_key: str | None = None) -> None:
        self.url = without_user(url).rstrip("/")
        if not _is_address(url):
            mend = " In a password, / is written %2F, ? is %3F and # is %23." if "@" in url else ""
            raise OptionRefused("url", f"url must be such as http://127.0.0.1:8000, not {shown(url)}.{mend}")
        headers = {"User-Agent": USER_AGENT}
        if user := basic(urlsplit(url).netloc.rpartition("@")[0]):
            if api_key:
                raise OptionRefused("url", _TWO_KEYS)
            headers["Authorization"] = user
        if api_key:
            if not api_key.isprintable():
                raise OptionRefused("api_key", "api_key must be one line of plain characters.")
            headers["Authorization"] = f"Bearer {api_key}"
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(resolver=_Resolver()),
            headers=headers,
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS, sock_read=SILENCE_SECONDS),
        )

    async def upload(self, sheet: Path, fields: Mapping[str, str]) -> dict[str, Any]:
        """Upload a sheet; `fields` are those of `POST /upload`. The answer has `request_id`. A lost answer uploads nothing twice.

        Raises SheetRefused with the server's findings, OptionRefused, StoreFailed where the server is out of reach.
        """
        key = {"Idempotency-Key": str(uuid4())}

        with ExitStack() as files:  # open until all is over: the server may answer before it has heard everything

            async def send() -> aiohttp.ClientResponse:
                words = {name: _sendable(value) for name, value in fields.items()}
                form = aiohttp.FormData(words, quote_fields=False)  # names as browsers send them, not percent-encoded
                file, name = files.enter_context(sheet.open("rb")), _one_line(sheet.name)
                form.add_field("file", aiohttp.BufferedReaderPayload(file, filename=name), filename=name)
                return await self._session.post(f"{self.url}/upload", data=form, headers=key)

            return await self._object(send)

    async def status(self, request_id: str) -> dict[str, Any]:
        return await self._object(lambda: self._session.get(self._address("status", request_id)))

    async def cancel(self, request_id: str) -> dict[str, Any]:
        return await self._object(lambda: self._session.post(self._address("cancel", request_id)))

    async def retry(self, request_id: str) -> dict[str, Any]:
        return await self._object(lambda: self._session.post(self._address("retry", request_id)))

    @asynccontextmanager
    async def open(self, kind: str, request_id: str, part: str = "") -> AsyncIterator[tuple[AsyncIterator[bytes], str]]:
        """The bytes of `download` (part `failed` or `input`, or the output) or `archive`, in pieces, and what ends their name."""
        address = self._address(kind, request_id) + (f"/{part}" if part else "")
        response = await self._answer(lambda: self._session.get(address))
        try:
            if response.content_type == "text/html":
                raise StoreFailed(f"{self.url} answered with a web page, which halve does not; is it halve?", code="bad_answer")
            named = _SUFFIX.search((response.content_disposition and response.content_disposition.filename) or "")
            yield _pieces(response, self.url), named[0].lower() if named else ""
        finally:
            response.close()

    async def close(self) -> None:
        await self._session.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.close()

    def _address(self, what: str, request_id: str) -> str:
        return f"{self.url}/{what}/{quote(_sendable(request_id), safe='')}"

    async def _object(self, send: Callable[[], Any]) -> dict[str, Any]:
        response = await self._answer(send)
        try:
            body = await response.json()
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise StoreFailed(f"{self.url} answered with something other than JSON; is it halve?", code="bad_answer") from error
        finally:
            response.release()
        if not isinstance(body, dict):
            raise StoreFailed(f"{self.url} answered with something that halve does not say; is it halve?", code="bad_answer")
        return body

    async def _answer(self, send: Callable[[], Any]) -> aiohttp.ClientResponse:
        """The answer of a call that went well; tried again while it fails in passing, a restart of the server included."""
        pause = 0.5
        for attempt in range(1, ATTEMPTS + 1):
            last = attempt == ATTEMPTS
            try:
                response: aiohttp.ClientResponse = await send()
            except (aiohttp.ClientError, TimeoutError, ssl.SSLError) as error:
                if last or _is_final(error):
                    raise _unreachable(error, self.url) from error
            else:
                if response.history and response.method != response.history[0].method:
                    response.release()
                    raise _elsewhere(response, self.url)
                if response.status < 400:
                    return response
                if response.status not in _PASSING or last:
                    raise await _refusal(response, self.url)
                pause = max(pause, retry_after(response.headers, longest=LONGEST_PAUSE) or 0.0)
                response.release()
            await asyncio.sleep(min(pause, LONGEST_PAUSE))
            pause *= 3
        raise AssertionError("the last attempt returns or raises")


class _Resolver(AbstractResolver):
    """The system's, but nobody who presses Ctrl-C waits for it: aiohttp's own does, to the end of its patience."""

    def __init__(self) -> None:
        self._system = SystemResolver()

    async def resolve(self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC) -> list[ResolveResult]:
        return [
            ResolveResult(
                hostname=host, host=_numeric(address), port=port, family=kind, proto=protocol, flags=socket.AI_NUMERICHOST
            )
            for kind, _, protocol, _, address in await self._system.resolve(host, port)
            if family in (socket.AF_UNSPEC, kind)
        ]

    async def close(self) -> None:
        await self._system.close()


def _numeric(address: Sequence[Any]) -> str:
    """With its scope, where it has one: machines nearby go by names such as `printer.local`."""
    return f"{address[0]}%{address[3]}" if address[3:] and address[3] else str(address[0])


def without_user(url: str) -> str:
    """An address as it is told: without the user and password that it may have."""
    return _USER.sub("", url, count=1)


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        (parts.hostname or "").encode("idna")
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0 and "?" not in url and "#" not in url
    except ValueError:  # half an IPv6 address, a host with a part that is empty or too long, no such port
        return False


def _sendable(text: str) -> str:
    """The text with `?` for what is no character: bytes of a command line that are not UTF-8."""
    return text.encode(errors="replace").decode()


def _one_line(name: str) -> str:
    """A file's name without what cannot stand in a header."""
    return legible(name, "_")


def _is_final(error: Exception) -> bool:
    """Whether nobody serves there, or somebody who speaks no HTTP, or leads in a circle: that does not pass by waiting."""
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return False
    return isinstance(error, aiohttp.ClientConnectorError | aiohttp.ClientResponseError)


def _unreachable(error: Exception, url: str) -> StoreFailed:
    cause: Exception = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error
    if isinstance(cause, aiohttp.ServerDisconnectedError):
        cause = NoAnswer()
    elif isinstance(cause, aiohttp.ClientResponseError | aiohttp.ClientPayloadError):
        cause = BadAnswer()
    asked, host = url, urlsplit(url).hostname or ""
    if isinstance(error, aiohttp.ClientConnectorError) and (error.host, error.port) != _host_and_port(url):
        asked, host = f"{error.host}:{error.port}, to which {url} leads,", error.host
    if isinstance(cause, OSError | HttpFault) and not isinstance(cause, TimeoutError):
        why = str(fault(cause, host))
    else:
        why = str(error) or "no answer"
    return StoreFailed(
        f"{asked} is out of reach: {why}. See whether `halve serve` runs there; --url names another server.",
        code="server_unreachable",
    )


def _host_and_port(url: str) -> tuple[str | None, int | None]:
    there = URL(url)  # spelt as in the client's errors
    return there.raw_host, there.port


def _elsewhere(response: aiohttp.ClientResponse, url: str) -> HalveError:
    """A redirect, from http to https as a rule, that made a GET of a POST: what was sent is lost on the way."""
    path = response.history[0].url.raw_path.removeprefix(urlsplit(url).path)
    there = str(response.url.with_query(None)).removesuffix(path)
    return HalveError(f"{url} leads elsewhere. Name that address: --url {there}.", code="moved")


async def _refusal(response: aiohttp.ClientResponse, url: str) -> HalveError:
    """The error that an answer of 400 or more stands for; its sentence is halve's own (RFC 9457 `detail`), if it is halve."""
    problem: dict[str, Any] = {}
    with suppress(aiohttp.ClientError, TimeoutError, ValueError):
        read = await response.json(content_type=None)
        problem = read if isinstance(read, dict) else {}
    response.release()
    detail = str(problem.get("detail") or f"HTTP {response.status} {response.reason or ''}".strip())
    code = str(problem.get("code") or "") or None
    if response.status == 400 and (findings := _findings(problem.get("errors"))):
        return SheetRefused(findings)
    if response.status == 401 and code:
        return HalveError(f"{url} wants an API key: --api-key, or HALVE_API_KEY. ({detail})", code=code)
    if response.status == 400 and isinstance(field := problem.get("field"), str):
        return OptionRefused(field, detail, code=code)
    if response.status >= 500 or response.status == 429:
        return StoreFailed(f"{url} says: {detail}", code=code)
    if code:
        return HalveError(detail, code=code)
    mend = " If that wants a user and a password: --url https://user:pass@host." if response.status == 401 else ""
    told = f"{url} answered {detail}, without a word of halve's; is it halve, or a proxy before it?{mend}"
    return HalveError(told, code="bad_answer")


def _findings(errors: object) -> list[Finding]:
    return [_finding(error) for error in errors if isinstance(error, dict)] if isinstance(errors, list) else []


def _finding(error: dict[str, Any]) -> Finding:
    line = error.get("line")
    column, code, message = (str(error.get(name) or "") for name in ("column", "code", "message"))
    return Finding(line if isinstance(line, int) else 0, column, code, message)


async def _pieces(response: aiohttp.ClientResponse, url: str) -> AsyncIterator[bytes]:
    try:
        async for piece in response.content.iter_chunked(2**18):
            yield piece
    except (aiohttp.ClientError, TimeoutError) as error:
        raise StoreFailed(f"{url} did not send all of it: {error or 'no answer'}. Try again.", code="server_unreachable") from error
