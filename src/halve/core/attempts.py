"""What follows from a failure: another attempt after a while, or the end for that image."""

from __future__ import annotations

import random
from dataclasses import replace

from halve.core.errors import CodecCrashed, ImageFailed, Postponed
from halve.core.models import ImageResult, ImageState

MOST_CRASHES = 3
"""Codec children that one image may take down before it is `poison`."""

POISON = "poison"
"""The code of an image that is given up because of what it does to others."""

LOST_BEFORE_ALONE = 5
"""Leases lost to vanished workers before a product is run with nothing beside it, to tell the culprit from the bystanders."""

LOST_BEFORE_POISON = 10
"""Leases lost before a product is `poison`; the last five of them while it ran alone."""


def settled(result: ImageResult, round: int) -> bool:
    """Whether nothing is left to do for the image in this round: it succeeded, or failed no earlier than in this round."""
    return result.succeeded or (result.state is ImageState.FAILED and result.round >= round)


def after_failure(before: ImageResult, error: ImageFailed, *, round: int, retries: int) -> tuple[ImageResult, float]:
    """What becomes of the image, and the seconds to wait before it is tried again (0 if it is not, or may be at once)."""
    if isinstance(error, Postponed):
        return before, error.retry_after or 0.0
    attempts, crashes = before.attempts + 1, before.crashes
    result = ImageResult(ImageState.FAILED, round, attempts, crashes, error.code, str(error))
    if isinstance(error, CodecCrashed):
        crashes += 1
        if crashes >= MOST_CRASHES:
            text = f"given up after {crashes} times: {error}"
            return ImageResult(ImageState.FAILED, round, before.attempts, before.crashes, POISON, text), 0.0
        return replace(result, state=ImageState.PENDING, attempts=before.attempts, crashes=crashes), 0.0
    if error.transient and attempts <= retries:
        return replace(result, state=ImageState.PENDING), max(error.retry_after or 0.0, pause(attempts))
    return result, 0.0


def poisoned(before: ImageResult, *, round: int, times: int) -> ImageResult:
    """What becomes of an image at which a worker vanished so many times."""
    text = f"given up: it stopped the worker {times} times"
    return ImageResult(ImageState.FAILED, round, before.attempts, before.crashes, POISON, text)


def pause(attempts: int) -> float:
    """Seconds before the next attempt: 0.5, 1.5, 4.5 … up to a minute, spread by a fifth so that they do not come in step."""
    return min(0.5 * 3.0 ** (attempts - 1), 60.0) * random.uniform(0.9, 1.1)  # noqa: S311 - not a secret
