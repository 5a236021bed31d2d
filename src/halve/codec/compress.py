"""The story of one image: sniff, then the short way if it is one for that, the long way for everything else."""

from __future__ import annotations

from halve.codec.shortway import short_way
from halve.codec.sniff import Kind, sniff
from halve.core.compressed import Compressed
from halve.core.options import Options


def compress(data: bytes, options: Options, *, max_pixels: int) -> Compressed:
    """Make one image smaller as `options` say. Raises ImageFailed with a stable code; MemoryError where that ran out."""
    kind = sniff(data)
    if kind is Kind.JPEG:
        made = short_way(data, options, max_pixels=max_pixels)
        if made is not None:
            return made
    from halve.codec.longway import long_way  # brings the image library, which most children never need

    return long_way(data, kind, options, max_pixels=max_pixels)
