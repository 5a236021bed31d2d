"""The one thing to be said of a file that cannot be read to its end."""

from __future__ import annotations

from halve.core.errors import ImageFailed


def damaged(format: str, what: str) -> ImageFailed:
    """A file that cannot be followed, and where it was lost."""
    return ImageFailed(f"damaged {format}: {what}", code="damaged")
