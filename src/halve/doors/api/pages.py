"""`/` and `/docs`: the pages for people. All they need is served from here, so they work without the internet."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable

import jinja2
import swagger_ui_bundle
from fastapi import APIRouter
from starlette.requests import Request as HttpRequest
from starlette.responses import JSONResponse, Response

from halve.doors.api.addresses import path_above
from halve.doors.api.context import Ctx
from halve.doors.api.problems import Problem
from halve.doors.api.routes import reading
from halve.doors.api.stored import names

router = APIRouter()

_TYPES = {
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
    "png": "image/png",
}

_SWAGGER = ("swagger-ui.css", "swagger-ui-bundle.js", "favicon-32x32.png")

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'{styles}; connect-src 'self'; "
    "img-src 'self' data: http: https:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)

PAGE_POLICY = _POLICY.format(styles="")
"""Pictures are the user's own and lie wherever the sheet says; everything else comes from here."""

DOCS_POLICY = _POLICY.format(styles=" 'unsafe-inline'")
"""Swagger UI sets styles on its elements."""


@dataclass(frozen=True, slots=True)
class Asset:
    body: bytes
    media_type: str
    etag: str


@reading(router, "/", include_in_schema=False)
async def page(context: Ctx) -> Response:
    settings = context.parts.settings
    body = (
        _templates()
        .get_template("index.html")
        .render(keys=bool(settings.api_keys), mail=context.parts.mail_available, max_bytes=settings.max_upload_bytes)
    )
    return _html(body, PAGE_POLICY)


@reading(router, "/docs", include_in_schema=False)
async def docs() -> Response:
    return _html(_templates().get_template("docs.html").render(), DOCS_POLICY)


@reading(router, "/openapi.json", include_in_schema=False)
async def openapi_json(http: HttpRequest, context: Ctx) -> Response:
    servers = [{"url": path_above(http, context) or "/"}]
    return JSONResponse({**http.app.openapi(), "servers": servers}, headers={"Cache-Control": "no-cache"})


@reading(router, "/favicon.ico", include_in_schema=False)
async def favicon(http: HttpRequest) -> Response:
    return await asset(http, "icon.svg")


@reading(router, "/assets/{name:path}", include_in_schema=False)
async def asset(http: HttpRequest, name: str) -> Response:
    found = _assets().get(name)
    if found is None:
        raise Problem(404, "not_found", "There is no such file.")
    headers = {"ETag": f'"{found.etag}"', "Cache-Control": "no-cache", "Content-Type": found.media_type}
    if names(http, "if-none-match", found.etag):
        return Response(status_code=304, headers=headers)
    return Response(found.body, headers=headers)


def _html(body: str, policy: str) -> Response:
    headers = {
        "Content-Security-Policy": policy,
        "Cross-Origin-Opener-Policy": "same-origin",
        "X-Frame-Options": "DENY",
        "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
        "Cache-Control": "no-cache",
    }
    return Response(body, headers=headers, media_type="text/html; charset=utf-8")


@cache
def _templates() -> jinja2.Environment:
    folder = files("halve.doors") / "page" / "templates"
    texts = {item.name: item.read_text("utf-8") for item in folder.iterdir()}
    return jinja2.Environment(
        loader=jinja2.DictLoader(texts), autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )


@cache
def _assets() -> dict[str, Asset]:
    """Every file that is served, by its name below `/assets/`. Nothing else can be asked for."""
    page = files("halve.doors") / "page"
    swagger = files(swagger_ui_bundle) / "vendor"
    (release,) = swagger.iterdir()
    named = {item.name: item for item in page.iterdir() if item.is_file()}
    named |= {f"{folder}/{item.name}": item for folder in ("styles", "scripts") for item in (page / folder).iterdir()}
    named |= {f"swagger/{name}": release / name for name in _SWAGGER}
    return {name: _read(item) for name, item in named.items() if item.name.rpartition(".")[2] in _TYPES}


def _read(item: Traversable) -> Asset:
    body = item.read_bytes()
    return Asset(body, _TYPES[item.name.rpartition(".")[2]], hashlib.sha256(body).hexdigest()[:32])
