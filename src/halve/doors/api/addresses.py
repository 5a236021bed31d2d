"""The address that people reach this server under, as it stands in links."""

from __future__ import annotations

import re
from urllib.parse import quote

from starlette.requests import Request as HttpRequest

from halve.doors.api.context import Context
from halve.doors.api.problems import Problem

_HOST = re.compile(r"(?P<host>[a-z0-9]([a-z0-9._-]{0,251}[a-z0-9.])?|\[[0-9a-f:.]{2,45}\])(:(?P<port>\d{1,5}))?", re.IGNORECASE)


def base_url(http: HttpRequest, context: Context) -> str:
    """`HALVE_BASE_URL`, or scheme, host and root path of this HTTP request, without a closing slash.

    The host ends up in sheets, webhooks and e-mails, so nothing but a plain name or address is taken. Raises `bad_host`.
    """
    if context.parts.settings.base_url:
        return context.parts.settings.base_url.rstrip("/")
    return f"{http.scope['scheme']}://{_host(http)}{quote(http.scope.get('root_path', '').rstrip('/'))}"


def _host(http: HttpRequest) -> str:
    host = http.headers.get("host")
    if host is None:  # HTTP/1.0
        name, port = http.scope.get("server") or ("localhost", None)
        name = f"[{name}]" if ":" in name else name
        host = f"{name}:{port}" if port else name
    match = _HOST.fullmatch(host)
    if match is None or int(match["port"] or 1) not in range(1, 65_536):
        raise Problem(400, "bad_host", "The Host header is no plain host name or address, so no links can be made from it.")
    return host
