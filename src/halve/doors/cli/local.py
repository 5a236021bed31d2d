"""`halve run` without its words: the whole of a sheet on this machine, with a database and a store in one folder.

The database in the folder is all that is remembered. Whatever ended an earlier run, SIGKILL included, this goes on from there.
"""

from __future__ import annotations

import asyncio
import signal
from dataclasses import replace
from os.path import realpath
from pathlib import Path
from typing import TYPE_CHECKING

from halve.core.errors import HalveError, SheetRefused, StoreFailed
from halve.doors.cli.endings import Interrupted
from halve.doors.cli.folder import OURS, database_in, forget, held
from halve.doors.cli.job import Job, Result, Show

if TYPE_CHECKING:
    from halve.settings import Settings


def run_sheet(job: Job, settings: Settings, show: Show) -> Result:
    """Run the sheet to its end, from wherever an earlier run left it. Blocks; Ctrl-C and SIGTERM end it in good order.

    Raises HalveError, SheetRefused, OptionRefused and StoreFailed among them, and Interrupted, which says how to go on.
    """
    import uvloop

    if any(realpath(job.sheet) == realpath(job.folder / name) for name in OURS):  # Path.resolve raises for a link to itself
        raise HalveError(f"A run in {job.folder} writes {job.sheet} itself. Choose another folder with -o.", code="folder_taken")
    if job.fresh and job.folder.exists():
        from halve.doors.cli.course import check

        check(job, settings)
    with held(job.folder, fresh=job.fresh) as state, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        begun_before = database_in(state).exists()
        try:
            return runner.run(_run(job, _settings_in(state, job, settings), show))
        except HalveError as error:
            if isinstance(error, SheetRefused) or not (begun_before or isinstance(error, StoreFailed)):
                forget(state)  # what is refused leaves no folder
            raise
        except (KeyboardInterrupt, asyncio.CancelledError):
            raise Interrupted("Run the same command again to go on from here.") from None


def _settings_in(state: Path, job: Job, settings: Settings) -> Settings:
    """The user's settings, with everything that is kept in the folder, and nobody to tell but the user who waits."""
    return replace(
        settings,
        data_dir=state,
        database_url=f"sqlite:///{database_in(state).absolute()}",
        public_url=None,
        webhook_secret=None,
        smtp_url=None,
        allow_private=(*settings.allow_private, *job.allow_private),
    )


async def _run(job: Job, settings: Settings, show: Show) -> Result:
    """The codec's children load what they need on other cores, while this process loads the rest; in vain only where the sheet is
    refused, or all of it is known from other runs. Where this folder's run is gone on with, there may be nothing left to do.
    """
    from halve.codec import CodecLimits, CodecPool
    from halve.doors import heap

    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    codec = CodecPool(settings.concurrency, CodecLimits(max_pixels=settings.max_pixels))
    try:
        if not database_in(settings.data_dir).exists():
            await codec.start()
            await asyncio.sleep(0)  # they are started as soon as this loop has a turn
        from halve.doors.cli.course import run_whole

        heap.settle()
        return await run_whole(job, settings, codec, show)
    finally:
        await codec.close()
