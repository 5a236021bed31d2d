"""The image URLs of a cell: where one ends and the next begins, and whether each can be downloaded at all."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import urlsplit

from halve.core.finding import Finding
from halve.core.sheet import findings
from halve.core.sheet.limits import LONGEST_URL
from halve.core.sheet.records import BLANK
from halve.core.visible import visible

_SCHEME_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-.")
_LONGEST_SCHEME = 32

_QUOTES = "\"'\u2018\u2019\u201c\u201d"
_AROUND = BLANK + ",|"

_PORT = r":(?:[1-5]\d{4}|6[0-4]\d{3}|[1-9]\d{0,3})"
"""From 1 to 64999; what lies beyond is looked at more closely."""
_LABEL = "[A-Za-z0-9_][A-Za-z0-9_-]*+"
_HTTP = rf"[Hh][Tt][Tt][Pp][Ss]?+://{_LABEL}(?:\.{_LABEL})*+(?:{_PORT})?+"
"""Both cases spelt out: twice as fast as an expression that ignores them."""
_GOOD_URL = re.compile(_HTTP + r"(?:[/?#][!-:<-~]*+)?+")
"""What nearly every URL looks like; the others are looked at more closely."""
_LONE_URL = re.compile(_HTTP + r"(?:[/?#][!-+\--:<-{}~]*+)?+")
"""One without comma or `|`, so that it surely is one URL and not two."""

_ANOTHER = re.compile(r"\s\S*://|[;\uff1b\uff0c\u3001\uff5c]https?://", re.IGNORECASE)
"""Where a second URL begins behind what does not cut a cell: a blank, a semicolon, or a separator of full width."""

_CAPTIONS = re.compile(r"\s!\s(?:alt|title|desc|caption)\s:.*", re.DOTALL)
"""What WooCommerce's tools for products put behind the URL of an image: ` ! alt : … ! title : … ! desc : … ! caption : …`."""

_HOST = re.compile(r"[a-z0-9_\-\u0080-\U0010ffff]+(?:\.[a-z0-9_\-\u0080-\U0010ffff]+)*\.?")
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*(?=://)", re.IGNORECASE)
_SCHEME_ALONE = re.compile(r"(?:data|file|mailto|javascript|blob|cid|about|urn|https?|ftp|s3|gs):", re.IGNORECASE)


def read_urls(cell: str, line: int, column: str, most: int | None = None) -> tuple[list[str], list[Finding]]:
    """The URLs of a cell that can be downloaded, in order, and a finding for each part that cannot.

    Of more parts than `most` none is looked at, all are given back as they are: they are too many, and a finding for each of as
    many as a cell may hold would take hundreds of megabytes.
    """
    if len(cell) <= LONGEST_URL:
        if _LONE_URL.fullmatch(cell):
            return [cell], []
        if urls := _plain_list(cell):
            return urls, []
    parts = split_urls(cell)
    if most is not None and len(parts) > most:
        return parts, []
    urls, wrong = [], []
    for part in parts:
        if found := _fault(part, line, column):
            wrong.append(found)
        else:
            urls.append(part)
    return urls, wrong


def _plain_list(cell: str) -> list[str] | None:
    """The quick way, for a cell of lone URLs between separators: what nearly every cell is. None: go the other way."""
    if "|" in cell or "\n" in cell:
        cell = cell.replace("|", ",").replace("\n", ",")
    urls = []
    for part in cell.split(","):
        url = part.strip(" ")
        if not _LONE_URL.fullmatch(url):
            return None
        urls.append(url)
    return urls


def split_urls(cell: str) -> list[str]:
    """The parts of a cell. It is cut at a comma, `|` or line break only where a `scheme://` follows (white space and quotes
    between them allowed), so that a comma inside a URL survives. Parts come trimmed; empty ones are left out.
    """
    cell = _unwrapped(cell)
    schemes = cell.count("://")
    if schemes < 2:
        part = _trim(cell)
        if not schemes or _SCHEME.match(part):
            return [part] if part else []
    parts: list[str] = []
    begin = floor = 0
    at = cell.find("://")
    while at != -1:
        start = _scheme_start(cell, at, floor)
        before = cell[floor:start]
        lead = before.rstrip(BLANK + _QUOTES)
        gap = before[len(lead) :]
        if lead.endswith((",", "|")) or "\n" in gap or "\r" in gap:
            parts.append(_trim(cell[begin : floor + len(lead)]))
            begin = start - _opening_quotes(gap)
        floor = at + 3
        at = cell.find("://", floor)
    parts.append(_trim(cell[begin:]))
    return [part for part in parts if part]


def _scheme_start(cell: str, at: int, floor: int) -> int:
    start = at
    lowest = max(floor, at - _LONGEST_SCHEME)
    while start > lowest and cell[start - 1] in _SCHEME_CHARACTERS:
        start -= 1
    return start


def _opening_quotes(gap: str) -> int:
    return len(gap) - len(gap.rstrip(_QUOTES))


def _unwrapped(cell: str) -> str:
    """Without quotes around the list as a whole; those around each of its URLs are for `_trim`."""
    text = cell.strip(_AROUND)
    if len(text) < 2 or text[0] not in _QUOTES or text[-1] not in _QUOTES:
        return cell
    inner = text.strip(_QUOTES + _AROUND)
    return cell if text[0] in inner else inner


def _trim(part: str) -> str:
    """Without white space and separators around it, without quotes that enclose it, and without captions behind it."""
    if " ! " in part:
        part = _CAPTIONS.sub("", part)
    part = part.strip(_AROUND)
    if part[:1] in _QUOTES and part:
        part = part.strip(_QUOTES + _AROUND)
    return part


def _fault(url: str, line: int, column: str) -> Finding | None:
    """What is wrong with a part of a cell, None where it is a URL that can be downloaded."""
    if len(url) > LONGEST_URL:
        return findings.url_too_long(line, column, url)
    if _GOOD_URL.fullmatch(url):
        return None
    scheme = _SCHEME.match(url)
    if scheme is None:
        return _without_scheme(url, line, column)
    if scheme[0].lower() not in ("http", "https"):
        return findings.unsupported_scheme(line, column, f"{scheme[0]}://", url)
    reason = _malformed(url)
    return findings.bad_url(line, column, reason, url) if reason else None


def _without_scheme(text: str, line: int, column: str) -> Finding:
    if "://" in text:
        return findings.bad_url(line, column, "has text before its URL; take it out, or separate the two with a comma", text)
    alone = _SCHEME_ALONE.match(text)
    if alone is None:
        return findings.no_url(line, column, text)
    if alone[0].lower().startswith("http"):
        return findings.bad_url(line, column, "lacks the // of http:// or https://", text)
    return findings.unsupported_scheme(line, column, alone[0], text)


def _malformed(url: str) -> str | None:
    if not all(map(visible, url)):
        return "has a line break, tab or invisible character in it; take it out, and separate several URLs with commas"
    if _ANOTHER.search(url):
        return "holds several URLs; separate them with commas"
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return "is no well-formed URL; check its host and port"
    if host in ("http", "https") and parts.path.startswith("//"):
        return "begins with http:// or https:// twice; take one of them out"
    if port != 0 and _is_host(parts.netloc.rpartition("@")[2], host):
        return None
    return f"has no {'proper ' if host else ''}host; write it such as https://example.com/picture.jpg"


def _is_host(authority: str, host: str) -> bool:
    if authority.startswith("["):
        try:
            ipaddress.IPv6Address(host.partition("%")[0])
        except ValueError:
            return False
        return True
    return len(host) <= 253 and _HOST.fullmatch(host) is not None
