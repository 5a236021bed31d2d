"""Dates in headers (RFC 9110, section 5.6.7), from servers that write anything there."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime


def read_date(text: str) -> datetime | None:
    """The moment that a header names, in UTC where it says no zone; None where it names none."""
    try:
        date = parsedate_to_datetime(text)
    except (ValueError, OverflowError):  # a year of twenty digits is the latter
        return None
    return date if date.tzinfo else date.replace(tzinfo=UTC)
