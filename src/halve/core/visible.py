"""Which characters of a stranger's text can be seen, or shape what is seen."""

from __future__ import annotations

import unicodedata

_JOINERS = "\u200c\u200d"
"""They part and join letters (Persian, Hindi, families of emoji), and are as much a part of names and links as those."""


def visible(c: str) -> bool:
    """Whether a character is neither a control nor hidden; a blank is so only where it is the usual one.

    One that this Python knows nothing of yet is seen: a pink heart is younger than Python 3.11.
    """
    return c.isprintable() or c in _JOINERS or unicodedata.category(c) == "Cn"


def legible(text: str, instead: str) -> str:
    """The text with `instead` for each character that is not visible."""
    return "".join(c if visible(c) else instead for c in text)
