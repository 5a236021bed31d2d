"""URLs as people paste them, made fit for a request the way browsers do it, and otherwise left alone.

A signed URL must arrive byte for byte: whatever is already valid is not decoded, re-encoded or put in another order. Only what
could not be sent is percent-encoded: spaces, letters beyond ASCII, a stray `%`.
"""

from __future__ import annotations

import base64
import ipaddress
import re
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import unquote_to_bytes, urljoin

from yarl import URL

from halve.outbound.spellings import plain_host, read_literal

MAX_URL = 8192
"""Longest URL that is asked for, in characters; few servers take a longer one."""

HOSTS_REMEMBERED = 1000
"""Hosts that are not made out anew for each link; a sheet's links lead to few."""

_VALID = r"A-Za-z0-9\-._~:/?@!$&'()*+,;=|\[\]^`{}"
"""What may stand in a path or query: RFC 3986, and what browsers send as it is."""

_NAME = r"([A-Za-z0-9-]+\.)*[A-Za-wyz][A-Za-z0-9-]*"
"""A host that is a name for certain: 0x7f.1 is none."""

_BYTE = r"(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"

_READY = re.compile(rf"https?://({_NAME}|({_BYTE}\.){{3}}{_BYTE})(:[0-9]+)?/([{_VALID}]|%[0-9A-Fa-f]{{2}})*")
"""A URL that needs nothing done: its host is a name, or an IPv4 address as it is written; its path and query are fit to send."""

_UNFIT = re.compile(rf"[^{_VALID}%]|%(?![0-9A-Fa-f]{{2}})".encode())
_PARTS = re.compile(r"(?P<scheme>https?):[/\\]{2}(?P<authority>[^/\\?#]*)(?P<path>[^?#]*)(?P<query>\?[^#]*)?", re.IGNORECASE)
_AUTHORITY = re.compile(r"(?:(?P<user>.*)@)?(?P<host>\[[^\]]*\]|[^:]*)(?::(?P<port>[0-9]*))?")
_NUMBER_LAST = re.compile(r"(^|\.)([0-9]+|0x[0-9a-f]*)\.*$", re.IGNORECASE)
"""A host that ends so is an IPv4 address or nothing (WHATWG URL, "ends in a number")."""

_ZONE = re.compile(r"[A-Za-z0-9._~-]*")
"""Of an IPv6 address, where it has one (RFC 6874)."""

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_HTTP = re.compile(r"(?P<scheme>https?):(?P<slashes>[/\\]*)", re.IGNORECASE)
_SLASHES = re.compile(r"[/\\]{2,}")


class BadURL(ValueError):
    """Not an http(s) URL. The message says what is wrong, and has no credentials in it."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where a request goes. `url` has neither credentials nor fragment; `authorization` is the header made from them."""

    url: URL
    authorization: str | None = None

    @property
    def origin(self) -> str:
        """scheme://host:port, what the web calls one origin (RFC 6454)."""
        return f"{self.url.scheme}://{(self.url.raw_host or '').lower()}:{self.url.port}"

    @property
    def host(self) -> str:
        """The host as people write it, out of Punycode; as it is where that is malformed (`xn--` alone)."""
        try:
            return self.url.host or ""
        except UnicodeError:
            return self.url.raw_host or ""


def read_url(text: str) -> Target:
    """Read an absolute URL. Raises BadURL."""
    if len(text) > MAX_URL:
        raise BadURL(f"longer than {MAX_URL} characters")
    if _READY.fullmatch(text) and "/." not in text:
        url, authorization = _encoded(text), None
    else:
        url, authorization = _mended(text)
    try:
        port = url.port
    except ValueError:
        port = None
    if not port or port > 65535:
        raise BadURL("the port must be from 1 to 65535")
    return Target(url, authorization)


def follow(target: Target, location: str) -> Target:
    """Where a redirect leads. Credentials go on to the same origin only. Raises BadURL."""
    location = _slashes_mended(location.strip(), target.url.scheme)
    try:
        absolute = location if _SCHEME.match(location) else urljoin(str(target.url), location)
    except ValueError:
        raise BadURL("not a proper URL") from None
    there = read_url(absolute)
    if there.authorization is None and there.origin == target.origin:
        return Target(there.url, target.authorization)
    return there


def _slashes_mended(location: str, scheme: str) -> str:
    """With two slashes before a host, however many it has; `http:/a.jpg` is a path at the host that names it (WHATWG URL, "special
    relative or authority state").
    """
    http = _HTTP.match(location)
    if http is None:
        return _SLASHES.sub("//", location, count=1) if _SLASHES.match(location) else location
    behind = location[http.end() :]
    if http["scheme"].lower() == scheme and len(http["slashes"]) < 2:
        return http["slashes"] + behind
    return f"{http['scheme']}://{behind}"


def _mended(text: str) -> tuple[URL, str | None]:
    text = re.sub(r"[\t\r\n]", "", text.strip())
    parts = _PARTS.match(text)
    if not parts:
        raise BadURL("not an http(s) URL")
    authority = _AUTHORITY.fullmatch(parts["authority"])
    if not authority or not authority["host"]:
        raise BadURL("the URL has no proper host")
    scheme = parts["scheme"].lower()
    path = _without_dots(_quoted(parts["path"].replace("\\", "/")))
    host = _host(authority["host"])
    port = f":{authority['port']}" if authority["port"] else ""
    query = _quoted(parts["query"] or "")
    return _encoded(f"{scheme}://{host}{port}{path}{query}"), basic(authority["user"])


def _encoded(text: str) -> URL:
    try:
        return URL(text, encoded=True)
    except ValueError:
        raise BadURL("not a proper URL") from None


@lru_cache(HOSTS_REMEMBERED)
def _host(host: str) -> str:
    """The host as it goes over the wire: names beyond ASCII in Punycode (IDNA 2008), IPv6 in brackets, IPv4 as four numbers."""
    try:
        name = unquote_to_bytes(host).decode()
        if name.startswith("["):
            if not _ZONE.fullmatch(name.partition("%")[2].removesuffix("]")):
                raise BadURL("the URL has no proper host")
            return f"[{ipaddress.IPv6Address(name[1:-1])}]"
        plain = plain_host(name)
        raw = str(read_literal(plain) or URL.build(scheme="http", host=name).raw_host or "")
    except (ValueError, UnicodeError):
        raw = ""
    if not re.fullmatch(r"[A-Za-z0-9._-]+", raw) or (_NUMBER_LAST.search(raw) and not read_literal(raw)):
        raise BadURL("the URL has no proper host")
    return raw


def _quoted(text: str) -> str:
    raw = text.encode("utf-8", "surrogateescape")
    return _UNFIT.sub(lambda found: b"%%%02X" % found[0][0], raw).decode("ascii")


def _without_dots(path: str) -> str:
    """RFC 3986, section 5.2.4."""
    done: list[str] = []
    segments = path.split("/")[1:] or [""]
    for place, segment in enumerate(segments):
        last = place == len(segments) - 1
        if segment in (".", ".."):
            if segment == ".." and done:
                done.pop()
            if last:
                done.append("")
        else:
            done.append(segment)
    return "/" + "/".join(done)


def basic(user: str | None) -> str | None:
    """Basic authentication (RFC 7617) from `user:password`."""
    if not user:
        return None
    name, _, password = user.partition(":")
    raw = b":".join(unquote_to_bytes(part.encode("utf-8", "surrogateescape")) for part in (name, password))
    return "Basic " + base64.b64encode(raw).decode("ascii")
