"""Alembic's migrations, inside the package: no `alembic.ini` is needed on disk.

A new one, from the difference between `tables.py` and the migrations so far:

    python -m halve.states.migrations "what changes, in a few words"
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from alembic.config import Config
    from sqlalchemy import Connection


def config(connection: Connection) -> Config:
    """What Alembic's commands take, to run on this connection and in its transaction."""
    from alembic.config import Config

    made = Config()
    made.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    made.attributes["connection"] = connection
    return made
