"""E-mail addresses: what may be written to, and who writes (RFC 5321, RFC 5322). No DNS is asked."""

from __future__ import annotations

import re
from email.errors import HeaderParseError
from email.headerregistry import Address
from email.utils import parseaddr

from yarl import URL

from halve.core.errors import OptionRefused

LONGEST = 254
"""Characters of an address (RFC 5321, 4.5.3.1.3, less the angle brackets)."""

LONGEST_LOCAL = 64

_LOCAL = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_LABEL = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?")


def check_address(text: str, field: str = "email") -> str:
    """One bare address, its domain in ASCII (international ones in Punycode). Raises OptionRefused for `field`.

    The part before the @ must be ASCII: many mail servers still take no other, and the message would come back.
    """
    text = text.strip()
    local, at, domain = text.rpartition("@")
    plain = _domain(domain)
    if not (at and plain and len(local) <= LONGEST_LOCAL and _LOCAL.fullmatch(local) and len(local) + 1 + len(plain) <= LONGEST):
        raise OptionRefused(field, f"{field} must be one address such as anna@example.com, not {text[:80]!r}.")
    return f"{local}@{plain}"


def read_sender(text: str, field: str = "HALVE_MAIL_FROM") -> Address:
    """`shop@example.com`, or `The Shop <shop@example.com>`. Raises OptionRefused for `field`."""
    name, address = parseaddr(text)
    if not text.isprintable() or not address:
        raise OptionRefused(field, f"{field} must be an address such as halve@example.com or Halve <halve@example.com>.")
    try:
        return Address(display_name=name, addr_spec=check_address(address, field))
    except HeaderParseError:
        raise OptionRefused(field, f"{field} must be an address such as Halve <halve@example.com>.") from None


def _domain(domain: str) -> str | None:
    """In ASCII; None where it is none. A single label (`localhost`) is one: mail within one machine or network is a use too."""
    try:
        plain = domain if domain.isascii() else URL.build(scheme="http", host=domain).raw_host or ""
    except ValueError:
        return None
    labels = plain.split(".")
    return plain.lower() if all(_LABEL.fullmatch(label) for label in labels) and not labels[-1].isdigit() else None
