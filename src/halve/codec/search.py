"""The best quality whose output is not too large."""

from __future__ import annotations

import math
from collections.abc import Callable

LEAST_QUALITY = 1
_FIRST = 70  # where the search starts if every quality is allowed: outputs at 100 are slow to make, and seldom wanted
_GROWTH = 0.028  # of the logarithm of the size, for one more of quality; of photographs, between 30 and 90


def best_within(encode: Callable[[int], bytes], *, most: int, bound: int | None) -> tuple[int, bytes] | None:
    """The highest quality from 1 to `most` whose output has at most `bound` bytes, and that output; None if none has.

    Output grows with quality, about as an exponential does, so the next quality to try is read off a line through the
    logarithms of the sizes that are known; where that creeps, what is left is halved.
    """
    if bound is None:
        return most, encode(most)
    below, above, sizes, best = LEAST_QUALITY - 1, most + 1, dict[int, int](), b""
    guess = most if most <= 90 else _FIRST
    while above - below > 1:
        width = above - below
        data = encode(guess)
        sizes[guess] = max(len(data), 1)
        if len(data) <= bound:
            below, best = guess, data
        else:
            above = guess
        creeps = above - below > width // 2 and below in sizes and above in sizes
        guess = (below + above) // 2 if creeps else _guess(below, above, sizes, bound)
        guess = min(max(guess, below + 1), above - 1)
    return (below, best) if below >= LEAST_QUALITY else None


def _guess(below: int, above: int, sizes: dict[int, int], bound: int) -> int:
    """Where the line meets the bound: through both ends of what is left, or with the usual growth through the one that is known."""
    wanted = math.log(max(bound, 1))
    if below in sizes and above in sizes and sizes[above] > sizes[below]:
        low, high = math.log(sizes[below]), math.log(sizes[above])
        return below + math.floor((wanted - low) / (high - low) * (above - below))
    if below in sizes:
        return below + math.ceil((wanted - math.log(sizes[below])) / _GROWTH)
    return above + math.floor((wanted - math.log(sizes[above])) / _GROWTH)
