"""How images are to be compressed: the options of a request, and how their words are read."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Literal

from halve.core.errors import OptionRefused

MAX_SIZE_LIMIT = 65_535
"""The longest edge that may be asked for, in pixels; JPEG can hold no longer one (ITU T.81, B.2.2)."""

DEFAULT_QUALITY = 50


class Format(StrEnum):
    KEEP = "keep"
    JPEG = "jpeg"
    PNG = "png"
    WEBP = "webp"
    AVIF = "avif"
    SMALLEST = "smallest"


@dataclass(frozen=True, slots=True)
class MaxBytes:
    """A bound on the output's size: a share of the input's bytes (0 < share ≤ 1), or a number of bytes. Exactly one is set."""

    share: float | None = None
    count: int | None = None

    def of(self, bytes_in: int) -> int:
        """The bound in bytes for an input of `bytes_in` bytes, rounded down."""
        return int(bytes_in * self.share) if self.share is not None else self.count or 0

    def __str__(self) -> str:
        """In as many digits as a double surely holds: to what is remembered, shares that are told alike are one."""
        return str(self.count) if self.share is None else f"{self.share * 100:.12f}".rstrip("0").rstrip(".") + "%"


@dataclass(frozen=True, slots=True)
class Options:
    """`quality` is the JPEG scale's, 1 to 100, and the visual equal of it elsewhere; None: `DEFAULT_QUALITY`, or with `max_bytes`
    whatever fits; `auto`: the least that still looks as good as `codec.eye` asks. With both given, `quality` is the most that is
    tried. `max_size` is the long edge in pixels.
    """

    quality: int | Literal["auto"] | None = None
    max_bytes: MaxBytes | None = None
    format: Format = Format.KEEP
    max_size: int | None = None

    def words(self) -> dict[str, str]:
        """The options as the words that `read_options` reads, those left at their defaults omitted."""
        words: dict[str, str] = {}
        if self.quality is not None:
            words["quality"] = str(self.quality)
        if self.max_bytes is not None:
            words["max_bytes"] = str(self.max_bytes)
        if self.format is not Format.KEEP:
            words["format"] = self.format.value
        if self.max_size is not None:
            words["max_size"] = str(self.max_size)
        return words

    @property
    def best_quality(self) -> int:
        """The best to try: any, where the eye or a bound decides and no number is given."""
        if isinstance(self.quality, int):
            return self.quality
        return 100 if self.quality == "auto" or self.max_bytes else DEFAULT_QUALITY


_BYTES = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*(%|b|kb?|kib|mb?|mib)?", re.IGNORECASE)
_UNITS = {"": 1, "b": 1, "k": 1000, "kb": 1000, "kib": 1024, "m": 1000**2, "mb": 1000**2, "mib": 1024**2}


def read_options(
    *, quality: str | None = None, max_bytes: str | None = None, format: str | None = None, max_size: str | None = None
) -> Options:
    """Read the words of a command line or a form; None and an empty word stand for the default.

    Raises OptionRefused, naming the field and the values it may have.
    """
    options = Options(
        quality=_quality(quality) if quality else None,
        max_bytes=_max_bytes(max_bytes) if max_bytes else None,
        format=_format(format) if format else Format.KEEP,
        max_size=_max_size(max_size) if max_size else None,
    )
    if options.quality == DEFAULT_QUALITY and options.max_bytes is None:
        return replace(options, quality=None)  # said or left out, it is the same
    return options


def _quality(word: str) -> int | Literal["auto"]:
    word = word.strip().lower()
    if word == "auto":
        return "auto"
    if not re.fullmatch(r"[0-9]{1,3}", word) or not 1 <= int(word) <= 100:
        raise OptionRefused("quality", f"quality must be a whole number from 1 to 100 or auto, not {word[:40]!r}.")
    return int(word)


def _max_bytes(word: str) -> MaxBytes:
    match = _BYTES.fullmatch(word.strip())
    if match:
        number, unit = float(match[1]), (match[2] or "").lower()
        if unit == "%" and 0 < number <= 100:
            return MaxBytes(share=number / 100)
        if unit != "%" and 1 <= number * _UNITS[unit] <= 2**53:
            return MaxBytes(count=int(number * _UNITS[unit]))
    raise OptionRefused("max_bytes", f"max_bytes must be a share such as 50% or a size such as 200KB, not {word[:40]!r}.")


def _format(word: str) -> Format:
    word = word.strip().lower()
    try:
        return Format("jpeg" if word == "jpg" else word)
    except ValueError:
        raise OptionRefused("format", f"format must be keep, jpeg, png, webp, avif or smallest, not {word[:40]!r}.") from None


def _max_size(word: str) -> int:
    word = word.strip()
    if not re.fullmatch(r"[0-9]{1,6}", word) or not 1 <= int(word) <= MAX_SIZE_LIMIT:
        raise OptionRefused("max_size", f"max_size must be a whole number of pixels from 1 to {MAX_SIZE_LIMIT}, not {word[:40]!r}.")
    return int(word)
