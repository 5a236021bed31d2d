"""A FAKE of Google Cloud Storage, for want of an emulator in a package: as much of its XML API as obstore uses.

It is strict where that is cheap: every request needs a token signed by the service account's own key (RS256), for the right scope,
not expired; attributes are kept; ranges, conditions, pages of a listing and multipart uploads work as documented. What it does not
know it answers with 501.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import json
import os
import re
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from unittest import mock
from urllib.parse import unquote
from xml.sax.saxutils import escape

from aiohttp import web
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from tests.support.loopback import Loopback, part_of
from tests.support.s3 import LOOPBACK

ACCOUNT = "halve@test-project.iam.gserviceaccount.com"
PAGE = 100
"""Objects on a page of a listing; the real one's 1,000 would leave the second page untested."""


@dataclass
class Kept:
    data: bytes
    headers: dict[str, str]

    @property
    def etag(self) -> str:
        return f'"{hashlib.md5(self.data).hexdigest()}"'


@dataclass
class Upload:
    headers: dict[str, str]
    parts: dict[int, bytes] = field(default_factory=dict)


@functools.cache
def service_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


class FakeGcs(Loopback):
    """`buckets`: name → object's name → what is kept of it. `requests`: method and path of all that was let in."""

    def __init__(self) -> None:
        super().__init__()
        self.buckets: dict[str, dict[str, Kept]] = {}
        self.uploads: dict[str, Upload] = {}
        self.requests: list[tuple[str, str]] = []

    def write_credentials(self, path: Path) -> None:
        """What `GOOGLE_APPLICATION_CREDENTIALS` points to."""
        pem = service_key().private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        path.write_text(
            json.dumps(
                {
                    "type": "service_account",
                    "private_key": pem.decode(),
                    "private_key_id": "1",
                    "client_email": ACCOUNT,
                    "client_id": "1",
                    "token_uri": f"{self.url}/token",
                }
            )
        )

    async def answer(self, request: web.BaseRequest, body: bytes) -> web.StreamResponse:
        if not _signed(request.headers.get("Authorization", "")):
            return _error(401, "AuthenticationRequired", "Authentication required.")
        self.requests.append((request.method, request.raw_path))
        _, name, *rest = request.raw_path.partition("?")[0].split("/", 2)
        objects = self.buckets.get(unquote(name))
        if objects is None:
            return _error(404, "NoSuchBucket", "The specified bucket does not exist.")
        if not rest:
            return self._list(request, objects)
        key, query = unquote(rest[0]), request.query
        if request.method in ("GET", "HEAD"):
            kept = objects.get(key)
            if kept is None:
                return _error(404, "NoSuchKey", "The specified key does not exist.")
            return part_of(request, kept.data, {**kept.headers, "ETag": kept.etag, "x-goog-generation": "1", **_MODIFIED})
        if request.method == "PUT" and "uploadId" not in query:
            objects[key] = Kept(body, _attributes(request))
            return web.Response(headers={"ETag": objects[key].etag, "x-goog-generation": "1"})
        if request.method == "DELETE" and "uploadId" not in query:
            return web.Response(status=204) if objects.pop(key, None) else _error(404, "NoSuchKey", "No such object.")
        return self._multipart(request, body, objects, key)

    def _multipart(self, request: web.BaseRequest, body: bytes, objects: dict[str, Kept], key: str) -> web.Response:
        query, method = request.query, request.method
        if method == "POST" and "uploads" in query:
            upload = secrets.token_hex(8)
            self.uploads[upload] = Upload(_attributes(request))
            return _xml(f"<InitiateMultipartUploadResult><UploadId>{upload}</UploadId></InitiateMultipartUploadResult>")
        found = self.uploads.get(query.get("uploadId", ""))
        if found is None:
            return _error(404, "NoSuchUpload", "The specified upload does not exist.")
        if method == "PUT":
            found.parts[int(query["partNumber"])] = body
            return web.Response(headers={"ETag": f'"{hashlib.md5(body).hexdigest()}"'})
        if method == "POST":
            listed = [int(number) for number in re.findall(rb"<PartNumber>(\d+)</PartNumber>", body)]
            if listed != sorted(found.parts):
                return _error(400, "InvalidPart", "One or more of the specified parts could not be found.")
            objects[key] = Kept(b"".join(found.parts[number] for number in listed), found.headers)
            del self.uploads[query["uploadId"]]
            tag = escape(objects[key].etag)
            return _xml(f"<CompleteMultipartUploadResult><ETag>{tag}</ETag></CompleteMultipartUploadResult>")
        if method == "DELETE":
            del self.uploads[query["uploadId"]]
            return web.Response(status=204)
        return _error(501, "NotImplemented", "The fake does not know that.")

    def _list(self, request: web.BaseRequest, objects: dict[str, Kept]) -> web.Response:
        if request.method != "GET" or request.query.get("list-type") != "2":
            return _error(501, "NotImplemented", "The fake does not know that.")
        after = request.query.get("continuation-token", "")
        names = sorted(name for name in objects if name.startswith(request.query.get("prefix", "")) and name > after)
        more = len(names) > PAGE
        contents = "".join(
            f"<Contents><Key>{escape(name)}</Key><Generation>1</Generation><LastModified>2026-01-01T00:00:00.000Z</LastModified>"
            f"<ETag>{escape(objects[name].etag)}</ETag><Size>{len(objects[name].data)}</Size></Contents>"
            for name in names[:PAGE]
        )
        token = f"<NextContinuationToken>{escape(names[PAGE - 1])}</NextContinuationToken>" if more else ""
        return _xml(f"<ListBucketResult><IsTruncated>{str(more).lower()}</IsTruncated>{contents}{token}</ListBucketResult>")


@contextmanager
def empty_gcs_bucket(folder: Path) -> Iterator[tuple[FakeGcs, str]]:
    """A server, the name of a bucket on it, and meanwhile an environment that leads there. Keys go into the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    with FakeGcs() as server:
        server.write_credentials(folder / "google.json")
        name = f"halve-test-{secrets.token_hex(6)}"
        server.buckets[name] = {}
        environment = {
            "GOOGLE_APPLICATION_CREDENTIALS": str(folder / "google.json"),
            "GOOGLE_BASE_URL": server.url,
            **LOOPBACK,
        }
        with mock.patch.dict(os.environ, environment):
            yield server, name


_MODIFIED = {"Last-Modified": "Thu, 01 Jan 2026 00:00:00 GMT"}


def _attributes(request: web.BaseRequest) -> dict[str, str]:
    return {name: request.headers[name] for name in ("Content-Type", "Cache-Control") if name in request.headers}


def _signed(authorization: str) -> bool:
    """Whether that is `Bearer` and a JWT (RFC 7519) of the service account."""
    try:
        head, claims, signature = authorization.removeprefix("Bearer ").split(".")
        service_key().public_key().verify(_decode(signature), f"{head}.{claims}".encode(), padding.PKCS1v15(), hashes.SHA256())
        said = json.loads(_decode(claims))
    except (ValueError, InvalidSignature):
        return False
    scope_fits = said.get("scope") == "https://www.googleapis.com/auth/cloud-platform"
    return bool(said.get("iss") == ACCOUNT and scope_fits and said.get("exp", 0) > time.time())


def _decode(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def _xml(text: str) -> web.Response:
    return web.Response(text=f'<?xml version="1.0" encoding="UTF-8"?>{text}', content_type="application/xml")


def _error(status: int, code: str, message: str) -> web.Response:
    text = f"<?xml version='1.0' encoding='UTF-8'?><Error><Code>{code}</Code><Message>{message}</Message></Error>"
    return web.Response(status=status, text=text, content_type="application/xml")
