"""JPEG to JPEG without pixels: the seam between this way and the one through pixels.

The compiled requantiser is optional, and takes most JPEGs but not all. Where it is not there, or does not take one, or finds
anything wrong, it answers None and the image goes through pixels, which have the last word on whether it is damaged.
"""

from __future__ import annotations

from halve.codec.native import requantise
from halve.core.compressed import Compressed


def requantised(
    data: bytes, *, quality: int, bound: int | None, pixels: int, orientation: int = 1, smooth: bool = False, whole: bool = False
) -> Compressed | None:
    """The JPEG of so many `pixels`, set upright, at `quality` or at the best up to it within `bound`; None: pixels must do it.

    `smooth` and `whole` as `native.requantise` has them: for whoever chooses by look, and need not have what a quality stands for.
    """
    if bound is not None and bound < 1:
        return None
    made = requantise(
        data, quality=quality, max_bytes=bound, max_pixels=pixels, orientation=orientation, smooth=smooth, whole=whole
    )
    if made is None:
        return None
    return Compressed(made.data, "jpeg", made.width, made.height, quality=made.quality, kept=False)
