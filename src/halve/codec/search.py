"""The best quality whose output is not too large."""

from __future__ import annotations

import math
from collections.abc import Callable

LEAST_QUALITY = 1


def best_within(encode: Callable[[int], bytes], *, most: int, bound: int | None) -> tuple[int, bytes] | None:
    """The highest quality from 1 to `most` whose output has at most `bound` bytes, and that output; None if none has.

    Output grows with quality, about as an exponential does, so the next quality to try is read off the line through the
    logarithms of what is known; where that creeps, the interval is halved instead. At most ten outputs are made, mostly four.
    """
    data = encode(most)
    if bound is None or len(data) <= bound:
        return most, data
    if most == LEAST_QUALITY:
        return None
    above, above_size = most, len(data)
    below, below_size, best = LEAST_QUALITY - 1, 0, b""
    halve = False
    while above - below > 1:
        guess = _between(below, below_size, above, above_size, bound)
        if halve:
            guess = (below + above) // 2
        width = above - below
        data = encode(guess)
        if len(data) <= bound:
            below, below_size, best = guess, len(data), data
        else:
            above, above_size = guess, len(data)
        halve = above - below > width // 2
    return (below, best) if best else None


def _between(below: int, below_size: int, above: int, above_size: int, bound: int) -> int:
    """A quality strictly between the two, where the line through their sizes' logarithms meets the bound."""
    low = math.log(below_size or above_size / 16)
    high = math.log(above_size)
    share = (math.log(max(bound, 1)) - low) / (high - low) if high > low else 0.5
    return min(max(below + math.floor(share * (above - below)), below + 1), above - 1)
