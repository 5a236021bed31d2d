"""Where somebody wants to be told: e-mail addresses and webhook URLs, looked at before anything is done for them."""

from __future__ import annotations

import re

from halve.core.errors import AddressRefused, OptionRefused
from halve.wiring import Parts

MAX_EMAIL = 254
"""RFC 5321, 4.5.3.1.3, without the angle brackets."""

_LOCAL = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", re.IGNORECASE)


def read_email(parts: Parts, word: str | None) -> str | None:
    """One address (RFC 5321 dot-string, at a domain name), an international domain in its ASCII form. None stays None."""
    if word is None:
        return None
    if not parts.mail_available:
        raise OptionRefused(
            "email",
            "This server sends no e-mail: it has no mail server (HALVE_SMTP_URL). Leave `email` out, or give a `webhook_url`.",
            code="email_unavailable",
        )
    local, _, domain = word.rpartition("@")
    try:
        domain = domain.encode("idna").decode()
    except UnicodeError:
        domain = ""
    labels = domain.split(".")
    known_form = len(labels) > 1 or domain.lower() == "localhost"
    if not (
        len(word) <= MAX_EMAIL
        and len(local) <= 64
        and _LOCAL.fullmatch(local)
        and known_form
        and all(map(_LABEL.fullmatch, labels))
    ):
        raise OptionRefused("email", f"email must be one address such as ann@example.com, not {word[:60]!r}.", code="bad_email")
    return f"{local}@{domain}"


def read_webhook_url(parts: Parts, word: str | None) -> str | None:
    """An http(s) URL that may be posted to, as far as can be told without asking DNS. None stays None.

    Raises OptionRefused `bad_webhook_url`, or `address_not_allowed` for localhost and private literals.
    """
    if word is None:
        return None
    try:
        parts.guard.check_url(word)
    except OptionRefused as error:
        raise OptionRefused("webhook_url", str(error), code="bad_webhook_url") from None
    except AddressRefused as error:
        raise OptionRefused("webhook_url", f"webhook_url: {error}", code=error.code) from None
    return word
