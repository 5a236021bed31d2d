"""Headers that keep browsers from doing more with an answer than they should, and other sites from using ours through them."""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.datastructures import MutableHeaders
from starlette.requests import Request as HttpRequest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from halve.doors.api.addresses import without_port
from halve.doors.api.context import context_of
from halve.doors.api.problems import Problem, answer

ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
"""Where a route does not say otherwise."""


class Careful:
    """ASGI middleware that adds the headers, and refuses what a foreign page has a browser send.

    There are no cookies to steal, but a server without keys on somebody's own machine would do as it is told.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def adding(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(raw=message.setdefault("headers", []))
                for name, value in ALWAYS.items():
                    headers.setdefault(name, value)
            await send(message)

        http = HttpRequest(scope)
        if http.method not in ("GET", "HEAD") and _from_another_site(http):
            refused = Problem(
                403,
                "cross_site",
                "Pages of other sites may not do this; send it from a program, or from our own page. A proxy must pass `Host` on.",
            )
            await answer(http, refused)(scope, receive, adding)
            return
        await self._app(scope, receive, adding)


def _from_another_site(http: HttpRequest) -> bool:
    """As browsers tell it: to https and to their own machine by Fetch Metadata, over plain http by the page's origin alone, which
    must be the address that the page itself was got from. Programs tell neither.
    """
    site, origin = http.headers.get("sec-fetch-site"), http.headers.get("origin")
    if site is not None or origin is None:
        return site == "cross-site"
    ours = (http.headers.get("host", ""), urlsplit(context_of(http).parts.settings.base_url or "").netloc)
    scheme, _, address = origin.lower().partition("://")  # no address, of `null`
    return not address or address not in [without_port(scheme, each) for each in ours]
