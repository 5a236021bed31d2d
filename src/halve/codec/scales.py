"""Where each encoder's own scale looks like a given quality of the JPEG scale.

Measured: mean SSIMULACRA2 over six photographs, encoders as they are called in `encoders`; points between are interpolated.
A palette harms otherwise: it takes whole colours away where they are few (the green of an eye), which such a mean does not mind and
people do. So PNG's numbers are the higher ones of that measure and of colour error, over photographs and cut-outs.
`docs/compression.md` has the figures, `bench/scales.py` the measurement.
"""

from __future__ import annotations

from bisect import bisect_right

QUALITIES = (1, 5, 10, 15, 20, 30, 40, 50, 60, 70, 80, 85, 90, 95, 99)
"""The JPEG scale, of which each of the following has the equals. PNG is without loss from 90, WebP and TIFF at 100."""

Scale = tuple[int, ...]

WEBP: Scale = (0, 1, 2, 5, 15, 31, 43, 54, 64, 76, 82, 86, 98, 100, 100)
AVIF: Scale = (1, 2, 7, 19, 27, 37, 42, 47, 50, 55, 62, 68, 85, 93, 98)
HEIC: Scale = (0, 2, 10, 16, 22, 29, 33, 36, 39, 42, 47, 50, 67, 90, 100)
PNG: Scale = (0, 3, 9, 20, 41, 64, 74, 80, 86, 91, 96, 100, 100, 100, 100)


def on(scale: Scale, quality: int) -> int:
    """The encoder's number for a quality from 1 to 99."""
    after = min(max(bisect_right(QUALITIES, quality), 1), len(QUALITIES) - 1)
    low, high = QUALITIES[after - 1], QUALITIES[after]
    share = min(max((quality - low) / (high - low), 0.0), 1.0)
    return round(scale[after - 1] + (scale[after] - scale[after - 1]) * share)
