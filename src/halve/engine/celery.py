"""The worker of a cluster: `celery -A halve.engine.celery worker`, which is also what `halve worker` is with HALVE_BROKER_URL.

A way in, like `halve.asgi`: settings come from the environment when it starts. One worker, in a thread of its own, is shared by the
whole process; for each wish that arrives one of Celery's threads hands it a bounded batch and waits.
"""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, NoReturn, TypeVar

from celery import Celery, signals

from halve.backends import broker_url
from halve.core.errors import HalveError, OptionRefused, StoreFailed
from halve.core.log import Log
from halve.doors.cli.endings import Ending
from halve.doors.logs import set_up_logs
from halve.engine.broker import QUEUE, WISH, celery_app
from halve.engine.hands import Hands
from halve.engine.wishes import Wishes
from halve.engine.worker import Worker
from halve.settings import Settings, read_settings
from halve.wiring import open_cluster_worker, open_parts

log = Log(__name__)

GRACE = 6.0
"""Seconds that images in work have to end after SIGTERM; with what Celery itself needs to stop, ten in all."""

GREEN = ("gevent", "eventlet")

T = TypeVar("T")


def _address() -> str:
    url = broker_url(_process.settings())
    if url is None:
        raise OptionRefused(
            "HALVE_BROKER_URL",
            "HALVE_BROKER_URL must name the broker, such as redis://host:6379/0. Without one, `halve worker` does.",
            code="bad_setting",
        )
    return url


app: Celery = celery_app(lambda: _told(_address))


class _Process:
    """What this process works with, once Celery starts a worker in it."""

    def __init__(self) -> None:
        self.given: Settings | None = None
        self.stopped_by: str | None = None
        self._hands: Hands | None = None
        self._wishes: Wishes | None = None

    def settings(self) -> Settings:
        if self.given is None:
            self.given = read_settings()
        return self.given

    def start(self) -> None:
        """Open everything. Raises OptionRefused, ExtraMissing or StoreFailed."""
        self._wishes = Wishes(_address())
        self._hands = Hands(self._worker, self._wishes.send)
        self._hands.start()

    @asynccontextmanager
    async def _worker(self) -> AsyncIterator[Worker]:
        assert self._wishes is not None
        async with open_parts(self.settings()) as parts:
            await parts.states.ready()
            await parts.images.ready()
            async with open_cluster_worker(parts, on_due=self._wishes.send, grace=GRACE) as worker:
                yield worker

    def grant(self) -> int:
        assert self._hands is not None, "wishes are granted where Celery started a worker"
        return self._hands.stint()

    def stop(self) -> None:
        if self._hands is not None:
            self._hands.stop()

    def close(self) -> None:
        if self._hands is not None and not self._hands.close():
            log.warning("stopped before all was handed back; the leases will run out")
        if self._wishes is not None:
            self._wishes.send()  # for what was handed back
            self._wishes.close()


_process = _Process()


@app.task(name=WISH)  # type: ignore[untyped-decorator]  # Celery has no types
def wish() -> int:
    """Somebody is to claim some work. Returns how many products that were."""
    return _process.grant()


def run(settings: Settings) -> str | None:
    """Start a worker with these settings and return, when it has ended, the name of the signal that stopped it."""
    _process.given = settings
    app.worker_main(["--quiet", "worker", "--hostname", f"halve-{os.getpid()}@%h", "--without-gossip", "--without-mingle"])
    return _process.stopped_by


# ── what Celery tells us ──────────────────────────────────────────────────────────────────────────────────────────────────


def _logs(**_: Any) -> None:
    """Ours instead of Celery's: one shape for all that is logged."""
    set_up_logs(_told(_process.settings).log_level)


def begin(sender: Any, **_: Any) -> None:
    asked = sender.pool_cls if isinstance(sender.pool_cls, str) else sender.pool_cls.__module__
    if any(green in asked for green in GREEN):
        _end("the worker is one event loop and processes of its own: start it with -P threads, or leave -P out.", Ending.REFUSED)
    sender.pool_cls = sender.app.conf.worker_pool  # whatever pool was asked for: children of prefork may have no children
    _logs()  # Celery asks for them only later, and what starts here has something to say already
    if QUEUE not in sender.app.amqp.queues.consume_from:
        log.warning("this worker gets no wishes: leave -Q and -X out, or name the queue", queue=QUEUE)
    _told(_process.start)


def _stop(sig: str, **_: Any) -> None:
    _process.stopped_by = sig
    _process.stop()


def _close(**_: Any) -> None:
    _process.close()


def _told(step: Callable[[], T]) -> T:
    """Do it, or end with a sentence. Celery would log an exception and go on; nothing stops it but SystemExit."""
    try:
        return step()
    except StoreFailed as error:
        _end(str(error), Ending.BROKEN)
    except HalveError as error:
        _end(str(error), Ending.REFUSED)


def _end(sentence: str, code: Ending) -> NoReturn:
    sys.stderr.write(f"halve: {sentence}\n")
    raise SystemExit(int(code))


signals.setup_logging.connect(_logs)
signals.worker_init.connect(begin)
signals.worker_shutting_down.connect(_stop)
signals.worker_shutdown.connect(_close)
