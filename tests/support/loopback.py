"""The frame of the small HTTP servers that stand in for services in tests.

Unlike an `Origin`, which serves pages by name, these answer every path by rules of their own: `answer` is theirs to write.
"""

from __future__ import annotations

import re

from aiohttp import web

from tests.support.threaded import Threaded

_RANGE = re.compile(r"bytes=(\d+)-(\d*)")


class Loopback(Threaded):
    """`trouble`: status and message that the next requests get instead of an answer, one after the other."""

    def __init__(self) -> None:
        super().__init__()
        self.trouble: list[tuple[int, str]] = []

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"

    async def answer(self, request: web.BaseRequest, body: bytes) -> web.StreamResponse:
        raise NotImplementedError

    def refusal(self, request: web.BaseRequest, status: int, message: str) -> web.Response:
        text = f"<Error><Code>Trouble</Code><Message>{message}</Message></Error>"
        return web.Response(status=status, text=text, content_type="application/xml")

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        body = await request.content.read() if request.body_exists else b""
        try:
            if self.trouble:
                return self.refusal(request, *self.trouble.pop(0))
            return await self.answer(request, body)
        except ConnectionError:  # the client has left
            return web.StreamResponse()


def part_of(request: web.BaseRequest, data: bytes, headers: dict[str, str]) -> web.Response:
    """The whole, or the part that `Range` asks for (RFC 9110, section 14); 412 where `If-Match` names another `ETag`."""
    headers = {"Accept-Ranges": "bytes", **headers}
    wanted = request.headers.get("If-Match")
    if wanted and wanted.strip('"') != headers.get("ETag", "").strip('"'):
        return web.Response(status=412, text="<Error><Code>PreconditionFailed</Code></Error>")
    if request.method == "HEAD":
        return web.Response(headers={**headers, "Content-Length": str(len(data))})
    found = _RANGE.fullmatch(request.headers.get("Range", ""))
    if not found:
        return web.Response(body=data, headers=headers)
    first, last = int(found[1]), min(int(found[2] or len(data)), len(data) - 1)
    if first >= len(data):
        return web.Response(
            status=416, headers={"Content-Range": f"bytes */{len(data)}"}, text="<Error><Code>InvalidRange</Code></Error>"
        )
    return web.Response(
        status=206, body=data[first : last + 1], headers={**headers, "Content-Range": f"bytes {first}-{last}/{len(data)}"}
    )
