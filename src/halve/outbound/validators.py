"""Asking an origin whether a body is still the one that came before (RFC 9110, section 13; RFC 9111, section 4.3).

What an origin says of a version holds for the URL that answered, at the end of all redirects, and for requests like ours: these are
alike but for credentials, which are part of a link. So of `Vary` only `*` matters, which no request is like.
"""

from __future__ import annotations

import hashlib

from multidict import CIMultiDict
from yarl import URL

from halve.core.ports import Validators
from halve.outbound.dates import read_date

LONGEST = 300
"""Characters of an entity tag or a date; longer ones are passed over."""

SETTLED = 60.0
"""Seconds that `Last-Modified` must lie before `Date`, or the picture might have changed again within the same second
(RFC 9110, section 8.8.2.2; the figure is that of RFC 7232)."""

Headers = CIMultiDict[str]


def read_validators(url: URL, headers: Headers) -> Validators | None:
    """What an answer with status 200 says of the version of its body; None where it says nothing to rely on."""
    said = {word.strip().lower() for line in headers.getall("Cache-Control", ()) for word in line.split(",")}
    if "no-store" in said or "*" in {word.strip() for line in headers.getall("Vary", ()) for word in line.split(",")}:
        return None
    etag, modified = headers.get("ETag"), headers.get("Last-Modified")
    if not _proper(etag):
        etag = None
    if modified is None or not _settled(modified, headers.get("Date")):
        modified = None
    if etag is None and modified is None:
        return None
    return Validators(place_of(url), etag, modified)


def conditions(url: URL, known: Validators | None) -> dict[str, str]:
    """The headers that make a request to this URL a question for another version than the known one.

    The date only goes where there is no tag: a server that heeds the date alone would miss a second change in one second.
    """
    if known is None or known.place != place_of(url):
        return {}
    if known.etag is not None:
        return {"If-None-Match": known.etag}
    return {} if known.last_modified is None else {"If-Modified-Since": known.last_modified}


def still_the_same(known: Validators, headers: Headers) -> bool:
    """Whether a 304 speaks of the known version: its tag, if there is one, is the one that was asked about."""
    etag = headers.get("ETag")
    return etag is None or known.etag is None or etag.removeprefix("W/") == known.etag.removeprefix("W/")


def place_of(url: URL) -> str:
    """Stands for a URL, which may hold a signature or a name that nobody wants to be kept."""
    return hashlib.sha256(str(url).encode()).hexdigest()[:32]


def _proper(etag: str | None) -> bool:
    """Whether it is an entity tag, weak or strong. A weak one will do: the same picture, it says, if not the same bytes."""
    bare = (etag or "").removeprefix("W/")
    return len(bare) > 2 and bare[0] == bare[-1] == '"' and _fit_to_send(bare)


def _settled(modified: str, date: str | None) -> bool:
    then, now = read_date(modified), read_date(date or "")
    return _fit_to_send(modified) and then is not None and now is not None and (now - then).total_seconds() >= SETTLED


def _fit_to_send(value: str) -> bool:
    """A date may be followed by anything and be read all the same, by bytes that are no text too."""
    return len(value) <= LONGEST and value.isascii() and value.isprintable()
