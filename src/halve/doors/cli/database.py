"""`halve init-db`: create or migrate the database."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from halve.doors.cli import flags
from halve.doors.cli.endings import told

if TYPE_CHECKING:
    from halve.settings import Settings


def init_db(
    data: Annotated[Path | None, flags.data("Folder of the embedded database.")] = None,
) -> None:
    """Create the database, or bring its tables up to date.

    May be run again and again, also while servers and workers are running. The
    embedded SQLite database needs no such call: every command that uses it does
    this by itself.

    For example:
      HALVE_DATABASE_URL=postgresql://me@db.example/halve halve init-db
    """
    with told():
        import asyncio

        from halve.backends import database_url
        from halve.doors.cli.terminal import out, without_password
        from halve.settings import read_settings

        settings = read_settings(data_dir=data)
        asyncio.run(_migrate(settings))
        out().print(f"The tables are up to date in {without_password(database_url(settings))}.", markup=False)


async def _migrate(settings: Settings) -> None:
    from halve.backends import open_states

    states = await open_states(settings)
    try:
        await states.migrate()
        await states.ready()
    finally:
        await states.close()
