"""When a server wants to be asked again (RFC 9110, section 10.2.3)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime

from halve.outbound.dates import read_date


def retry_after(headers: Mapping[str, str], *, longest: float) -> float | None:
    """Seconds that `Retry-After` asks to wait, from 0 to `longest`; None where it is missing or means nothing.

    A date is compared with the server's own `Date`, so that it does not matter whose clock is wrong.
    """
    value = headers.get("Retry-After", "").strip()
    if re.fullmatch(r"\d{1,12}(\.\d{1,9})?", value):
        return min(float(value), longest)
    until = read_date(value)
    if until is None:
        return None
    now = read_date(headers.get("Date", "")) or datetime.now(UTC)
    return min(max((until - now).total_seconds(), 0.0), longest)
