"""Errors as RFC 9457 problem details: `application/problem+json` with a stable `code`. Malformed input is 400, never 422."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from http import HTTPStatus
from urllib.parse import quote

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.requests import Request as HttpRequest
from starlette.responses import Response, StreamingResponse
from starlette.routing import Match

from halve.core.errors import HalveError, NotFound, OptionRefused, SheetRefused, StoreFailed
from halve.core.finding import Finding
from halve.core.log import Log

log = Log(__name__)

MEDIA_TYPE = "application/problem+json"

RETRY_AFTER = 5
"""Seconds that a client is asked to wait where the database, the disk or the image store failed, or all places are taken."""

_RENAMED = {413: "Content Too Large", 416: "Range Not Satisfiable"}
"""RFC 9110's phrases, which Pythons before 3.13 have under earlier names."""

_METHODS = ("GET", "HEAD", "POST", "DELETE")

_BATCH = 1_000
"""Findings written at once: a million of them are hundreds of megabytes of JSON, so they are written as they are sent."""


class Problem(Exception):
    """Ends the handling of an HTTP request with an error answer. `detail` says what is wrong and how to mend it."""

    def __init__(self, status: int, code: str, detail: str, *, headers: Mapping[str, str] | None = None, **members: object) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.headers = dict(headers or {})
        self.members = members


def too_large(what: str, bound: int) -> Problem:
    return Problem(413, "too_large", f"{what} is larger than the {bound:,} bytes that are taken here.")


def busy(detail: str) -> Problem:
    return Problem(503, "busy", detail, headers={"Retry-After": str(RETRY_AFTER)})


def phrase(status: int) -> str:
    """What HTTP calls a status (RFC 9110, 15)."""
    return _RENAMED.get(status) or HTTPStatus(status).phrase


def install(app: FastAPI) -> None:
    """Answer every error of the app, its framework's too, as a problem."""
    app.add_exception_handler(Problem, _on_problem)
    app.add_exception_handler(HalveError, _on_halve_error)
    app.add_exception_handler(HTTPException, _on_framework_error)
    app.add_exception_handler(RequestValidationError, _on_invalid_parameter)
    app.add_exception_handler(ClientDisconnect, _on_disconnect)
    app.add_exception_handler(Exception, _on_defect)


def answer(http: HttpRequest, problem: Problem, findings: Sequence[Finding] | None = None) -> Response:
    body = {
        "type": "about:blank",
        "title": phrase(problem.status),
        "status": problem.status,
        "detail": problem.detail,
        "code": problem.code,
        "instance": quote(http.scope["path"]),
        **problem.members,
    }
    if findings is None or len(findings) <= _BATCH:
        if findings is not None:
            body["errors"] = [asdict(finding) for finding in findings]
        return Response(_json(body), problem.status, problem.headers, MEDIA_TYPE)
    return StreamingResponse(_with_many(body, findings), problem.status, problem.headers, MEDIA_TYPE)


def _with_many(body: dict[str, object], findings: Sequence[Finding]) -> Iterator[bytes]:
    yield _json(body)[:-1] + b',"errors":['
    for start in range(0, len(findings), _BATCH):
        batch = _json([asdict(finding) for finding in findings[start : start + _BATCH]])
        yield (b"," if start else b"") + batch[1:-1]
    yield b"]}"


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode(errors="replace")


# ── from errors to problems ───────────────────────────────────────────────────────────────────────────────────────────


async def _on_problem(http: HttpRequest, error: Exception) -> Response:
    assert isinstance(error, Problem)
    return answer(http, error)


async def _on_halve_error(http: HttpRequest, error: Exception) -> Response:
    if isinstance(error, SheetRefused):
        detail = f"The sheet was refused: {error}" if len(error.findings) > 1 else str(error)
        return answer(http, Problem(413 if error.code == "too_large" else 400, error.code, detail), error.findings)
    if isinstance(error, OptionRefused):
        return answer(http, Problem(400, error.code, str(error), field=error.field))
    if isinstance(error, NotFound):
        return answer(http, Problem(404, error.code, str(error)))
    if isinstance(error, StoreFailed):
        log.error("store failed", reason=str(error), path=http.scope["path"])
        detail = "The server cannot reach or write its storage just now. Nothing is lost; try again in a moment."
        return answer(http, Problem(503, error.code, detail, headers={"Retry-After": str(RETRY_AFTER)}))
    raise error


async def _on_framework_error(http: HttpRequest, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == HTTPStatus.NOT_FOUND:
        return answer(
            http, Problem(404, "not_found", f"There is nothing at {quote(http.scope['path'])}. See /docs for what there is.")
        )
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        allowed = ", ".join(_allowed(http))
        detail = f"{http.method} is not possible here; {allowed} would be."
        return answer(http, Problem(405, "method_not_allowed", detail, headers={"Allow": allowed}))
    name = phrase(error.status_code)
    return answer(http, Problem(error.status_code, name.lower().replace(" ", "_"), error.detail or name, headers=error.headers))


def _allowed(http: HttpRequest) -> list[str]:
    """The methods that the path of this HTTP request would take; the framework only knows those of the first route."""
    routes = http.app.routes
    return [m for m in _METHODS if any(route.matches({**http.scope, "method": m})[0] is Match.FULL for route in routes)]


async def _on_invalid_parameter(http: HttpRequest, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    name = str(first["loc"][-1])
    return answer(http, Problem(400, "bad_parameter", f"{name}: {first['msg']}.", field=name))


async def _on_disconnect(http: HttpRequest, error: Exception) -> Response:
    return Response(status_code=400)  # nobody hears it


async def _on_defect(http: HttpRequest, error: Exception) -> Response:
    # This one goes out around the middleware that adds headers.
    headers = {"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"}
    detail = "Something went wrong here that should not have. It was written to the log."
    return answer(http, Problem(500, "internal", detail, headers=headers))
