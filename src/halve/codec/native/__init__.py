"""JPEG to smaller JPEG by its coefficients: out of one Huffman code, rounded to coarser steps, into a better one. Never pixels.

It takes 8-bit Huffman-coded JPEGs, sequential or progressive, of one component or three. For anything else, or anything that looks
damaged, `requantise` answers None and the way through pixels gives the verdict. The work is done by an optional extension in C:
without a compiler at installation `available()` is False and every answer None. What it does, and how it is kept safe, is told in
docs/requantiser.md.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from typing import Protocol, cast

MAX_PIXELS = 100_000_000

Data = bytes | bytearray | memoryview


@dataclass(frozen=True, slots=True)
class Requantised:
    """A requantised JPEG. `quality` is the one used; `width` and `height` in pixels."""

    data: bytes
    quality: int
    width: int
    height: int


class _Requantiser(Protocol):
    def requantise(  # noqa: PLR0917  # C takes them in turn
        self, data: Data, quality: int, max_bytes: int, max_pixels: int, orientation: int, smooth: bool, whole: bool, /
    ) -> tuple[bytes, int, int, int] | str: ...


BUILDS = ("_requantiser_bmi2", "_requantiser")
"""The quickest first. One that is not there, or that this processor cannot run, is an ImportError."""


def _load() -> _Requantiser | None:
    for build in BUILDS:
        with suppress(ImportError):
            return cast("_Requantiser", import_module(f"halve.codec.native.{build}"))
    return None


_build = _load()


def available() -> bool:
    """Whether the extension was built, so that there is any point in asking."""
    return _build is not None


def requantise(
    data: Data,
    *,
    quality: int,
    max_bytes: int | None = None,
    max_pixels: int = MAX_PIXELS,
    orientation: int = 1,
    smooth: bool = False,
    whole: bool = False,
) -> Requantised | None:
    """`data` at JPEG quality `quality`, 1 to 100 on the scale of the Independent JPEG Group, never finer than it was.

    With `max_bytes` (1 or more) the best quality up to `quality` whose file is no larger. `orientation`, 1 to 8: what its EXIF
    block says, which is not read here and does not stay; the picture is set upright. `smooth`: brightness goes from block to
    block in finer steps than `quality` has, which looks better than the same bytes spent otherwise. `whole`: chroma stays as it was
    sampled, at any quality. None where this way does not take it: it is no JPEG of the kinds named above, has more than
    `max_pixels`, is damaged or cut short in any way, cannot be turned whole, or fits at no quality. The result may be larger than
    `data`, where that was coarser or better coded. ValueError for what is out of bounds.
    """
    answer = _answer(
        data, quality=quality, max_bytes=max_bytes, max_pixels=max_pixels, orientation=orientation, smooth=smooth, whole=whole
    )
    return None if isinstance(answer, str) else Requantised(*answer)


def refusal(
    data: Data, *, quality: int, max_bytes: int | None = None, max_pixels: int = MAX_PIXELS, orientation: int = 1
) -> str | None:
    """Why `requantise` answers None for this, such as `ends within a scan`; None where it does not."""
    answer = _answer(data, quality=quality, max_bytes=max_bytes, max_pixels=max_pixels, orientation=orientation)
    return answer if isinstance(answer, str) else None


def _answer(
    data: Data, *, quality: int, max_bytes: int | None, max_pixels: int, orientation: int, smooth: bool = False, whole: bool = False
) -> tuple[bytes, int, int, int] | str:
    if not 1 <= quality <= 100:
        raise ValueError(f"quality {quality} is not from 1 to 100")
    if max_bytes is not None and max_bytes < 1:
        raise ValueError(f"max_bytes {max_bytes} is not above 0")
    if not 1 <= orientation <= 8:
        raise ValueError(f"orientation {orientation} is not from 1 to 8")
    if _build is None:
        return "the extension is not built"
    return _build.requantise(data, quality, max_bytes or 0, max(0, max_pixels), orientation, smooth, whole)
