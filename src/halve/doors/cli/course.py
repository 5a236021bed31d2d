"""The course of `halve run`: the request of the folder, begun before or now, worked on until its output sheet is there.

This is what takes a while to load; `local` has the codec's children start meanwhile.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from halve.core.errors import HalveError, SheetRefused, StoreFailed
from halve.core.intake import accept, new_request
from halve.core.models import Request, SheetOptions
from halve.core.naming import sheet_key
from halve.core.sheet import findings, open_sheet
from halve.doors.cli.job import FAILURES_SHOWN, Job, Result, Show
from halve.doors.cli.lost import reopen_for_lost
from halve.doors.cli.memory import users_memory
from halve.doors.cli.store import RunFolder
from halve.doors.cli.terminal import printable
from halve.wiring import Parts, open_parts, open_worker, sheet_limits

if TYPE_CHECKING:
    from halve.codec import CodecPool
    from halve.settings import Settings

LOOK_EVERY = 0.1
"""Seconds between looks at how far it is."""

GRACE = 2.0
"""Seconds that images in work have to end after Ctrl-C; the others are taken up again by the next run."""

_THE_ONE = "run"
"""The idempotency key of the one request that such a folder has."""


def check(job: Job, settings: Settings) -> None:
    """Raise SheetRefused for a sheet that would be, before anything that an earlier run made is removed for it."""
    with open_sheet(job.sheet, job.sheet.name, job.reading, sheet_limits(settings)) as sheet:
        for _ in sheet.rows():
            pass
        sheet.check()


async def run_whole(job: Job, settings: Settings, codec: CodecPool, show: Show) -> Result:
    """Run the sheet to its end, from wherever an earlier run left it. `settings` are those of the folder."""
    began = time.monotonic()
    images = RunFolder(job.folder, settings.data_dir, link=settings.memory == "link")
    async with (
        users_memory(settings, job.folder, look=not job.fresh) as memory,
        open_parts(settings if memory else replace(settings, memory="off"), images=images, memory=memory, codec=codec) as parts,
    ):
        request, begun_before = await _request(job, parts)
        again = request.finished and not (job.retry_failed and await parts.states.retry(request.id))
        if not again:
            request = await _to_the_end(parts, request, show)
        lost = await reopen_for_lost(parts.states, request, job.folder) if begun_before else 0
        if lost:
            again = False
            request = await _to_the_end(parts, request, show)
        elif again and not all((job.folder / key).is_file() for key in (request.output_key, request.failed_key) if key):
            await parts.pipeline.report(request)  # its user moved one away
        failures = await parts.states.products(request.id, limit=FAILURES_SHOWN, failed_only=True)
    seconds = time.monotonic() - began
    if again and request.created_at is not None and request.completed_at is not None:
        seconds = (request.completed_at - request.created_at).total_seconds()
    output_csv = job.folder / (request.output_key or "")
    failed_csv = job.folder / request.failed_key if request.failed_key else None
    if failed_csv is None:
        (job.folder / sheet_key(request, "failed")).unlink(missing_ok=True)  # of a round before, whose failures went well since
    return Result(request, seconds, output_csv, failed_csv, tuple(failures), again, lost)


async def _request(job: Job, parts: Parts) -> tuple[Request, bool]:
    """The request of the folder, and whether it was begun before."""
    fingerprint = await asyncio.to_thread(_fingerprint, job.sheet)
    new = new_request(
        filename=printable(job.sheet.name),
        options=job.options,
        sheet=job.reading,
        base_url=job.base_url,
        idempotency_key=_THE_ONE,
        fingerprint=fingerprint,
        readable=True,
    )
    request = await parts.states.by_idempotency_key("", _THE_ONE)
    if request is None:
        request = await accept(parts.states, parts.images, job.sheet, new, parts.sheet_limits)
        if await asyncio.to_thread(_fingerprint, job.sheet) != fingerprint:
            raise SheetRefused([findings.changed_meanwhile()])  # the copy that is reported need not be what was read before
        return request, False
    if differences := _differences(request, new):
        raise HalveError(
            f"{job.folder} holds a run with {', '.join(differences)}. Choose another folder with -o, or start over "
            "there with --fresh.",
            code="another_run",
        )
    return request, True


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
    failures: list[StoreFailed] = []
    news = asyncio.Event()

    def on_failure(error: StoreFailed) -> None:
        failures.append(error)
        news.set()

    async with open_worker(parts, keep=True, grace=GRACE, on_failure=on_failure, on_ended=news.set) as worker:
        worker.nudge()
        while True:
            latest = await parts.states.request(request.id)
            assert latest is not None, "nobody else erases it"
            show(latest)
            if latest.finished:
                return latest
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK_EVERY):
                    await news.wait()
            if failures:
                raise StoreFailed(
                    f"{failures[0]} Nothing that was done is lost: mend it and run the same command again."
                ) from failures[0]
