"""What requantising must give, by exact fractions, and pictures in every sampling to try it on."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from tests.support.jpeg_forms import ZIGZAG, Blocks, Picture, picture_of
from tests.support.photos import picture

SAMPLINGS: dict[str, list[tuple[int, int]]] = {
    "grey": [(1, 1)],
    "4:4:4": [(1, 1), (1, 1), (1, 1)],
    "4:2:2": [(2, 1), (1, 1), (1, 1)],
    "4:2:0": [(2, 2), (1, 1), (1, 1)],
    "4:1:1": [(4, 1), (1, 1), (1, 1)],
    "4:1:0": [(4, 2), (1, 1), (1, 1)],
    "4:4:0": [(1, 2), (1, 1), (1, 1)],
    "chroma unlike": [(2, 2), (2, 1), (1, 2)],
    "chroma finer": [(1, 1), (2, 2), (1, 1)],
    "doubled 4:4:4": [(1, 2), (1, 2), (1, 2)],
}
FINE = [2 + i // 16 for i in range(64)]
FINE_CHROMA = [3 + i // 12 for i in range(64)]

DEAD_ZONE = Fraction(52, 100)  # of grey, and of red, green and blue
LUMINANCE_ZONE = Fraction(66, 100)
CHROMA_ZONE = Fraction(60, 100)
CHROMA_DC_STEP, CHROMA_AC_STEP = 40, 80  # hundredths of the standard's

# Tables K.1 and K.2, as the standard prints them: row by row.
_LUMINANCE = """
16 11 10 16  24  40  51  61   12 12 14 19  26  58  60  55   14 13 16 24  40  57  69  56   14 17 22 29  51  87  80  62
18 22 37 56  68 109 103  77   24 35 55 64  81 104 113  92   49 64 78 87 103 121 120 101   72 92 95 98 112 100 103  99"""
_CHROMINANCE = """
17 18 24 47 99 99 99 99  18 21 26 66 99 99 99 99  24 26 56 99 99 99 99 99  47 66 99 99 99 99 99 99
99 99 99 99 99 99 99 99  99 99 99 99 99 99 99 99  99 99 99 99 99 99 99 99  99 99 99 99 99 99 99 99"""


def target_steps(source: Sequence[int], quality: int, *, luminance: bool) -> list[int]:
    """The standard's table scaled as the Independent JPEG Group does, chroma finer, never finer than the source; in zigzag."""
    table = [int(number) for number in (_LUMINANCE if luminance else _CHROMINANCE).split()]
    percent = 5000 // quality if quality < 50 else 200 - 2 * quality
    shares = [100] * 64 if luminance else [CHROMA_DC_STEP] + [CHROMA_AC_STEP] * 63
    scaled = [min(255, max(1, (step * percent * share + 5000) // 10000)) for step, share in zip(table, shares, strict=True)]
    return [max(step, scaled[ZIGZAG[k]]) for k, step in enumerate(source)]


def dead_zone(picture: Picture, index: int, *, rgb: bool) -> Fraction:
    """What share of a step vanishes."""
    if rgb or len(picture.components) == 1:
        return DEAD_ZONE
    return CHROMA_ZONE if index else LUMINANCE_ZONE


def requantised(blocks: Blocks, source: Sequence[int], target: Sequence[int], zone: Fraction) -> Blocks:
    """Each coefficient at its new step: to the nearest, halves away from zero, but AC below `zone` of a step to nothing."""
    out = np.zeros_like(blocks)
    for place, value in np.ndenumerate(blocks):
        if value:
            k = place[-1]
            scaled = Fraction(abs(int(value)) * source[k], target[k])
            level = 0 if k > 0 and scaled < zone else int(scaled + Fraction(1, 2))
            out[place] = level if value > 0 else -level
    return out


def small_picture(
    sampling: str | Sequence[tuple[int, int]] = "4:2:0",
    *,
    width: int = 61,
    height: int = 43,
    steps: Sequence[Sequence[int]] | None = None,
    name: str = "chelsea",
    at: tuple[int, int] = (150, 95),
) -> Picture:
    """A piece of a photograph, quantised finely."""
    factors = SAMPLINGS[sampling] if isinstance(sampling, str) else list(sampling)
    image = picture(name).crop((at[0], at[1], at[0] + width, at[1] + height))
    return picture_of(image, sampling=factors, steps=steps or [FINE, FINE_CHROMA, FINE_CHROMA][: len(factors)])
