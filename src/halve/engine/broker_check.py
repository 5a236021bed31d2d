"""Can wishes be sent? Publishes a message to a queue of its own, takes it back, and asks which workers are there."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass
from typing import Any

from kombu.entity import Queue

from halve.core.errors import StoreFailed
from halve.engine.broker import CONNECT_WITHIN, celery_app

CALL_WITHIN = 1.5
"""Seconds in which workers must answer to be counted."""


@dataclass(frozen=True, slots=True)
class Broker:
    """`seconds` for a message there and back; `workers` that answered when they were called."""

    seconds: float
    workers: int


def try_out(url: str) -> Broker:
    """Blocks for some seconds. `url` as Celery knows it. Raises StoreFailed, with what the broker or the network said."""
    with celery_app(lambda: url) as app:
        options = app.conf.broker_transport_options
        if "socket_timeout" in options:  # workers have more patience than whoever waits for the doctor
            options["socket_timeout"] = CONNECT_WITHIN
        try:
            with app.connection_for_write() as connection:
                connection.ensure_connection(max_retries=1, interval_start=0)
                began = time.perf_counter()
                _there_and_back(connection)
                took = time.perf_counter() - began
                return Broker(took, len(app.control.ping(timeout=CALL_WITHIN, connection=connection)))
        except StoreFailed:
            raise
        except Exception as error:  # of three libraries and many kinds
            raise StoreFailed(_reason(error)) from error


def _there_and_back(connection: Any) -> None:
    name, token = f"halve-doctor-{secrets.token_hex(6)}", secrets.token_hex(8)
    with connection.channel() as channel:
        unbound: Any = Queue(name, routing_key=name, durable=False, exclusive=True, auto_delete=True)  # type: ignore[no-untyped-call]
        queue = unbound(channel)
        queue.declare()
        try:
            connection.Producer(channel).publish(token, routing_key=name, delivery_mode="transient")
            deadline = time.monotonic() + CONNECT_WITHIN
            while (message := queue.get(no_ack=True)) is None:
                if time.monotonic() > deadline:
                    raise StoreFailed("what was published did not come back")
                time.sleep(0.02)
            if message.payload != token:
                raise StoreFailed("what came back is not what was published")
        finally:
            queue.delete()


def _reason(error: Exception) -> str:
    """What the library says, on one line; the cause of it where that says more."""
    cause = error.__cause__ if isinstance(error.__cause__, Exception) and not str(error).strip() else error
    return " ".join(str(cause).split())[:200].rstrip(".") or type(cause).__name__
