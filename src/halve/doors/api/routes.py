"""How routes are declared here: what can be got can be asked for its headers alone, and an id left out is an error of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from fastapi import APIRouter, HTTPException
from fastapi.routing import APIRoute
from starlette.responses import Response, StreamingResponse

from halve.doors.api.keys import Who, read_id

Endpoint = TypeVar("Endpoint", bound=Callable[..., Any])


def reading(router: APIRouter, path: str, **how: Any) -> Callable[[Endpoint], Endpoint]:
    """A route for GET, and HEAD with it, which the schema leaves out."""

    def declare(endpoint: Endpoint) -> Endpoint:
        router.add_api_route(path, endpoint, methods=["GET"], **how)
        router.add_api_route(path, endpoint, methods=["HEAD"], **{**how, "include_in_schema": False})
        return endpoint

    return declare


def without_body(headers: Mapping[str, str], media_type: str) -> Response:
    """The answer to HEAD where the length of what GET would send is not known (an ordinary answer would say 0)."""
    return StreamingResponse(iter(()), headers=headers, media_type=media_type)


def ids_left_out(router: APIRouter, method: str, *prefixes: str) -> None:
    """Answer `malformed_id` where a path has no id, or none in the place of one. To be declared after the routes that take one."""
    methods = ["GET", "HEAD"] if method == "GET" else [method]
    for prefix in prefixes:
        for path in (prefix, f"{prefix}/{{rest:path}}"):
            router.add_api_route(path, _left_out, methods=methods, include_in_schema=False)


async def _left_out(_: Who, rest: str = "") -> None:
    read_id(rest.partition("/")[0])
    raise HTTPException(404)


def operation_id(route: APIRoute) -> str:
    return route.name
