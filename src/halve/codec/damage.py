"""What the image libraries complain of, in our words."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import pyvips

from halve.codec.sniff import Kind
from halve.core.errors import ImageFailed

NAMES = {kind: kind.upper() for kind in Kind} | {Kind.WEBP: "WebP"}

_NO_MEMORY = re.compile(
    r"out of memory|cannot allocate|unable to allocate|insufficient memory|malloc|not enough memory", re.IGNORECASE
)
_DOMAIN = re.compile(r"^[\w ]{1,24}: (?=\S)")
_PATIENCE = 120  # characters of a library's complaint that a cell of the sheet should have to bear


def damaged(kind: Kind, reason: str) -> ImageFailed:
    return ImageFailed(f"damaged {NAMES[kind]}: {reason}", code="damaged")


@contextmanager
def translated(kind: Kind) -> Iterator[None]:
    """Raise ImageFailed, code `damaged`, or MemoryError, for whatever libvips or Pillow raise over a file of that kind."""
    try:
        yield
    except pyvips.Error as error:
        if _NO_MEMORY.search(str(error)):
            raise MemoryError from None
        raise damaged(kind, complaint(error)) from None
    except (OSError, SyntaxError, ValueError, EOFError, IndexError, KeyError, TypeError, OverflowError, RuntimeError) as error:
        if _NO_MEMORY.search(str(error)):
            raise MemoryError from None
        raise damaged(kind, _one_line(str(error)) or type(error).__name__) from None


def complaint(error: pyvips.Error) -> str:
    """The first thing that libvips has to say, without the names of its parts."""
    lines = [line.strip() for line in str(error.detail).splitlines() if line.strip()]
    line = lines[0] if lines else "it cannot be read"
    while (shorter := _DOMAIN.sub("", line)) != line:
        line = shorter
    return _one_line(line)


def _one_line(text: str) -> str:
    return " ".join(text.split())[:_PATIENCE].rstrip(".")
