"""A FAKE of Azure Blob Storage, for where the official emulator (Azurite, on Node.js) is not: as much of its API as obstore uses.

It is strict where that is cheap: every request must be signed with the account's key (Shared Key), those within a batch too;
attributes are kept; ranges, conditions, pages of a listing, blocks and batches work as documented. What it does not know it
answers with 501. `TESTS_AZ=az://container`, with the environment that leads there, tests against Azurite or the real thing.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import re
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from unittest import mock
from urllib.parse import parse_qsl, unquote, urlsplit
from xml.sax.saxutils import escape

from aiohttp import web

from tests.support.loopback import Loopback, part_of
from tests.support.s3 import LOOPBACK

ACCOUNT = "halvetest"
KEY = base64.b64encode(b"a key for tests, known to everyone").decode()
PAGE = 100
"""Blobs on a page of a listing; the real one's 5,000 would leave the second page untested."""


@dataclass
class Kept:
    data: bytes
    headers: dict[str, str]
    etag: str


class FakeAzure(Loopback):
    """`containers`: name → blob's name → what is kept of it. `requests`: method and path of all that was let in."""

    def __init__(self) -> None:
        super().__init__()
        self.containers: dict[str, dict[str, Kept]] = {}
        self.blocks: dict[tuple[str, str], dict[str, bytes]] = {}
        self.requests: list[tuple[str, str]] = []

    @property
    def connection_string(self) -> str:
        return f"DefaultEndpointsProtocol=http;AccountName={ACCOUNT};AccountKey={KEY};BlobEndpoint={self.url}/{ACCOUNT};"

    async def answer(self, request: web.BaseRequest, body: bytes) -> web.StreamResponse:
        if not _signed(request.method, request.raw_path, request.headers):
            return _error(403, "AuthenticationFailed", "Server failed to authenticate the request.")
        self.requests.append((request.method, request.raw_path))
        _, _, container, *rest = request.raw_path.partition("?")[0].split("/", 3)
        blobs = self.containers.get(unquote(container))
        if blobs is None:
            return _error(404, "ContainerNotFound", "The specified container does not exist.")
        if rest:
            return self._blob(request, body, blobs, unquote(container), unquote(rest[0]))
        if request.method == "GET" and request.query.get("comp") == "list":
            return self._list(request, blobs)
        if request.method == "POST" and request.query.get("comp") == "batch":
            return self._batch(body, request.headers["Content-Type"], blobs)
        return _error(501, "NotImplemented", "The fake does not know that.")

    def _blob(self, request: web.BaseRequest, body: bytes, blobs: dict[str, Kept], container: str, key: str) -> web.Response:
        did = (request.method, request.query.get("comp"))
        if did in (("GET", None), ("HEAD", None)):
            kept = blobs.get(key)
            if kept is None:
                return _error(404, "BlobNotFound", "The specified blob does not exist.")
            return part_of(request, kept.data, {**kept.headers, "ETag": kept.etag, **_MODIFIED})
        if did == ("PUT", None):
            if request.headers.get("x-ms-blob-type") != "BlockBlob":
                return _error(400, "InvalidHeaderValue", "The blob type is missing.")
            return _keep(blobs, key, body, request.headers)
        if did == ("PUT", "block"):
            self.blocks.setdefault((container, key), {})[request.query["blockid"]] = body
            return web.Response(status=201)
        if did == ("PUT", "blocklist"):
            waiting = self.blocks.pop((container, key), {})
            named = re.findall(rb"<(?:Uncommitted|Latest)>([^<]*)</", body)
            if any(name.decode() not in waiting for name in named):
                return _error(400, "InvalidBlockList", "The specified block list is invalid.")
            return _keep(blobs, key, b"".join(waiting[name.decode()] for name in named), request.headers)
        if did == ("DELETE", None):
            return web.Response(status=202) if blobs.pop(key, None) else _error(404, "BlobNotFound", "No such blob.")
        return _error(501, "NotImplemented", "The fake does not know that.")

    def _list(self, request: web.BaseRequest, blobs: dict[str, Kept]) -> web.Response:
        after, prefix = request.query.get("marker", ""), request.query.get("prefix", "")
        names = sorted(name for name in blobs if name.startswith(prefix) and name > after)
        listed = "".join(
            f"<Blob><Name>{escape(name)}</Name><Properties><Last-Modified>Thu, 01 Jan 2026 00:00:00 GMT</Last-Modified>"
            f"<Etag>{escape(blobs[name].etag)}</Etag><Content-Length>{len(blobs[name].data)}</Content-Length>"
            "<Content-Type>image/jpeg</Content-Type></Properties></Blob>"
            for name in names[:PAGE]
        )
        marker = escape(names[PAGE - 1]) if len(names) > PAGE else ""
        text = f"<EnumerationResults><Blobs>{listed}</Blobs><NextMarker>{marker}</NextMarker></EnumerationResults>"
        return web.Response(text=text, content_type="application/xml")

    def _batch(self, body: bytes, content_type: str, blobs: dict[str, Kept]) -> web.Response:
        """Deletions, each a request of its own with its own signature."""
        answers = []
        for part in body.split(b"--" + content_type.partition("boundary=")[2].encode())[1:-1]:
            outer, _, inner = part.decode().strip().partition("\r\n\r\n")
            first, *lines = inner.split("\r\n")
            method, path, _ = first.split(" ")
            headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines if ":" in line)}
            key = unquote(path.split("/", 3)[3])
            if method != "DELETE" or not _signed(method, path, headers):
                said = "403 Forbidden\r\nx-ms-error-code: AuthenticationFailed"
            elif blobs.pop(key, None):
                said = "202 Accepted"
            else:
                said = "404 Not Found\r\nx-ms-error-code: BlobNotFound"
            number = re.search(r"Content-ID: *(\d+)", outer, re.IGNORECASE)
            assert number
            answers.append(
                f"--answer\r\nContent-Type: application/http\r\nContent-ID: {number[1]}\r\n\r\nHTTP/1.1 {said}\r\n"
                "x-ms-request-id: 1\r\nx-ms-version: 2023-11-03\r\nContent-Length: 0\r\n\r\n"
            )
        return web.Response(
            status=202,
            body=("".join(answers) + "--answer--\r\n").encode(),
            headers={"Content-Type": "multipart/mixed; boundary=answer"},
        )


@contextmanager
def empty_container() -> Iterator[tuple[FakeAzure, str]]:
    """A server, the name of a container on it, and meanwhile an environment that leads there."""
    with FakeAzure() as server:
        name = f"halve-test-{secrets.token_hex(6)}"
        server.containers[name] = {}
        with mock.patch.dict(os.environ, {"AZURE_STORAGE_CONNECTION_STRING": server.connection_string, **LOOPBACK}):
            yield server, name


_MODIFIED = {"Last-Modified": "Thu, 01 Jan 2026 00:00:00 GMT", "x-ms-blob-type": "BlockBlob"}


def _keep(blobs: dict[str, Kept], key: str, data: bytes, headers: Mapping[str, str]) -> web.Response:
    kept = {
        "Content-Type": headers.get("x-ms-blob-content-type", "application/octet-stream"),
        "Cache-Control": headers.get("x-ms-blob-cache-control", ""),
    }
    blobs[key] = Kept(data, kept, f'"0x{secrets.token_hex(7).upper()}"')
    return web.Response(status=201, headers={"ETag": blobs[key].etag, **_MODIFIED})


def _signed(method: str, target: str, headers: Mapping[str, str]) -> bool:
    """Whether the request bears the signature that the documentation describes under "Authorize with Shared Key"."""
    low = {name.lower(): value for name, value in headers.items()}
    length = low.get("content-length", "")
    standard = [
        *("content-encoding", "content-language", length if length != "0" else "", "content-md5", "content-type", "date"),
        *("if-modified-since", "if-match", "if-none-match", "if-unmodified-since", "range"),
    ]
    lines = [method] + [low.get(name, "") for name in standard[:2]] + [standard[2]] + [low.get(name, "") for name in standard[3:]]
    lines += [f"{name}:{low[name]}" for name in sorted(low) if name.startswith("x-ms-")]
    parts = urlsplit(target)
    resource = f"/{ACCOUNT}{parts.path}"
    for name, value in sorted(parse_qsl(parts.query, keep_blank_values=True)):
        resource += f"\n{name.lower()}:{value}"
    digest = hmac.new(base64.b64decode(KEY), "\n".join([*lines, resource]).encode(), hashlib.sha256).digest()
    return hmac.compare_digest(low.get("authorization", ""), f"SharedKey {ACCOUNT}:{base64.b64encode(digest).decode()}")


def _error(status: int, code: str, message: str) -> web.Response:
    text = f'<?xml version="1.0" encoding="utf-8"?><Error><Code>{code}</Code><Message>{message}</Message></Error>'
    return web.Response(status=status, text=text, content_type="application/xml", headers={"x-ms-error-code": code})
