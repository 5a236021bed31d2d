"""What stands in the environment → a value. Each raises ValueError that says, behind the setting's name, what it must be."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import SplitResult, quote, unquote, urlsplit

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True)
class Whole:
    """A whole number within bounds, these included."""

    least: int
    most: int | None = None

    @property
    def bounds(self) -> str:
        return f"of at least {self.least:,}" if self.most is None else f"from {self.least:,} to {self.most:,}"

    def __call__(self, word: str) -> int:
        try:
            value = int(word)
        except ValueError:
            value = self.least - 1
        if value < self.least or (self.most is not None and value > self.most):
            raise ValueError(f"must be a whole number {self.bounds}, not {word[:80]!r}")
        return value


@dataclass(frozen=True, slots=True)
class AboveZero:
    """A number above 0, `most` included."""

    most: int

    @property
    def bounds(self) -> str:
        return f"above 0 and no more than {self.most:,}"

    def __call__(self, word: str) -> float:
        try:
            value = float(word)
        except ValueError:
            value = 0.0
        if not 0 < value <= self.most:
            raise ValueError(f"must be a number {self.bounds}, not {word[:80]!r}")
        return value


def one_of(*words: str) -> Callable[[str], str]:
    """In large letters or small."""

    def read(word: str) -> str:
        if word.lower() not in words:
            raise ValueError(f"must be {', '.join(words[:-1])} or {words[-1]}, not {word[:80]!r}")
        return word.lower()

    return read


def link(word: str) -> str:
    """What links begin with must be a URL itself: a mistake would be in every sheet that goes out. In ASCII, since a sheet need
    not have its letters.
    """
    try:
        parts = urlsplit(word)
        leads_somewhere = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
        plain = word if word.isascii() else _in_ascii(parts)
    except ValueError:  # no such port, half an IPv6 address, no name that a host may have
        leads_somewhere = False
    if not leads_somewhere or not word.isprintable() or any(c in _IN_NO_LINK or c.isspace() for c in word):
        raise ValueError(f"must be such as https://shop.example/images, without blanks, ? and #, not {word[:80]!r}")
    return plain


def _in_ascii(parts: SplitResult) -> str:
    path = "".join(c if c.isascii() else quote(c) for c in parts.path)
    return f"{parts.scheme}://{parts.netloc.encode('idna').decode()}{path}"


_IN_NO_LINK = frozenset('?#"<>\\^`{|}')
"""A name is put behind it, so no query or fragment may have begun; the others stand in no URL (RFC 3986)."""


def folder(word: str) -> Path:
    """`~` is the user's home: no shell has looked at `.env`, nor at `--data=~/halve`. Where there is no home the word stays."""
    return Path(os.path.expanduser(word))  # noqa: PTH111  # Path's own raises there


def folder_or_url(word: str) -> str:
    """What looks like `file://images` names a host, and a folder at the root of the disk; `file:///srv/a#b` would be `/srv/a`."""
    if word.lower().startswith("file:"):
        parts = urlsplit(word)
        if parts.netloc not in ("", "localhost") or not parts.path.startswith("/") or parts.path == "/":
            raise ValueError(f"must be such as file:///srv/images, or a folder's path without file://, not {word[:80]!r}")
        if "?" in word or "#" in word or "\0" in unquote(word):
            raise ValueError(f"must have %3F for ?, %23 for # and no %00 after file://, not {word[:80]!r}")
    return str(folder(word)) if word.startswith("~") else word


def database(word: str) -> str:
    """`~` is the user's home in `sqlite:///~/halve.db`, too."""
    scheme, there, path = word.partition(":///")
    return f"{scheme}:///{folder(path)}" if there and path.startswith("~") else word


def keys(words: str) -> dict[str, str]:
    """`name:key,name:key`."""
    found: dict[str, str] = {}
    for pair in filter(None, (p.strip() for p in words.split(","))):
        name, colon, key = (part.strip() for part in pair.partition(":"))
        if not (colon and name and key):
            raise ValueError("must be name:key,name:key")
        if name in found or key in found.values():
            raise ValueError(f"has the name {name!r} or its key twice")
        if not key.isascii() or not key.isprintable():
            raise ValueError(f"has a key of {name!r} that is not plain ASCII, which no header can carry")
        found[name] = key
    if not found:  # set, so it is not meant to be open
        raise ValueError("must be name:key,name:key; leave it away, or empty, for a server that is open to all")
    return found


def networks(words: str) -> tuple[Network, ...]:
    """CIDRs, separated by commas."""
    return tuple(_network(word.strip()) for word in words.split(",") if word.strip())


def _network(word: str) -> Network:
    try:
        return ipaddress.ip_network(word, strict=False)
    except ValueError:
        raise ValueError(f"must be such as 127.0.0.0/8,10.1.2.3, not {word[:80]!r}") from None
