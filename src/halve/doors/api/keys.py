"""Who asks, and what they may see: API keys (RFC 6750), and the links that work without one."""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Path, Query, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from starlette.requests import Request as HttpRequest

from halve.core.models import Request
from halve.core.naming import link_token
from halve.doors.api.context import Context, Ctx
from halve.doors.api.problems import Problem

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)

_bearer = HTTPBearer(auto_error=False, description="One of the server's `HALVE_API_KEYS`; not needed where it has none.")


@dataclass(frozen=True, slots=True)
class Caller:
    """`name` of the API key in use; None: this server has no keys, and everyone sees everything."""

    name: str | None

    @property
    def owner(self) -> str:
        """What their requests are filed under."""
        return self.name or ""

    def may_see(self, request: Request) -> bool:
        return self.name is None or self.name == request.owner


def caller_of(
    http: HttpRequest,
    context: Ctx,
    _credentials: Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)],
) -> Caller:
    """The holder of the key that came along. Raises a 401 problem where one is needed and none, or a wrong one, came."""
    keys = context.parts.settings.api_keys
    if not keys:
        return Caller(None)
    scheme, _, key = http.headers.get("authorization", "").partition(" ")
    name = _holder(keys, key.strip()) if scheme.lower() == "bearer" else None
    if name is None:
        raise Problem(
            401,
            "unauthorized",
            "This needs an API key: send it as `Authorization: Bearer KEY`.",
            headers={"WWW-Authenticate": 'Bearer realm="halve"'},
        )
    return Caller(name)


Who = Annotated[Caller, Depends(caller_of)]

RequestId = Annotated[
    str,
    Path(
        description="The `request_id` that the upload was answered with, a UUID.",
        json_schema_extra={"format": "uuid"},
        examples=["36977978-8e24-4730-8761-1ca2ce4602bc"],
    ),
]

Token = Annotated[str | None, Query(max_length=100, description="Part of the links that are handed out: works in place of a key.")]


def read_id(text: object) -> UUID:
    """A request's id from its canonical text form (RFC 9562). Raises the problem `malformed_id`."""
    if isinstance(text, str) and _UUID.fullmatch(text):
        return UUID(text)
    shown = f"{text[:60]!r} is none" if isinstance(text, str) and text else "there is none"
    raise Problem(400, "malformed_id", f"A request id is a UUID such as 36977978-8e24-4730-8761-1ca2ce4602bc; {shown}.")


async def request_of(context: Context, who: Caller, request_id: UUID) -> Request:
    """The request of that id, if the caller may see it. Raises a 404 problem if not, or if there is none."""
    request = await context.parts.states.request(request_id)
    if request is None or not who.may_see(request):
        raise unknown(request_id)
    return request


def unknown(request_id: UUID) -> Problem:
    return Problem(404, "not_found", f"There is no request {request_id}. It may have been erased, or never existed here.")


async def _found(context: Ctx, who: Who, request_id: RequestId) -> Request:
    return await request_of(context, who, read_id(request_id))


Found = Annotated[Request, Depends(_found)]
"""The request that the path names."""


async def _linked(
    http: HttpRequest,
    context: Ctx,
    request_id: RequestId,
    credentials: Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)],
    token: Token = None,
) -> Request:
    if token is None:
        return await request_of(context, caller_of(http, context, credentials), read_id(request_id))
    if not context.parts.settings.api_keys:
        return await request_of(context, Caller(None), read_id(request_id))
    request = await context.parts.states.request(read_id(request_id))
    if request is not None and request.secret and _same(link_token(request), token):
        return request
    # A wrong token must not tell which requests exist, so this ends as if none had come.
    return await request_of(context, caller_of(http, context, credentials), read_id(request_id))


Linked = Annotated[Request, Depends(_linked)]
"""The request that the path names, asked for with a key or by a link that was handed out."""


def _holder(keys: dict[str, str], key: str) -> str | None:
    """Whose key it is. Looks at all of them, in the same time whichever it is."""
    found = None
    for name, known in keys.items():
        if _same(known, key):
            found = name
    return found


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(hashlib.sha256(one.encode()).digest(), hashlib.sha256(other.encode()).digest())
