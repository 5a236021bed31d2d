"""Write a new migration from the difference between `tables.py` and the migrations so far, and `sqlite.sql` anew."""

from __future__ import annotations

import sys

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, create_mock_engine

from halve.states import migrations, tables


def main(message: str) -> str:
    """What was written, or why nothing was."""
    engine = create_engine("sqlite://")
    try:
        with engine.begin() as connection:
            config = migrations.config(connection)
            command.upgrade(config, "head")
            options = {"compare_type": True, "compare_server_default": True}
            if not compare_metadata(MigrationContext.configure(connection, opts=options), tables.metadata):
                return "The migrations make these tables already; there is nothing to write."
            head = ScriptDirectory.from_config(config).get_current_head() or "0000"
            following = f"{int(head) + 1:04}"
            command.revision(config, message, autogenerate=True, rev_id=following)
            migrations.SQLITE.write_text(for_sqlite(), encoding="utf-8")
            return f'Look it over, and set REVISION = "{following}" in {migrations.__file__}.'
    finally:
        engine.dispose()


def for_sqlite() -> str:
    """What makes the tables of `tables.py` in SQLite, as text."""
    statements: list[str] = []
    dialect = create_engine("sqlite://").dialect
    engine = create_mock_engine("sqlite://", lambda made, *_, **__: statements.append(str(made.compile(dialect=dialect)).strip()))
    tables.metadata.create_all(engine, checkfirst=False)
    statements.sort(key=lambda sql: (sql.startswith("CREATE VIEW"), not sql.startswith("CREATE TABLE"), sql))
    return ";\n\n".join(statements).replace(" \n", "\n") + ";\n"


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit('usage: python -m halve.states.migrations "what changes, in a few words"')
    print(main(sys.argv[1]))
