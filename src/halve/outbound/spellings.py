"""How addresses are spelt in URLs: everything that a browser or a resolver would take for an IP address, read as one.

Requests carry the address as four numbers then, and people are told early what cannot work. What is connected to is judged
at the socket all the same.
"""

from __future__ import annotations

import ipaddress
import re
import unicodedata
from urllib.parse import unquote

from halve.outbound.ranges import Address

_DOTS = re.compile(r"[\u3002\uff0e\uff61]")
"""What IDNA takes for a full stop (RFC 3490, section 3.1)."""


def plain_host(host: str) -> str:
    """Percent-encoding and compatibility forms (fullwidth digits and the like) undone, small letters, no closing dot."""
    host = _DOTS.sub(".", unicodedata.normalize("NFKC", unquote(host)))
    return host.lower().removesuffix(".")


def read_literal(host: str) -> Address | None:
    """The address a host spells, None where it is a name. `host` is plain; IPv6 with or without brackets or scope.

    IPv4 is read as `inet_aton` and browsers do (WHATWG URL, "IPv4 parser"): one to four numbers, each decimal, octal after
    a `0` or hexadecimal after `0x`; the last one fills all bytes that are left, so 2130706433 and 0x7f.1 are 127.0.0.1.
    """
    if ":" in host:
        try:
            return ipaddress.IPv6Address(host.strip("[]").partition("%")[0])
        except ValueError:
            return None
    parts = host.split(".")
    if len(parts) > 4:
        return None
    numbers = [_number(part) for part in parts]
    known = [number for number in numbers if number is not None]
    if len(known) < len(numbers):
        return None
    *firsts, last = known
    if any(number > 255 for number in firsts) or last >= 256 ** (4 - len(firsts)):
        return None
    return ipaddress.IPv4Address(sum(number << 8 * (3 - place) for place, number in enumerate(firsts)) + last)


def _number(text: str) -> int | None:
    if not re.fullmatch(r"0x[0-9a-f]*|[0-9]+", text):
        return None
    if text.startswith("0x"):
        return int(text[2:] or "0", 16)
    if text.startswith("0") and len(text) > 1:
        return int(text, 8) if re.fullmatch(r"[0-7]+", text) else None
    return int(text) if len(text) < 20 else None
