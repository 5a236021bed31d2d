"""The quality that is wanted, in few encodes: the best whose output is not too large, or the least that looks good enough."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

LEAST_QUALITY = 1
_FIRST = 70  # where the search starts if every quality is allowed: outputs at 100 are slow to make, and seldom wanted
_FIRST_BY_EYE = 57
_FADING = 0.0135  # by how much the logarithm of the distance falls, for one more of quality; of photographs
_CLOSE = 0.97  # a distance of this share of the bound, or more, is as good as the bound itself
_BY_SAMPLE = 4  # encodes at the most that a sample aims; one that misleads more often is no help
_GROWTH = 0.028  # of the logarithm of the size, for one more of quality; of photographs, between 30 and 90


@dataclass(slots=True)
class Sample:
    """A small part of a picture. `size`: its bytes at a quality; `times`: how many times as many the whole is thought to have.

    `sizes`: those that are known already, by the place of their quality.
    """

    size: Callable[[int], int]
    times: float
    sizes: dict[int, int] = field(default_factory=dict)


def best_within(
    encode: Callable[[int], bytes], qualities: Sequence[int], *, bound: int | None, sample: Sample | None = None
) -> tuple[int, bytes] | None:
    """The highest of the rising `qualities` whose output has at most `bound` bytes, and that output; None if none has.

    A `sample` only says where to look: that the answer fits, and the next quality does not, is seen on whole outputs.
    """
    if bound is None:
        return qualities[-1], encode(qualities[-1])
    best: tuple[int, bytes] | None = None

    def size(quality: int) -> int:
        nonlocal best
        data = encode(quality)
        if len(data) <= bound:
            best = quality, data
        return len(data)

    _climb(size, qualities, bound, {}, sample)
    return best


def _climb(
    size: Callable[[int], int], qualities: Sequence[int], bound: int, sizes: dict[int, int], sample: Sample | None = None
) -> int:
    """The place of the highest quality whose size is at most `bound`, or -1. Of those that fit, its size is the last to be seen.

    `sizes` are those that are known, by place; it adds to them. Size grows with quality, about as an exponential does, so the next
    quality to try is read off a line through their logarithms; until there is one on either side of the bound, off the sample.
    Palettes grow in stairs, on which a line creeps: where it twice did not come half the way, what is left is halved.
    """
    above = min((place for place, known in sizes.items() if known > bound), default=len(qualities))
    below = max((place for place, known in sizes.items() if known <= bound and place < above), default=-1)
    crept = 0
    while above - below > 1:
        width, between = above - below, below in sizes and above in sizes
        aimed = sample is not None and not between and len(sizes) < _BY_SAMPLE
        if sample is not None and aimed:
            guess = _by_sample(sample, qualities, bound, sizes)
        else:
            guess = (below + above) // 2 if crept > 1 else _by_line(qualities, below, above, sizes, bound)
        guess = min(max(guess, below + 1), above - 1)
        sizes[guess] = size(qualities[guess])
        if sizes[guess] <= bound:
            below = guess
        else:
            above = guess
        crept = crept + 1 if not aimed and above - below > width // 2 else 0
    return below


def _by_sample(sample: Sample, qualities: Sequence[int], bound: int, sizes: dict[int, int]) -> int:
    """The best place for the sample within its part of the bound: the part that it has of the last whole output, if any."""
    last = next(reversed(sizes), None)
    if last is not None:
        if last not in sample.sizes:
            sample.sizes[last] = sample.size(qualities[last])
        sample.times = max(sizes[last], 1) / max(sample.sizes[last], 1)
    return _climb(sample.size, qualities, math.floor(bound / sample.times), sample.sizes)


def _by_line(qualities: Sequence[int], below: int, above: int, sizes: dict[int, int], bound: int) -> int:
    """Where the line meets the bound: through both ends of what is left, or with the usual growth through the one that is known."""
    wanted, logs = math.log(max(bound, 1)), {end: math.log(max(sizes[end], 1)) for end in (below, above) if end in sizes}
    if len(logs) == 2 and logs[above] > logs[below]:
        return below + math.floor((wanted - logs[below]) / (logs[above] - logs[below]) * (above - below))
    if below in logs:
        return bisect_left(qualities, qualities[below] + (wanted - logs[below]) / _GROWTH)
    if above in logs:
        return bisect_right(qualities, qualities[above] + (wanted - logs[above]) / _GROWTH) - 1
    return len(qualities) - 1 if qualities[-1] <= 90 else bisect_left(qualities, _FIRST)


_BY_THE_CURVE = 4
"""Encodes after the first that are aimed by the curve; then the search halves what is left: twelve at the most, in all."""


def least_within(
    encode: Callable[[int], bytes],
    distance: Callable[[bytes], float],
    qualities: Sequence[int],
    *,
    bound: float,
    lighter_than: int | None = None,
    tries: int = 12,
) -> tuple[int, bytes] | None:
    """About the lowest of the rising `qualities` whose output is no farther than `bound` from the original, and that output.

    The distance falls with quality, about as an exponential does. Where none is good enough, or none was found in so many `tries`,
    it is the output at the highest. None where all that look good enough surely have as many bytes as `lighter_than`, or more. The
    same picture always gets the same answer, so nothing is learned from one for the next.
    """
    most, too_far, near = qualities[-1], {LEAST_QUALITY - 1: math.inf}, dict[int, tuple[float, bytes]]()
    aim = _FIRST_BY_EYE
    while True:
        low, high = max(too_far), min(near, default=most + 1)
        between = [quality for quality in qualities if low < quality < high]
        tried = len(too_far) - 1 + len(near)
        if not between or (high in near and (near[high][0] >= _CLOSE * bound or tried >= tries)):
            return high, near[high][1]
        guess = next((quality for quality in between if quality >= aim), between[-1]) if tried < tries - 1 or near else most
        data = encode(guess)
        far = distance(data)
        if far <= bound or guess == most:
            near[guess] = (far, data)
        elif lighter_than is not None and len(data) >= lighter_than:
            return None
        else:
            too_far[guess] = far
        low, high = max(too_far), min(near, default=most + 1)
        if len(too_far) + len(near) <= _BY_THE_CURVE:
            aim = _nearer(low, too_far[low], high, near.get(high, (0.0, b""))[0], bound)
        else:  # a curve of another shape than expected
            aim = (low + high) // 2


def _nearer(low: int, far: float, high: int, near: float, bound: float) -> int:
    """Where the distance should be just within the bound: on the line through both ends, or from the one that is known."""
    wanted = math.log(bound * (1 + _CLOSE) / 2)
    if math.isinf(far):
        return high - math.ceil((wanted - math.log(max(near, bound / 4))) / _FADING)
    if near <= 0:
        return low + math.ceil((math.log(far) - wanted) / _FADING)
    if near >= far:  # more quality does not bring it nearer
        return (low + high) // 2
    return low + math.ceil((math.log(far) - wanted) / (math.log(far) - math.log(near)) * (high - low))
