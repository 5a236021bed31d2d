"""Write a new migration from the difference between `tables.py` and the migrations so far."""

from __future__ import annotations

import sys

from alembic import command
from sqlalchemy import create_engine

from halve.states import migrations


def main(message: str) -> None:
    with create_engine("sqlite://").begin() as connection:
        config = migrations.config(connection)
        command.upgrade(config, "head")
        command.revision(config, message, autogenerate=True)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit('usage: python -m halve.states.migrations "what changes, in a few words"')
    main(sys.argv[1])
