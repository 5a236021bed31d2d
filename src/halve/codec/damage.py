"""What the image libraries complain of, in our words."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager

import pyvips

from halve.codec.sniff import Kind
from halve.codec.strip.damage import damaged
from halve.core.errors import ImageFailed

NAMES = {kind: kind.upper() for kind in Kind} | {Kind.WEBP: "WebP"}

_NO_MEMORY = re.compile(r"memory|alloc|bufferpool|Undefined AOM|unable to encode|temporarily unavailable", re.IGNORECASE)
_NOT_OFFERED = re.compile(  # but a marker that JPEG does not have is damage, and Lab and 12 bits are what libvips cannot read
    r"unsupported(?! marker)|maximum supported|not (?:supported|configured|implemented|been built in)|labq"
    r"|not a whole number of bytes",
    re.IGNORECASE,
)
_ABSURD = re.compile(r"Failed to allocate memory for to read TIFF directory.*|Out of memory reading of \".*")  # sizes that are none
_NO_WORDS = re.compile(rf"cannot identify image file .*|{_ABSURD.pattern}")
_DOMAIN = re.compile(r"^[\w ]{1,24}: (?=\S)")
_PATIENCE = 120  # characters of a library's complaint that a cell of the sheet should have to bear


pyvips.cache_set_max(0)  # nothing is asked for twice, and what is cached is neither freed nor heard of again


class _Listener(logging.Handler):
    """Takes down what libvips warns of; much of it comes only when a file is closed."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.heard: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.heard.append(record.getMessage())


_listener = _Listener()
logging.getLogger("pyvips").addHandler(_listener)


def forget() -> None:
    """Before the next image: what was said of the last one is none of its business."""
    _listener.heard.clear()
    pyvips.vips_lib.vips_error_clear()


def warnings() -> list[str]:
    """What libvips has warned of since `forget`."""
    return list(_listener.heard)


@contextmanager
def translated(kind: Kind) -> Iterator[None]:
    """Raise ImageFailed, code `damaged`, or MemoryError, for whatever libvips or Pillow raise over a file of that kind."""
    try:
        yield
    except pyvips.Error as error:
        if _is_about_memory(str(error.detail)):
            raise MemoryError from None
        raise _failure(kind, complaint(str(error.detail))) from None
    except (OSError, SyntaxError, ValueError, EOFError, IndexError, KeyError, TypeError, OverflowError, RuntimeError) as error:
        if _is_about_memory(str(error)):
            raise MemoryError from None
        raise _failure(kind, _one_line(str(error)) or type(error).__name__) from None


def _failure(kind: Kind, reason: str) -> ImageFailed:
    if _NOT_OFFERED.search(reason):
        return ImageFailed(f"this kind of {NAMES[kind]} is not supported: {reason}", code="unsupported_format")
    return damaged(NAMES[kind], _NO_WORDS.sub("it cannot be read", reason))


def _is_about_memory(text: str) -> bool:
    if "limit" in text or _ABSURD.search(text):  # "security limit exceeded" is about absurd sizes, too
        return False
    return bool(_NO_MEMORY.search(text))


def complaint(text: str) -> str:
    """The first thing that libvips has to say, without the names of its parts."""
    line = next((line.strip() for line in text.splitlines() if line.strip()), "it cannot be read")
    while (shorter := _DOMAIN.sub("", line)) != line:
        line = shorter
    return _one_line(line)


def _one_line(text: str) -> str:
    return " ".join(text.split())[:_PATIENCE].rstrip(".")
