"""One bounded GET of a part of an asset. The addresses are the operator's own service's, made here, never a user's.

The standard library does: a handful of reads a sheet need no pool of connections, and only `outbound` may hold a client that
goes wherever users say.
"""

from __future__ import annotations

import http.client
import re
import time
import urllib.error
import urllib.request
from typing import Any

from halve.core.errors import StoreFailed
from halve.images.windows import PIECE, Window

ATTEMPTS = 3
PAUSE = 1.0
"""At what failed in passing, an upload or a deletion too; seconds to wait after the first, twice that after the second."""

_PASSING = (408, 420, 429, 500, 502, 503, 504)
_RANGE = re.compile(r"bytes (?:\d+-\d+|\*)/(\d+)")


class Gone(Exception):
    """There is nothing at that address."""


def fetch_part(url: str, first: int, stop: int, *, timeout: float) -> Window:
    """Bytes `first` to `stop` (which is not among them). Blocks. `timeout` seconds for a connection, and between two bytes.

    Raises Gone; StoreFailed where the delivery network refuses or cannot be reached. Passing troubles are tried again.
    """
    for attempt in range(1, ATTEMPTS + 1):
        try:
            return _fetch(url, first, stop, timeout)
        except urllib.error.HTTPError as error:
            with error:
                said = error.headers.get("X-Cld-Error") or error.reason
                if error.code == 416:
                    return Window(memoryview(b""), _total(error.headers, 0), _etag(error.headers))
            if error.code in (404, 410):
                raise Gone(url) from error
            if error.code not in _PASSING or attempt == ATTEMPTS:
                raise StoreFailed(
                    f"Cloudinary's delivery answered {error.code} ({said}). Check API secret and cloud name, and that the account "
                    "delivers raw files (Settings, Security)."
                ) from error
        except (OSError, http.client.HTTPException) as error:
            if attempt == ATTEMPTS:
                reason = getattr(error, "reason", None) or error
                raise StoreFailed(f"Cloudinary's delivery cannot be reached: {reason}. Check the network.") from error
        time.sleep(attempt * PAUSE)
    raise AssertionError("unreachable")


def _fetch(url: str, first: int, stop: int, timeout: float) -> Window:
    request = urllib.request.Request(url, headers={"Range": f"bytes={first}-{stop - 1}", "User-Agent": "halve"})  # noqa: S310 – ours
    with urllib.request.urlopen(request, timeout=timeout) as answer:  # noqa: S310 – see above
        if answer.status == 206:
            data = _read(answer, stop - first)
            total = _total(answer.headers, first + len(data))
            if len(data) < min(stop, total) - first:
                raise http.client.IncompleteRead(data)
        else:  # a server that knows no ranges sends everything
            whole = _read(answer, stop)
            data, total = whole[first:], int(answer.headers.get("Content-Length") or len(whole))
            if len(whole) < min(stop, total):
                raise http.client.IncompleteRead(whole)
        return Window(memoryview(data), total, _etag(answer.headers))


def _read(answer: Any, most: int) -> bytes:
    pieces, left = [], most
    while left and (piece := answer.read(min(left, PIECE))):
        pieces.append(piece)
        left -= len(piece)
    return b"".join(pieces)


def _total(headers: Any, otherwise: int) -> int:
    found = _RANGE.fullmatch(headers.get("Content-Range") or "")
    return int(found[1]) if found else otherwise


def _etag(headers: Any) -> str | None:
    given = headers.get("ETag")
    return given.removeprefix("W/").strip('"') or None if given else None
