"""Alembic's migrations, inside the package: no `alembic.ini` is needed on disk.

A new one, from the difference between `tables.py` and the migrations so far:

    python -m halve.states.migrations "what changes, in a few words"

What all of them come to for SQLite is kept as text beside them, so that a new file needs neither Alembic nor SQLAlchemy.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from alembic.config import Config
    from sqlalchemy import Connection


REVISION = "0003"
"""The last migration; `tables.py` is what they come to."""

SQLITE = Path(__file__).with_name("sqlite.sql")
"""What makes these tables in SQLite. Each statement ends with a semicolon at the end of a line."""


def config(connection: Connection) -> Config:
    """What Alembic's commands take, to run on this connection and in its transaction."""
    from alembic.config import Config

    made = Config()
    made.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    made.attributes["connection"] = connection
    return made
