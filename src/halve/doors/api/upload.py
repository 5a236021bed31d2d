"""`POST /upload`: a sheet comes in."""

from __future__ import annotations

import re
from typing import Annotated, Any

from fastapi import APIRouter, Header, Response
from starlette.requests import Request as HttpRequest

from halve.core import models
from halve.core.intake import accept, new_request
from halve.core.options import Format, read_options
from halve.core.sheet_options import PRESETS, read_sheet_options
from halve.doors.api import bodies, schemas
from halve.doors.api.addresses import base_url, path_above
from halve.doors.api.contacts import read_email, read_webhook_url
from halve.doors.api.context import Context, Ctx
from halve.doors.api.forms import FILE, Form, read_form
from halve.doors.api.keys import Caller, Who
from halve.doors.api.openapi import problems
from halve.doors.api.problems import Problem

UPLOADS_AT_ONCE = 32
"""Uploads taken in at once by one process; further ones wait for their turn."""

PATIENCE = 15.0
"""Seconds that an upload waits for its turn before it is answered 503."""

MAX_IDEMPOTENCY_KEY = 255

OPEN_RETRY_AFTER = 30
"""Seconds that a client with too many unfinished requests is asked to wait."""

_TAKEN = re.compile(r"\.(csv|tsv|txt)(\.gz)?$", re.IGNORECASE)
_SPREADSHEET = re.compile(r"\.(xlsx?|xlsm|xlsb|ods|numbers)$", re.IGNORECASE)
_VISIBLE = re.compile(r"[\x20-\x7e]+")

_FIELDS: dict[str, dict[str, Any]] = {
    "email": {"type": "string", "format": "email", "description": "Who is told by e-mail. Needs a mail server."},
    "webhook_url": {"type": "string", "format": "uri", "description": "What is told by a signed POST (Standard Webhooks)."},
    # Without its default: what is made from the schema, the page at /docs too, would send it along, and bound `max_bytes` by it.
    "quality": {
        "type": "string",
        "description": "1 to 100 on the JPEG scale, its equal elsewhere; or auto. 50 if left out, with `max_bytes` whatever fits.",
    },
    "max_bytes": {"type": "string", "description": "`50%` of each input, or a size such as `200KB`."},
    "format": {"type": "string", "enum": [format.value for format in Format], "default": Format.KEEP.value},
    "max_size": {"type": "string", "description": "Long edge in pixels, never enlarging."},
    "mode": {"type": "string", "enum": [mode.value for mode in models.Mode], "default": models.Mode.STRICT.value},
    "preset": {"type": "string", "enum": list(PRESETS)},
    "columns": {"type": "string", "description": "`serial=SKU,name=Title,images=Pictures`, for headers of other names."},
}

_BODY = {
    "required": True,
    "content": {
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "required": [FILE],
                "additionalProperties": False,
                "properties": {
                    FILE: {"type": "string", "format": "binary", "description": "CSV, TSV or text, or a gz of one."},
                    **_FIELDS,
                },
            },
            "example": {FILE: "products.csv", "quality": "50", "webhook_url": "https://shop.example/hook"},
        }
    },
}

router = APIRouter()

IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        description="The same key with the same body gives the same answer and does the work once; with another body, 409.",
        max_length=MAX_IDEMPOTENCY_KEY,
    ),
]


@router.post(
    "/upload",
    status_code=202,
    summary="Hand in a sheet",
    tags=["Sheets"],
    responses={
        202: {"headers": {"Location": {"description": "`/status/{request_id}`", "schema": {"type": "string"}}}},
        **problems(400, 401, 403, 408, 409, 413, 415, 429, 503),
    },
    openapi_extra={"requestBody": _BODY},
)
async def upload(
    http: HttpRequest, answer: Response, context: Ctx, who: Who, idempotency_key: IdempotencyKey = None
) -> schemas.Accepted:
    """Takes a sheet and begins to work on its images. Refuses it as a whole, with all findings, where one row is wrong
    (`mode=lenient`: only if none is good).
    """
    _check_query(http)
    key = _key(idempotency_key)
    parts = context.parts
    async with (
        context.turns.wait("uploads", UPLOADS_AT_ONCE, patience=PATIENCE),
        read_form(http, _FIELDS, spool=parts.spool, max_bytes=parts.settings.max_upload_bytes) as form,
    ):
        request = await _earlier(context, who, key, form) or await _begun(http, context, who, key, form)
    context.nudge()
    answer.headers["Location"] = f"{path_above(http, context)}/status/{request.id}"
    return bodies.accepted(request, parts.links)


def _check_query(http: HttpRequest) -> None:
    """Whoever asks for a quality in the wrong place shall not get another one without a word. Other parameters are nobody's."""
    for name in http.query_params:
        if name == FILE or name in _FIELDS:
            detail = f"{name} is a field of the form, as in `curl -F {name}=…`; in the query of the address it is not read."
            raise Problem(400, "bad_parameter", detail, field=name)


def _key(word: str | None) -> str | None:
    word = (word or "").strip()
    if word and not _VISIBLE.fullmatch(word):
        raise Problem(
            400, "bad_parameter", "Idempotency-Key must be of visible ASCII characters, such as a UUID.", field="Idempotency-Key"
        )
    return word or None


async def _earlier(context: Context, who: Caller, key: str | None, form: Form) -> models.Request | None:
    """What this very upload led to before, if it is a repetition."""
    if key is None:
        return None
    request = await context.parts.states.by_idempotency_key(who.owner, key)
    return _the_same(request, form) if request is not None else None


def _the_same(request: models.Request, form: Form) -> models.Request:
    if request.fingerprint != form.fingerprint:
        raise Problem(
            409,
            "idempotency_conflict",
            f"This Idempotency-Key was used for another upload, request {request.id}. Use a new key for a new upload.",
            request_id=str(request.id),
        )
    return request


async def _begun(http: HttpRequest, context: Context, who: Caller, key: str | None, form: Form) -> models.Request:
    parts, words = context.parts, form.words
    _check_name(form.filename)
    request = new_request(
        filename=form.filename,
        options=read_options(**{name: words.get(name) for name in ("quality", "max_bytes", "format", "max_size")}),
        sheet=read_sheet_options(words.get("mode"), words.get("preset"), words.get("columns")),
        owner=who.owner,
        base_url=base_url(http, context),
        email=read_email(parts, words.get("email")),
        webhook_url=read_webhook_url(parts, words.get("webhook_url")),
        idempotency_key=key,
        fingerprint=form.fingerprint if key else None,
    )
    bound, opening = parts.settings.max_open_requests, f"openings of {who.owner}"
    if await parts.states.open_requests(who.owner) + context.turns.taken(opening) >= bound:
        raise Problem(
            429,
            "too_many_open_requests",
            f"{bound:,} of your requests {'is' if bound == 1 else 'are'} unfinished, which is the most at a time."
            " Wait for one to end, or cancel one.",
            headers={"Retry-After": str(OPEN_RETRY_AFTER)},
        )
    with context.turns.take(opening):  # counted before it is open, for others of the same owner come at the same time
        published = await accept(parts.states, parts.images, form.path, request, parts.sheet_limits)
    return published if published.id == request.id else _the_same(published, form)


def _check_name(filename: str) -> None:
    if _TAKEN.search(filename):
        return
    if _SPREADSHEET.search(filename):
        how = "Open it in your spreadsheet program, choose File → Save as (or Download) → CSV UTF-8, and send that file."
    else:
        how = "Name it .csv, .tsv or .txt, or .gz after one of these."
    raise Problem(415, "unsupported_file_type", f"{filename[-60:]!r} is not taken. {how}", field=FILE)
