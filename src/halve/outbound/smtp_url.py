"""Where mail is handed in: `HALVE_SMTP_URL`, read once at start, so that a slip shows then and not when the first mail is due."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote, urlsplit

from halve.core.errors import OptionRefused

FIELD = "HALVE_SMTP_URL"
FORMS = "smtp://user:password@mail.example.com:587?starttls=1 or smtps://user:password@mail.example.com"

_YES, _NO = ("1", "true", "yes", "on"), ("0", "false", "no", "off")


@dataclass(frozen=True, slots=True)
class Relay:
    """A mail server. `tls`: from the first byte. `starttls`: True, it must be offered; False, never; None, taken where offered."""

    host: str
    port: int
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    tls: bool = False
    starttls: bool | None = None


def read_smtp_url(url: str) -> Relay:
    """Raises OptionRefused, never showing the password.

    Without a port: 465 for `smtps`, 587 with credentials or `starttls=1`, else 25. Without `starttls`: demanded where there
    are credentials that would go over a network in the clear, else taken where offered.
    """
    try:
        parts = urlsplit(url.strip())
        host, port = parts.hostname, parts.port
    except ValueError:
        raise _refused("has a host or port that cannot be read") from None
    if parts.scheme not in ("smtp", "smtps"):
        raise _refused("must begin with smtp:// or smtps://")
    if not host:
        raise _refused("names no host")
    if parts.path not in ("", "/") or parts.fragment:
        raise _refused("has something after the host (encode / ? # @ in a password as %2F %3F %23 %40)")
    user = unquote(parts.username) if parts.username else None
    password = unquote(parts.password) if parts.password else None
    if (user is None) != (password is None):
        raise _refused("must have both a user and a password, or neither")
    tls = parts.scheme == "smtps"
    starttls = _starttls(parts.query)
    if tls and starttls:
        raise _refused("asks for starttls on smtps://, which is encrypted already; leave one of them out")
    if starttls is None and user is not None and not tls and host not in ("localhost", "127.0.0.1", "::1"):
        starttls = True
    if port is None:
        port = 465 if tls else 587 if starttls or user else 25
    return Relay(host, port, user, password, tls, False if tls else starttls)


def _starttls(query: str) -> bool | None:
    found: bool | None = None
    for name, value in parse_qsl(query, keep_blank_values=True):
        if name != "starttls" or value.lower() not in _YES + _NO:
            raise _refused("knows no other option than starttls=1 or starttls=0")
        found = value.lower() in _YES
    return found


def _refused(what: str) -> OptionRefused:
    return OptionRefused(FIELD, f"{FIELD} {what}. It looks like {FORMS}.", code="bad_setting")
