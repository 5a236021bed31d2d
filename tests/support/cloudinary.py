"""A FAKE of Cloudinary: as much of its upload API, admin API and delivery as the official client and `halve` use.

It is strict where that is cheap: uploads and deletions need a signature of their parameters and a fresh timestamp, the admin API
needs key and secret, `authenticated` assets need a signed link, an extension other than the stored format's is a transformation
and refused. The real one looks into images and refuses what is none, or empty; this one refuses what begins with `REFUSED`.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl, unquote, urlsplit

from aiohttp import web

from tests.support.loopback import Loopback, part_of

CLOUD, KEY, SECRET = "test-cloud", "123456789012345", "a-secret_for-tests"
REFUSED = b"no image"
PAGE = 100
"""Assets that one deletion by prefix takes at the most; the real one's 1,000 would leave the second call untested."""

_API = f"/v1_1/{CLOUD}/"
_DELIVERY = re.compile(rf"/{CLOUD}/(image|raw)/(upload|authenticated)/(?:s--([\w-]{{8}})--/)?(?:v(\d+)/)?(.+)")
_UNSIGNED = ("file", "api_key", "signature", "resource_type", "cloud_name")
_FORMATS = {b"\xff\xd8\xff": "jpg", b"\x89PNG": "png", b"GIF8": "gif", b"RIFF": "webp"}


@dataclass
class Asset:
    """`params` is what the upload came with, signature and all."""

    data: bytes
    version: int
    format: str | None
    params: dict[str, str]


class FakeCloudinary(Loopback):
    """`assets`: (resource type, delivery type, public id) → what is kept. `calls`: how often each action was asked for.

    `delivered`: the paths that were asked for where browsers would.
    """

    def __init__(self) -> None:
        super().__init__()
        self.assets: dict[tuple[str, str, str], Asset] = {}
        self.parts: dict[str, list[bytes]] = {}
        self.calls: Counter[str] = Counter()
        self.delivered: list[str] = []

    @property
    def storage_url(self) -> str:
        return f"cloudinary://{KEY}:{SECRET}@{CLOUD}?upload_prefix={self.url}"

    async def answer(self, request: web.BaseRequest, body: bytes) -> web.StreamResponse:
        path = request.path
        if not path.startswith(_API):
            self.delivered.append(request.raw_path)
            return self._deliver(request) if request.method in ("GET", "HEAD") else _error(405, "Method not allowed")
        action = path.rpartition("/")[2] if request.method == "POST" else request.method.lower()
        self.calls[action] += 1
        if request.method == "POST" and action in ("upload", "destroy"):
            return self._signed_call(action, path.split("/")[3], request, body)
        if request.method == "DELETE":
            return self._admin(request, path.split("/")[3:], body)
        return _error(404, f"Unknown API {path}")

    def refusal(self, request: web.BaseRequest, status: int, message: str) -> web.Response:
        if request.path.startswith(_API):
            return _error(status, message)
        return web.Response(status=status, headers={"X-Cld-Error": message})

    def _signed_call(self, action: str, kind: str, request: web.BaseRequest, body: bytes) -> web.Response:
        params, data = _form(request.headers["Content-Type"], body)
        if params.get("api_key") != KEY:
            return _error(401, "unknown api_key")
        signable = "&".join(f"{name}={value}" for name, value in sorted(params.items()) if name not in _UNSIGNED and value)
        if not hmac.compare_digest(hashlib.sha1((signable + SECRET).encode()).hexdigest(), params.get("signature", "")):
            return _error(401, f"Invalid Signature {params.get('signature')}. String to sign - '{signable}'.")
        if abs(time.time() - int(params.get("timestamp", "0"))) > 3600:
            return _error(400, "Stale request - reported time is more than 1 hour ago")
        name = (kind, params.get("type", "upload"), params.get("public_id", ""))
        if action == "destroy":
            return web.json_response({"result": "ok" if self.assets.pop(name, None) else "not found"})
        if "X-Unique-Upload-Id" in request.headers:
            return self._part(name, params, data, request.headers)
        return self._keep(name, params, data)

    def _part(self, name: tuple[str, str, str], params: dict[str, str], data: bytes, headers: Mapping[str, str]) -> web.Response:
        first, last, size = (int(number) for number in re.findall(r"\d+", headers["Content-Range"]))
        parts = self.parts.setdefault(headers["X-Unique-Upload-Id"], [])
        if first != sum(map(len, parts)) or last - first + 1 != len(data):
            return _error(400, "Parts do not fit")
        if last + 1 < size and len(data) < 5_000_000:
            return _error(400, "All parts except EOF-chunk must be larger than 5mb")
        parts.append(data)
        if last + 1 < size:
            return web.json_response({"done": False, "public_id": params["public_id"]})
        return self._keep(name, params, b"".join(self.parts.pop(headers["X-Unique-Upload-Id"])))

    def _keep(self, name: tuple[str, str, str], params: dict[str, str], data: bytes) -> web.Response:
        kind, access, public_id = name
        if kind == "image" and data.startswith(REFUSED):
            return _error(400, "Invalid image file")
        form = next((form for magic, form in _FORMATS.items() if data.startswith(magic)), "jpg") if kind == "image" else None
        asset = self.assets[name] = Asset(data, int(time.time()), form, params)
        extension = f".{form}" if form else ""
        url = f"{self.url}/{CLOUD}/{kind}/{access}/v{asset.version}/{public_id}{extension}"
        answer = {"public_id": public_id, "version": asset.version, "resource_type": kind, "type": access, "bytes": len(data)}
        return web.json_response({**answer, "secure_url": url, "url": url} | ({"format": form} if form else {}))

    def _admin(self, request: web.BaseRequest, path: list[str], body: bytes) -> web.Response:
        if request.headers.get("Authorization") != "Basic " + base64.b64encode(f"{KEY}:{SECRET}".encode()).decode():
            return _error(401, "Invalid credentials")
        params = dict(parse_qsl(urlsplit(request.path_qs).query)) | (json.loads(body) if body else {})
        if path[0] == "folders":
            return _error(404, f"Can't find folder with path {path[1]}")
        _, kind, access = path
        found = [name for name in self.assets if name[:2] == (kind, access) and name[2].startswith(params["prefix"])]
        for name in found[:PAGE]:
            del self.assets[name]
        more = {"partial": True, "next_cursor": "more"} if len(found) > PAGE else {"partial": False}
        return web.json_response({"deleted": {name[2]: "deleted" for name in found[:PAGE]}, **more})

    def _deliver(self, request: web.BaseRequest) -> web.Response:
        found = _DELIVERY.fullmatch(unquote(request.path))
        if not found:
            return web.Response(status=404)
        kind, access, signature, _, rest = found.groups()
        asset, source = self.assets.get((kind, access, rest)), rest
        if asset is None and kind == "image":
            stem, _, extension = rest.rpartition(".")
            asset = self.assets.get((kind, access, stem))
            if asset is not None and asset.format != extension:
                return web.Response(status=400, headers={"X-Cld-Error": "the fake does not convert"})
        if access != "upload":
            wanted = base64.urlsafe_b64encode(hashlib.sha1((_escaped(source) + SECRET).encode()).digest())[:8].decode()
            if signature != wanted:
                return web.Response(status=401, headers={"X-Cld-Error": "Invalid signature"})
        if asset is None:
            return web.Response(status=404, headers={"X-Cld-Error": f"Resource not found - {rest}"})
        headers = {"ETag": f'"{hashlib.md5(asset.data).hexdigest()}"', "Cache-Control": "public, max-age=2592000"}
        headers["Content-Type"] = {"jpg": "image/jpeg", None: "application/octet-stream"}.get(asset.format, f"image/{asset.format}")
        return part_of(request, asset.data, headers)


def _escaped(source: str) -> str:
    return re.sub(rb"[^a-zA-Z0-9_.\-/:]", lambda found: b"%%%02X" % found[0][0], source.encode()).decode()


def _form(content_type: str, body: bytes) -> tuple[dict[str, str], bytes]:
    """The fields of a `multipart/form-data` body (RFC 7578), and the file in it."""
    boundary = content_type.partition("boundary=")[2].strip('"').encode()
    params, data = {}, b""
    for part in body.split(b"--" + boundary)[1:-1]:
        head, _, content = part.removeprefix(b"\r\n").removesuffix(b"\r\n").partition(b"\r\n\r\n")
        name = re.search(rb'name="([^"]*)"', head)
        assert name
        if name[1] == b"file":
            data = content
        else:
            params[name[1].decode()] = content.decode()
    return params, data


def _error(status: int, message: str) -> web.Response:
    return web.json_response({"error": {"message": message}}, status=status)
