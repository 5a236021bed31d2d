"""`halve run` without its words: the whole of a sheet on this machine, with a database and a store in one folder.

The database in the folder is all that is remembered. Whatever ended an earlier run, SIGKILL included, this goes on from there.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from halve.core.errors import Conflict, SheetRefused, StoreFailed
from halve.core.intake import accept, new_request
from halve.core.models import Product, Request, SheetOptions
from halve.core.naming import sheet_key
from halve.core.options import Options
from halve.core.ports import StateStore
from halve.core.sheet import open_sheet
from halve.doors.cli.endings import Ending, Interrupted
from halve.doors.cli.folder import OURS, forget, held
from halve.doors.cli.memory import users_memory
from halve.doors.cli.store import RunFolder
from halve.settings import Network, Settings
from halve.wiring import Parts, open_parts, open_worker, sheet_limits

LOOK_EVERY = 0.1
"""Seconds between looks at how far it is."""

GRACE = 2.0
"""Seconds that images in work have to end after Ctrl-C; the others are taken up again by the next run."""

FAILURES_SHOWN = 10

_THE_ONE = "run"
"""The idempotency key of the one request that such a folder has."""


@dataclass(frozen=True, slots=True)
class Job:
    """What is to be done to a sheet, and where the result goes. `retry_failed`: a finished run's failures are tried again."""

    sheet: Path
    folder: Path
    options: Options
    reading: SheetOptions
    base_url: str = ""
    allow_private: tuple[Network, ...] = ()
    fresh: bool = False
    retry_failed: bool = False


@dataclass(frozen=True, slots=True)
class Result:
    """How a run ended. `seconds` is what it took; `again`: it had ended before, nothing was left to do."""

    request: Request
    seconds: float
    output_csv: Path
    failed_csv: Path | None
    failures: tuple[Product, ...]
    again: bool

    @property
    def ending(self) -> Ending:
        return Ending.SOME_FAILED if self.request.failed_images or self.request.failed_rows else Ending.DONE


Show = Callable[[Request], None]
"""Told again and again how far the request is; the first time before anything is done."""


def run_sheet(job: Job, settings: Settings, show: Show) -> Result:
    """Run the sheet to its end, from wherever an earlier run left it. Blocks; Ctrl-C and SIGTERM end it in good order.

    Raises SheetRefused, Conflict, OptionRefused, StoreFailed, and Interrupted, which says how to go on.
    """
    import uvloop

    from halve.doors import collector

    collector.ease()
    if any(job.sheet.resolve() == (job.folder / name).resolve() for name in OURS):
        raise Conflict(f"{job.sheet} is what a run writes to {job.folder}. Choose another folder with -o.", code="folder_taken")
    if job.fresh and job.folder.exists():
        _check(job, settings)
    with held(job.folder, fresh=job.fresh) as state, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        try:
            return runner.run(_run(job, _settings_in(state, job, settings), show))
        except SheetRefused:
            forget(state)
            raise
        except (KeyboardInterrupt, asyncio.CancelledError):
            raise Interrupted("Run the same command again to go on from here.") from None


def _check(job: Job, settings: Settings) -> None:
    """Raise SheetRefused for a sheet that would be, before anything that an earlier run made is removed for it."""
    with open_sheet(job.sheet, job.sheet.name, job.reading, sheet_limits(settings)) as sheet:
        for _ in sheet.rows():
            pass
        sheet.check()


def _settings_in(state: Path, job: Job, settings: Settings) -> Settings:
    """The user's settings, with everything that is kept in the folder, and nobody to tell but the user who waits."""
    return settings.model_copy(
        update={
            "data_dir": state,
            "database_url": f"sqlite:///{(state / 'halve.db').absolute()}",
            "public_url": None,
            "smtp_url": None,
            "allow_private": (*settings.allow_private, *job.allow_private),
        }
    )


async def _run(job: Job, settings: Settings, show: Show) -> Result:
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    began = time.monotonic()
    images = RunFolder(job.folder, settings.data_dir, link=settings.memory == "link")
    async with (
        users_memory(settings, job.folder, look=not job.fresh) as memory,
        open_parts(settings if memory else settings.model_copy(update={"memory": "off"}), images=images, memory=memory) as parts,
    ):
        request = await _request(job, parts)
        again = request.finished and not (job.retry_failed and await parts.states.retry(request.id))
        if not again:
            request = await _to_the_end(parts, request, show)
        elif not (job.folder / sheet_key(request, "output")).is_file():
            await parts.pipeline.report(request)  # its user moved it away
        failures = await parts.states.products(request.id, limit=FAILURES_SHOWN, failed_only=True)
    seconds = time.monotonic() - began
    if again and request.created_at is not None and request.completed_at is not None:
        seconds = (request.completed_at - request.created_at).total_seconds()
    output_csv = job.folder / (request.output_key or "")
    failed_csv = job.folder / request.failed_key if request.failed_key else None
    if failed_csv is None:
        (job.folder / sheet_key(request, "failed")).unlink(missing_ok=True)  # of a round before, whose failures went well since
    return Result(request, seconds, output_csv, failed_csv, tuple(failures), again)


async def _request(job: Job, parts: Parts) -> Request:
    """The request of the folder, begun before or now."""
    fingerprint = await asyncio.to_thread(_fingerprint, job.sheet)
    new = new_request(
        filename=job.sheet.name,
        options=job.options,
        sheet=job.reading,
        base_url=job.base_url,
        idempotency_key=_THE_ONE,
        fingerprint=fingerprint,
        readable=True,
    )
    request = await _earlier(parts.states)
    if request is None:
        return await accept(parts.states, parts.images, job.sheet, new, parts.sheet_limits)
    if differences := _differences(request, new):
        raise Conflict(
            f"{job.folder} holds a run with {', '.join(differences)}. Choose another folder with -o, or start over "
            "there with --fresh.",
            code="another_run",
        )
    return request


async def _earlier(states: StateStore) -> Request | None:
    return await states.by_idempotency_key("", _THE_ONE)


def _differences(before: Request, now: Request) -> list[str]:
    """What was asked for otherwise, in words: `another sheet (a.csv)`, `quality 50, not 70`."""
    told = [] if before.fingerprint == now.fingerprint else [f"another sheet, or other content of it ({before.filename})"]
    words = [(request.options.words(), _reading_words(request.sheet), {"base-url": request.base_url}) for request in (before, now)]
    for was, is_now in zip(*words, strict=True):
        told += [
            f"{name.replace('_', '-')} {was.get(name) or 'not given'}, not {is_now.get(name) or 'left out'}"
            for name in sorted(was.keys() | is_now.keys())
            if was.get(name) != is_now.get(name)
        ]
    return told


def _reading_words(reading: SheetOptions) -> dict[str, str]:
    columns = ",".join(f"{name}={header}" for name, header in sorted(reading.columns.items()))
    return {"mode": reading.mode.value, "preset": reading.preset or "", "columns": columns}


def _fingerprint(sheet: Path) -> str:
    with sheet.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


async def _to_the_end(parts: Parts, request: Request, show: Show) -> Request:
    """Work until the output sheet is there, and say how it goes. A failing store ends it: that is for the user to mend."""
    failed: asyncio.Future[StoreFailed] = asyncio.get_running_loop().create_future()

    def on_failure(error: StoreFailed) -> None:
        if not failed.done():
            failed.set_result(error)

    async with open_worker(parts, keep=True, grace=GRACE, on_failure=on_failure) as worker:
        worker.nudge()
        while True:
            latest = await parts.states.request(request.id)
            assert latest is not None, "nobody else erases it"
            show(latest)
            if latest.finished:
                return latest
            with contextlib.suppress(TimeoutError):
                error = await asyncio.wait_for(asyncio.shield(failed), LOOK_EVERY)
                raise StoreFailed(f"{error} Nothing that was done is lost: mend it and run the same command again.") from error
