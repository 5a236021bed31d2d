"""Stored bytes over HTTP: streamed, in ranges, conditionally (RFC 9110, 13 and 14)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import quote

from starlette.requests import Request as HttpRequest
from starlette.responses import Response, StreamingResponse

from halve.core.ports import ImageStore, Stored
from halve.doors.api.problems import Problem

_RANGE = re.compile(r"bytes\s*=\s*([0-9]*)\s*-\s*([0-9]*)", re.IGNORECASE)
_TAGS = re.compile(r'(W/)?"([^"]*)"')


def send(http: HttpRequest, images: ImageStore, key: str, stored: Stored, headers: Mapping[str, str]) -> Response:
    """The stored thing, or the one range of it that was asked for; several ranges are answered with all of it.

    Answers 304 where `If-None-Match` has its tag. Raises a 412 problem where `If-Match` has not, a 416 problem where nothing of
    the range is there. Conditions on dates mean nothing here, for stored things have none.
    """
    tag = f'"{stored.etag}"'
    told = {**headers, "ETag": tag, "Accept-Ranges": "bytes", "X-Content-Type-Options": "nosniff"}
    if names(http, "if-match", stored.etag, weakly=False) is False:
        raise Problem(412, "precondition_failed", "It is not what If-Match names; its ETag is another.", headers={"ETag": tag})
    if names(http, "if-none-match", stored.etag):
        told.pop("Content-Disposition", None)
        return Response(status_code=304, headers=told)
    part = _range(http, stored)
    start, length = part or (0, stored.size)
    told["Content-Length"] = str(length)
    told["Content-Type"] = headers.get("Content-Type", stored.content_type)
    if part:
        told["Content-Range"] = f"bytes {start}-{start + length - 1}/{stored.size}"
    status = 206 if part else 200
    if http.method == "HEAD":
        return Response(status_code=status, headers=told)
    return StreamingResponse(images.read(key, start=start, length=length), status, told)


def attachment(filename: str) -> str:
    """A Content-Disposition (RFC 6266) that has a browser save under this name, whatever characters it has."""
    plain = re.sub(r'[^\x20-\x7e]|["\\%;]', "_", filename)
    extended = f"; filename*=UTF-8''{quote(filename, safe='')}" if plain != filename else ""
    return f'attachment; filename="{plain}"{extended}'


def names(http: HttpRequest, header: str, etag: str, *, weakly: bool = True) -> bool | None:
    """Whether a header that lists tags has this one, or None where there is no such header. `weakly`: a weak one is as good."""
    lines = http.headers.getlist(header)
    if not lines:
        return None
    listed = [tag for line in lines for weak, tag in _TAGS.findall(line) if weakly or not weak]
    return etag in listed or any(line.strip() == "*" for line in lines)


def _range(http: HttpRequest, stored: Stored) -> tuple[int, int] | None:
    """Start and length of the range to be sent, None for all. What cannot be understood is ignored, as the standard has it."""
    match = _RANGE.fullmatch(http.headers.get("range", "").strip())
    if match is None or not (match[1] or match[2]) or http.method != "GET":
        return None
    if_range = http.headers.get("if-range")
    if if_range is not None and if_range.strip() != f'"{stored.etag}"':
        return None
    last = stored.size - 1
    if match[1]:
        start, end = _number(match[1]), min(_number(match[2]), last) if match[2] else last
        if match[2] and _number(match[2]) < start:
            return None
    else:
        start, end = max(0, stored.size - _number(match[2])), last
    if start >= stored.size or end < start:
        raise Problem(
            416,
            "range_not_satisfiable",
            f"There are {stored.size:,} bytes, and none in that range.",
            headers={"Content-Range": f"bytes */{stored.size}", "Accept-Ranges": "bytes"},
        )
    return start, end - start + 1


def _number(digits: str) -> int:
    """A number of any length, which means nothing beyond 18 digits: nothing stored is that large."""
    return int(digits.lstrip("0")[:18] or "0")
