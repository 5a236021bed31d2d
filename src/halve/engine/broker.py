"""The broker between those who have something to do and those who do it: what goes over it, and how Celery is to handle that.

The only message is a wish that somebody claim some work. The database is the truth: a wish that is lost or comes twice does no
harm, so nothing here is durable, retried or answered.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

from celery import Celery

QUEUE = "halve"
"""The queue, on the broker's database or virtual host that the URL names."""

WISH = "halve.wish"
"""The task's name."""

STINTS = 4
"""Wishes that a worker grants at once, unless `-c` says otherwise: while one batch waits for its last images, others begin."""

CONNECT_WITHIN = 4.0
"""Seconds for a connection to the broker."""


def celery_app(url: Callable[[], str]) -> Celery:
    """A Celery app for that broker. `url` is asked when the app is first used, not before."""
    app = Celery("halve", set_as_current=False)
    app.add_defaults(lambda: configuration(url()))
    return app


def configuration(url: str) -> dict[str, Any]:
    """Celery's settings for a broker at `url`, of a scheme that Celery knows."""
    return {
        "broker_url": url,
        "broker_use_ssl": _tls(url),
        "broker_connection_timeout": CONNECT_WITHIN,
        "broker_connection_retry_on_startup": True,
        "broker_connection_max_retries": None,  # for ever: a broker may be away for longer than anybody would count
        "broker_channel_error_retry": True,  # also one that answers, but refuses: a replica after a failover, a disk that is full
        "broker_transport_options": _transport_options(url),
        "task_default_queue": QUEUE,
        "task_default_delivery_mode": "transient",
        "task_ignore_result": True,
        "task_publish_retry": False,  # who sends wishes sends another in a moment
        "task_acks_late": True,  # so that a busy worker holds as many wishes as it grants, and none that an idle one could have
        "task_reject_on_worker_lost": True,
        "worker_prefetch_multiplier": 1,
        "worker_concurrency": STINTS,
        "worker_pool": "halve.engine.threads:Threads",
        "worker_consumer": "halve.engine.consumer:Patient",
        "worker_hijack_root_logger": False,
        "worker_cancel_long_running_tasks_on_connection_loss": False,
        # Else RabbitMQ leaves a worker's queue of commands to one connection alone: a worker that is back before the broker noticed
        # that its old connection is gone, or is the second of its name on a machine, would end.
        "control_queue_exclusive": False,
        "control_queue_durable": True,  # RabbitMQ 4 does without queues that are neither; this one goes when it is not used
    }


def _tls(url: str) -> dict[str, Any] | None:
    """Certificates are checked, unless the URL itself says how they are to be."""
    parts = urlsplit(url)
    if parts.scheme == "rediss" and not any(name.startswith("ssl_") for name in parse_qs(parts.query)):
        return {"ssl_cert_reqs": ssl.CERT_REQUIRED}
    if parts.scheme == "amqps":
        return {"cert_reqs": ssl.CERT_REQUIRED, "server_hostname": parts.hostname}
    return None


def _transport_options(url: str) -> dict[str, Any]:
    if urlsplit(url).scheme.startswith("redis"):
        return {"socket_connect_timeout": CONNECT_WITHIN, "socket_timeout": 30.0, "health_check_interval": 15}
    return {}
