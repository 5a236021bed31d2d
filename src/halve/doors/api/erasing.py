"""What is left to do when a request is erased while images of it are in work.

Workers only notice at their next write that it is all over, so what they stored by then is deleted after them. A note in the data
folder says that this is to be done; a server that starts and finds one goes on with it.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

from halve.core.errors import StoreFailed
from halve.doors.api.context import Context

STRAGGLERS = 30.0
"""Seconds beyond a download's own time within which an image that was in work when its request was erased can still be stored."""


def note(context: Context, folder: str) -> None:
    """Write down that the request's folder is to be swept. StoreFailed where it cannot be."""
    try:
        _notes(context).mkdir(exist_ok=True)
        (_notes(context) / folder).touch()
    except OSError as error:
        raise StoreFailed(f"{_notes(context)} cannot be written to: {error.strerror}.") from error


def sweep(context: Context, folder: str) -> None:
    """Empty the folder again and again, on the side, until nobody can be at work on it."""
    context.aside(_swept(context, folder))


def go_on(context: Context) -> None:
    """Sweep what a server that was stopped meant to."""
    for path in _notes(context).glob("*"):
        sweep(context, path.name)


async def _swept(context: Context, folder: str) -> None:
    for pause in (0.0, 1.0, 3.0, 10.0, context.parts.settings.fetch_timeout + STRAGGLERS):
        await asyncio.sleep(pause)
        await _emptied(context, folder)
    (_notes(context) / folder).unlink(missing_ok=True)


async def _emptied(context: Context, folder: str) -> None:
    """Once the store lets it be."""
    while True:
        try:
            return await context.parts.images.delete_folder(folder)
        except StoreFailed:
            await asyncio.sleep(STRAGGLERS)


def _notes(context: Context) -> Path:
    return context.parts.settings.data_dir / "erased"
