"""When a delivery that failed is tried again: the schedule that docs/notifications.md publishes, for webhooks and e-mails alike."""

from __future__ import annotations

import random

_MINUTE, _HOUR = 60.0, 3600.0

RETRY_SCHEDULE: tuple[float, ...] = (
    0.0, 5.0, 5 * _MINUTE, 30 * _MINUTE, 2 * _HOUR, 5 * _HOUR, 10 * _HOUR, 14 * _HOUR, 20 * _HOUR, 24 * _HOUR
)  # fmt: skip
"""Seconds before each attempt, counted from the one before: the example of Standard Webhooks. Ten attempts over three days."""

JITTER = 0.1
"""The share of a delay by which it may be shorter, at random, so that what failed together does not come back together."""


def retry_delay(attempts: int) -> float | None:
    """Seconds to wait after that many attempts (at least 1) have failed; None: give up.

    Where the receiver named a time (`Answer.retry_after`), wait for the longer of the two.
    """
    if attempts >= len(RETRY_SCHEDULE):
        return None
    return RETRY_SCHEDULE[max(attempts, 1)] * (1 - random.random() * JITTER)  # noqa: S311 - not a secret
