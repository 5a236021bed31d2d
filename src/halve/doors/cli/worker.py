"""`halve worker`: a worker more, on the database that a server, or several, put requests into."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from halve.doors.cli import flags
from halve.doors.cli.endings import Interrupted, told

if TYPE_CHECKING:
    from halve.settings import Settings


def worker(
    concurrency: flags.Concurrency = None,
    data: Annotated[Path | None, flags.data("The data folder that the server uses.")] = None,
) -> None:
    """Work on the requests of a server, beside it or on another machine.

    Takes its settings from where the server does, the data folder or
    HALVE_DATABASE_URL and HALVE_STORAGE_URL above all. With HALVE_BROKER_URL it
    is a worker of a Celery cluster, as `celery -A halve.engine.celery worker`
    is; without, it looks for work in the database. Stopped by Ctrl-C or SIGTERM
    it ends what is in work and hands back the rest; killed, another goes on.

    For example:
      halve worker --data /srv/halve --concurrency 4
    """
    with told():
        from halve.doors.logs import set_up_logs
        from halve.settings import read_settings

        settings = read_settings(concurrency=concurrency, data_dir=data)
        set_up_logs(settings.log_level)
        if settings.broker_url is None:
            _work(settings)
        else:
            _work_in_a_cluster(settings)


def _work(settings: Settings) -> None:
    import asyncio

    import uvloop

    from halve.doors import heap

    heap.settle()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        try:
            stopped_by = runner.run(_until_stopped(settings))
        except asyncio.CancelledError:
            raise Interrupted from None
    if stopped_by == signal.SIGINT:
        raise Interrupted


def _work_in_a_cluster(settings: Settings) -> None:
    from halve.backends import broker_url

    url = broker_url(settings)
    assert url is not None
    from halve.doors.cli.terminal import announce, without_password
    from halve.engine.celery import run

    announce(f"halve works for {without_password(url)} (stop it with Ctrl-C)")
    if run(settings) == "SIGINT":
        raise Interrupted


async def _until_stopped(settings: Settings) -> int:
    """Work until a signal comes; returns it. The second one waits for nothing."""
    import asyncio

    from halve.backends import database_url
    from halve.doors.cli.terminal import announce, without_password
    from halve.wiring import open_parts, open_worker

    loop = asyncio.get_running_loop()
    stopped: asyncio.Future[int] = loop.create_future()
    task = asyncio.current_task()
    assert task is not None

    def stop(signum: int) -> None:
        if stopped.done():
            task.cancel()
        else:
            stopped.set_result(signum)

    for signum in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(signum, stop, signum)
    async with open_parts(settings) as parts:
        await parts.states.ready()
        await parts.images.ready()
        async with open_worker(parts):
            announce(f"halve works on {without_password(database_url(settings))} (stop it with Ctrl-C)")
            return await stopped
