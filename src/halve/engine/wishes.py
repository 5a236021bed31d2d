"""Wishes sent: in a thread of its own, so that a broker that is slow or away holds up nobody."""

from __future__ import annotations

import threading
import time
from typing import Any

from celery import Celery

from halve.core.log import Log
from halve.engine.broker import QUEUE, WISH, celery_app

log = Log(__name__)

HEARTBEAT = 2.0
"""Seconds after which a wish is sent though nobody asked: it makes up for every message that was lost."""

WAITING = 4
"""Wishes in the queue beyond which no more are sent: each that finds work sends the next one itself."""

PAUSE = 0.02
"""Seconds in which any number of askings are one."""

SILENCE = 30.0
"""Seconds between two words about a broker that is away."""

CLOSE_WITHIN = 2.0
"""Seconds that stopping may take; a thread that still waits for the broker then is left to itself."""


class Wishes:
    """Sends a wish whenever somebody asks for it, and now and then by itself. What goes wrong is logged; nothing is raised."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._asked = threading.Event()
        self._closed = threading.Event()
        self._silent_until = 0.0
        self._thread = threading.Thread(target=self._run, name="wishes", daemon=True)
        self._thread.start()

    def send(self) -> None:
        """There is something to do. Returns at once; may be called from any thread."""
        self._asked.set()

    def close(self) -> None:
        self._closed.set()
        self._asked.set()
        self._thread.join(CLOSE_WITHIN)

    def _run(self) -> None:
        with celery_app(lambda: self._url) as app:
            connection: Any = None
            while not self._closed.is_set():
                try:
                    connection = connection or app.connection_for_write()
                    _send(app, connection)
                except Exception as error:  # noqa: BLE001  # of many libraries, and never worth more than a word: the next one follows
                    self._failed(error)
                    _let_go(connection)
                    connection = None
                self._closed.wait(PAUSE)
                self._asked.wait(HEARTBEAT)
                self._asked.clear()
            _let_go(connection)

    def _failed(self, error: Exception) -> None:
        if time.monotonic() >= self._silent_until and not self._closed.is_set():
            self._silent_until = time.monotonic() + SILENCE
            log.warning("broker not reached, work waits in the database", reason=str(error) or type(error).__name__)


def _send(app: Celery, connection: Any) -> None:
    """Send a wish unless enough are waiting."""
    connection.ensure_connection(max_retries=1, interval_start=0)
    queue = app.amqp.queues[QUEUE](connection.default_channel)
    queue.declare()
    if queue.queue_declare().message_count < WAITING:
        app.send_task(WISH, connection=connection, retry=False)


def _let_go(connection: Any) -> None:
    if connection is not None:
        try:
            connection.release()
        except Exception:  # it is gone in any case
            log.debug("a connection to the broker did not close in good order", exc_info=True)
