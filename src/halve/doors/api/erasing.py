"""What is left to do when a request is erased while images of it are in work.

Workers only notice at their next write that it is all over, so what they stored by then is deleted after them. A note in the data
folder says that this is to be done; a server that starts and finds one goes on with it, and with the erasing itself if that was cut
short.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

from halve.core.errors import StoreFailed
from halve.core.models import Request, Status
from halve.doors.api.context import Context

STRAGGLERS = 30.0
"""Seconds beyond a download's own time within which an image that was in work when its request was erased can still be stored."""


def in_work(context: Context, request: Request) -> bool:
    """Whether something of it may still be stored. One that was cancelled ends before the images do which were begun, and of one
    that has just ended two workers may have been writing the sheets, of which one is not done.
    """
    if request.completed_at is None or request.status is Status.CANCELLED:
        return True
    return datetime.now(UTC) - request.completed_at < timedelta(seconds=_late(context))


def _late(context: Context) -> float:
    """Seconds after which nobody can be at work on it."""
    return context.parts.settings.fetch_timeout + STRAGGLERS


def note(context: Context, request: Request) -> None:
    """Write down that the request is being erased, and its folder to be swept. StoreFailed where it cannot be."""
    try:
        _notes(context).mkdir(exist_ok=True)
        _note(context, request.folder, request.id).touch()
    except OSError as error:
        raise StoreFailed(f"{_notes(context)} cannot be written to: {error.strerror}.") from error


def sweep(context: Context, request: Request) -> None:
    """Empty the folder again and again, on the side, until nobody can be at work on it."""
    context.aside(_swept(context, request.folder, request.id))


def go_on(context: Context) -> None:
    """Go on with what a server that was stopped had begun."""
    for path in _notes(context).glob("*.*"):
        with suppress(ValueError):  # no note of ours
            context.aside(_swept(context, path.stem, UUID(path.suffix[1:])))


async def _swept(context: Context, folder: str, request_id: UUID) -> None:
    for pause in (0.0, 1.0, 3.0, 10.0, _late(context)):
        await asyncio.sleep(pause)
        await _erased(context, folder, request_id)
    _note(context, folder, request_id).unlink(missing_ok=True)


async def _erased(context: Context, folder: str, request_id: UUID) -> None:
    """Once the stores let it be. The request goes, too: without its sheet it could never end."""
    while True:
        try:
            await context.parts.images.delete_folder(folder)
            return await context.parts.states.erase(request_id)
        except StoreFailed:
            await asyncio.sleep(STRAGGLERS)


def _note(context: Context, folder: str, request_id: UUID) -> Path:
    return _notes(context) / f"{folder}.{request_id}"


def _notes(context: Context) -> Path:
    return context.parts.settings.data_dir / "erased"
