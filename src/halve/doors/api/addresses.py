"""The address that people reach this server under, as it stands in links."""

from __future__ import annotations

import re
from urllib.parse import quote, urlsplit

from starlette.requests import Request as HttpRequest

from halve.doors.api.context import Context
from halve.doors.api.problems import Problem

_HOST = re.compile(r"(?P<host>[a-z0-9]([a-z0-9._-]{0,251}[a-z0-9.])?|\[[0-9a-f:.]{2,45}\])(:(?P<port>\d{1,5}))?", re.IGNORECASE)

_PORTS = {"http": ":80", "https": ":443"}


def base_url(http: HttpRequest, context: Context) -> str:
    """`HALVE_BASE_URL`, or scheme, host and root path of this HTTP request, without a closing slash.

    The host ends up in sheets, webhooks and e-mails, so nothing but a plain name or address is taken. Raises `bad_host`.
    """
    if context.parts.settings.base_url:
        return context.parts.settings.base_url.rstrip("/")
    scheme = "https" if http.scope["scheme"] in ("https", "wss") else "http"  # wss is a proxy's word for it
    return f"{scheme}://{_host(http)}{quote(_root(http))}"


def path_above(http: HttpRequest, context: Context) -> str:
    """The path that whoever asks sees this server below, without a closing slash: that of `HALVE_BASE_URL` where it was asked under
    that address, for a proxy may have taken it off; else the root path.
    """
    public = urlsplit(context.parts.settings.base_url or "")
    asked_there = without_port(public.scheme, public.netloc) == without_port(public.scheme, http.headers.get("host", ""))
    return public.path.rstrip("/") if public.netloc and asked_there else _root(http)


def without_port(scheme: str, address: str) -> str:
    """In small letters, and without the port that goes without saying: browsers leave it out, some proxies put it into `Host`."""
    return address.lower().removesuffix(_PORTS.get(scheme, ""))


def _root(http: HttpRequest) -> str:
    root: str = http.scope.get("root_path", "")
    return root.rstrip("/")


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
