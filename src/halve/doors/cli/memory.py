"""What `halve run` remembers from one sheet to the next: a database in the user's cache folder, shared by all their runs.

It holds hashes and where outputs are, never pictures. It may be removed at any time, and no run fails for want of it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from halve import __version__
from halve.core.errors import HalveError, StoreFailed
from halve.core.log import Log
from halve.core.memory import Memory
from halve.settings import Settings
from halve.states.sql import SqlStates

log = Log(__name__)


@asynccontextmanager
async def users_memory(settings: Settings, folder: Path, *, look: bool) -> AsyncIterator[Memory | None]:
    """None where it is switched off, or cannot be had. `folder`: where this run's outputs go. `look` False: learn only."""
    shelf = await _opened(settings) if settings.memory != "off" else None
    if shelf is None:
        yield None
        return
    memory = Memory(
        shelf, days=settings.keep_days, codec=__version__, address=lambda key: str((folder / key).absolute()), look=look
    )
    try:
        yield memory
    finally:
        await memory.close()
        try:
            await shelf.sweep()
        except StoreFailed as error:
            log.warning("memory not swept", reason=str(error))
        await shelf.close()


async def _opened(settings: Settings) -> SqlStates | None:
    try:
        shelf = await SqlStates.open(f"sqlite:///{settings.cache_folder / 'memory.db'}")
    except HalveError as error:
        log.warning("runs before this one are not remembered", reason=str(error))
        return None
    try:
        await shelf.migrate()
    except HalveError as error:
        log.warning("runs before this one are not remembered", reason=str(error))
        await shelf.close()
        return None
    return shelf
