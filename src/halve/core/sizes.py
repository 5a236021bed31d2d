"""Numbers in words, and what is saved of bytes, the same wherever people read them."""

from __future__ import annotations

_UNITS = ("bytes", "kB", "MB", "GB", "TB")


def number(count: int, what: str) -> str:
    """`1 image`, `1,200 images`."""
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"


def in_words(count: int) -> str:
    """50000000 → 50 MB, 1234567 → 1.2 MB, 1 → 1 byte. Units of 1,000, as shops and operating systems show files."""
    if count == 1:
        return "1 byte"
    size, unit = float(count), 0
    while size >= 999.5 and unit < len(_UNITS) - 1:
        size, unit = size / 1000, unit + 1
    digits = 1 if unit and size < 99.95 and round(size, 1) != round(size) else 0
    return f"{size:.{digits}f} {_UNITS[unit]}"


def percent_less(before: int, after: int) -> int:
    """Never rounded up to what was not reached; 0 where nothing was, and where metadata rewritten made it a little more."""
    return max(0, 100 * (before - after) // before) if before else 0
