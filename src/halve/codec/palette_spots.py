"""Spots that dithering leaves in a picture of few colours: where none of them is near, its error grows from pixel to pixel until a
whole patch has another colour, a brown one on a forehead. It is rare, and seen at once; without dithering there are none.
"""

from __future__ import annotations

from collections.abc import Callable

import pyvips

_BLOCK = 8  # pixels an edge; over so many, dithering comes out even
_SUSPECT = 40  # levels that a block is off; the worst of photographs are off by 10, or 30 with very few colours
_WHITE = 255


def without(image: pyvips.Image, dithered: bytes, plain: Callable[[], bytes]) -> bytes:
    """`dithered`; or what `plain` makes of `image`, where that has no spots and `dithered` has."""
    if min(image.width, image.height) < _BLOCK or (off := _farthest(image, dithered)) < _SUSPECT:
        return dithered
    made = plain()
    return made if _farthest(image, made) < off / 2 else dithered


def _farthest(image: pyvips.Image, made: bytes) -> float:
    """By how many levels that block is off which is off the most."""
    error = _blocks(image) - _blocks(pyvips.Image.pngload_buffer(made))
    return float(error.abs().max())


def _blocks(image: pyvips.Image) -> pyvips.Image:
    if image.hasalpha():
        image = image.flatten(background=_WHITE)
    return image.colourspace("srgb").shrink(_BLOCK, _BLOCK)
