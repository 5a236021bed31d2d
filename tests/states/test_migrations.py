"""The migrations, replayed from nothing, make exactly the tables that the code believes in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata, produce_migrations
from alembic.migration import MigrationContext
from alembic.operations.ops import OpContainer
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, inspect, text

from halve.states import migrations, tables
from halve.states.migrations.__main__ import main
from halve.states.sql import schema
from halve.states.sql.dialects import SQLITE
from halve.states.sql.transaction import Transaction


@pytest.fixture
def connection() -> Iterator[Connection]:
    engine = create_engine("sqlite://")
    with engine.begin() as connection:
        yield connection
    engine.dispose()


def test_replayed_migrations_leave_no_difference(connection: Connection) -> None:
    command.upgrade(migrations.config(connection), "head")
    context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
    assert compare_metadata(context, tables.metadata) == []
    upgrade = produce_migrations(context, tables.metadata).upgrade_ops
    assert isinstance(upgrade, OpContainer)
    assert upgrade.ops == []


def test_partial_indexes_are_the_same_too(connection: Connection) -> None:
    """Alembic does not compare what an index leaves out."""
    command.upgrade(migrations.config(connection), "head")
    replayed = _indexes(connection)
    connection.execute(text("DROP TABLE requests"))
    connection.execute(text("DROP TABLE products"))
    connection.execute(text("DROP TABLE deliveries"))
    tables.metadata.create_all(connection)
    assert _indexes(connection) == replayed
    assert sum(" WHERE " in sql for sql in replayed.values()) > 10


def test_tables_made_at_once_are_those_of_the_migrations(tmp_path: Path) -> None:
    """A new database is made without replaying them; it must not be told from one that was migrated."""
    made, migrated = (create_engine(f"sqlite:///{tmp_path / name}.db") for name in ("made", "migrated"))
    with made.begin() as connection:
        schema.upgrade(Transaction(connection, SQLITE), "here")
        assert connection.scalar(text("SELECT version_num FROM alembic_version")) == tables.REVISION
        of_made = _everything(connection)
    with migrated.begin() as connection:
        command.upgrade(migrations.config(connection), "head")
        of_migrated = _everything(connection)
    made.dispose()
    migrated.dispose()
    assert of_made == of_migrated
    assert "alembic_version" in of_made


def test_there_is_one_line_of_migrations_and_the_code_knows_its_end(connection: Connection) -> None:
    scripts = ScriptDirectory.from_config(migrations.config(connection))
    assert scripts.get_heads() == [tables.REVISION]


def test_numbers_of_requests_are_never_given_twice(connection: Connection) -> None:
    """An erased request's number must not name a younger one: its rows may still be on their way out."""
    command.upgrade(migrations.config(connection), "head")
    assert "AUTOINCREMENT" in str(connection.scalar(text("SELECT sql FROM sqlite_master WHERE name = 'requests'")))
    assert "id" in {column["name"] for column in inspect(connection).get_columns("requests")}


def test_nothing_is_written_where_nothing_changed() -> None:
    assert "nothing to write" in main("no change")


def _everything(connection: Connection) -> dict[str, str]:
    """What SQLite was told to make, without regard to blanks and line breaks, or to which line of a table comes first."""
    found = connection.execute(text("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL"))
    return {thing.name: ",".join(sorted("".join(thing.sql.split()).strip(")").split(","))) for thing in found}


def _indexes(connection: Connection) -> dict[str, str]:
    found = connection.execute(text("SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"))
    return {index.name: index.sql for index in found}
