"""The short way, which nearly every image of a shop goes: a JPEG at a given quality or within a bound, as large as it was.

It needs nothing but the requantiser, so no image library reads the header, or is even loaded. It gives no verdicts: for whatever it
does not take for certain, the long way has the word.
"""

from __future__ import annotations

from halve.codec.coefficients import requantised
from halve.codec.kept import lighter
from halve.codec.limits import LONGEST_JPEG
from halve.codec.sniff import Kind
from halve.codec.strip import jpeg
from halve.core.compressed import Compressed
from halve.core.options import Format, Options


def short_way(data: bytes, options: Options, *, max_pixels: int) -> Compressed | None:
    """A JPEG made smaller; None: the long way must do it. That is for turned ones, too: they come out upright and without EXIF."""
    if options.quality == "auto" or options.max_size or options.format not in (Format.KEEP, Format.JPEG):
        return None
    bound = options.max_bytes.of(len(data)) if options.max_bytes else None
    if bound is not None and options.quality is None and jpeg.least_left(data) <= bound:
        return None  # it may be small enough as it is
    if not jpeg.lies_upright(data):
        return None
    made = requantised(data, quality=options.best_quality, bound=bound, pixels=max_pixels)
    if made is None or max(made.width, made.height) > LONGEST_JPEG:
        return None
    best = lighter(made, data, Kind.JPEG, made.width, made.height)
    return best if bound is None or len(best.data) <= bound else None
