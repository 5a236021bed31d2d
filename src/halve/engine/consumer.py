"""Celery's consumer of wishes, patient with a broker that answers and refuses, as with one that is not there."""

from __future__ import annotations

import time
from typing import Any

from celery.worker.consumer import Consumer

from halve.core.log import Log

log = Log(__name__)

PAUSE = 2.0
"""Seconds between two attempts at a broker that refuses; SIGTERM waits no longer than that."""


class Patient(Consumer):  # type: ignore[misc]  # Celery has no types
    """Celery itself waits where nobody answers, and comes back at once where a connection was cut. A refusal comes by return, so it
    would be asked for as often as the machine can. What it says is logged by `Wishes`, which meets with the same.
    """

    def on_connection_error_before_connected(self, exc: Exception) -> Any:
        self._wait_after(exc)
        return super().on_connection_error_before_connected(exc)

    def on_connection_error_after_connected(self, exc: Exception) -> Any:
        self._wait_after(exc)
        try:
            return super().on_connection_error_after_connected(exc)
        except Exception:  # of Redis' client, over wishes in hand that it cannot put back: what is granted stands in the database
            log.debug("the old connection to the broker did not close in good order", exc_info=True)

    def _wait_after(self, exc: Exception) -> None:
        if isinstance(exc, self.channel_errors):
            time.sleep(PAUSE)
