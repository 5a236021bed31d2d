"""The quality that is wanted, in few encodes: the best whose output is not too large, or the least that looks good enough."""

from __future__ import annotations

import math
from collections.abc import Callable

LEAST_QUALITY = 1
_FIRST = 70  # where the search starts if every quality is allowed: outputs at 100 are slow to make, and seldom wanted
_FIRST_BY_EYE = 60
_FADING = 0.0215  # by how much the logarithm of the distance falls, for one more of quality; of photographs
_CLOSE = 0.97  # a distance of this share of the bound, or more, is as good as the bound itself
_GROWTH = 0.028  # of the logarithm of the size, for one more of quality; of photographs, between 30 and 90


def best_within(encode: Callable[[int], bytes], *, most: int, bound: int | None) -> tuple[int, bytes] | None:
    """The highest quality from 1 to `most` whose output has at most `bound` bytes, and that output; None if none has.

    Output grows with quality, about as an exponential does, so the next quality to try is read off a line through the
    logarithms of the sizes that are known. Palettes grow in stairs, on which that creeps: where it twice did not come half the way,
    what is left is halved.
    """
    if bound is None:
        return most, encode(most)
    below, above, sizes, best = LEAST_QUALITY - 1, most + 1, dict[int, int](), b""
    guess, crept = most if most <= 90 else _FIRST, 0
    while above - below > 1:
        width = above - below
        data = encode(guess)
        sizes[guess] = max(len(data), 1)
        if len(data) <= bound:
            below, best = guess, data
        else:
            above = guess
        crept = crept + 1 if above - below > width // 2 else 0
        guess = (below + above) // 2 if crept > 1 else _guess(below, above, sizes, bound)
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


_BY_THE_CURVE = 4
"""Encodes after the first that are aimed by the curve; then the search halves what is left: twelve at the most, in all."""


def least_within(
    encode: Callable[[int], bytes], distance: Callable[[bytes], float], *, most: int, bound: float
) -> tuple[int, bytes]:
    """About the lowest quality up to `most` whose output is no farther than `bound` from the original, and that output.

    The distance falls with quality, about as an exponential does; twelve encodes at the most. Where no quality is good enough,
    the output at `most`. The same picture always gets the same answer, so nothing is learned from one for the next.
    """
    too_far, near = {LEAST_QUALITY - 1: math.inf}, dict[int, tuple[float, bytes]]()
    guess = min(_FIRST_BY_EYE, most)
    while True:
        data = encode(guess)
        far = distance(data)
        if far <= bound or guess == most:
            near[guess] = (far, data)
        else:
            too_far[guess] = far
        low, high = max(too_far), min(near, default=most + 1)
        if high - low <= 1 or (high in near and near[high][0] >= _CLOSE * bound):
            return high, near[high][1]
        if len(too_far) + len(near) <= _BY_THE_CURVE:
            guess = min(max(_nearer(low, too_far[low], high, near.get(high, (0.0, b""))[0], bound), low + 1), high - 1)
        else:  # a curve of another shape than expected
            guess = (low + high) // 2


def _nearer(low: int, far: float, high: int, near: float, bound: float) -> int:
    """Where the distance should be just within the bound: on the line through both ends, or from the one that is known."""
    wanted = math.log(bound * (1 + _CLOSE) / 2)
    if math.isinf(far):
        return high - math.ceil((wanted - math.log(max(near, bound / 4))) / _FADING)
    if near <= 0:
        return low + math.ceil((math.log(far) - wanted) / _FADING)
    return low + math.ceil((math.log(far) - wanted) / (math.log(far) - math.log(near)) * (high - low))
