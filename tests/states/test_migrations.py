"""The migrations, replayed from nothing, make exactly the tables that the code believes in."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata, produce_migrations
from alembic.migration import MigrationContext
from alembic.operations.ops import OpContainer
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine, text

from halve.core.errors import StoreFailed
from halve.states import migrations, tables
from halve.states.migrations.__main__ import for_sqlite, main
from halve.states.sql import SqlStates, schema
from halve.states.sql.alchemy import AlchemyTransaction
from halve.states.sql.dialects import POSTGRESQL
from halve.states.sql.sqlite_transaction import SqliteTransaction
from halve.states.sql.transaction import Transaction
from tests.contract import elsewhere
from tests.contract.sample import LEASE, upload


@pytest.fixture(params=["sqlite", "postgresql"])
def empty(request: pytest.FixtureRequest) -> Iterator[Callable[[], Engine]]:
    """Makes engines, each of an empty database of its own."""
    with ExitStack() as stack:

        def make() -> Engine:
            url = "sqlite://"
            if request.param == "postgresql":
                url = stack.enter_context(elsewhere.postgres_database()).replace("postgresql:", "postgresql+psycopg:")
            engine = create_engine(url)
            stack.callback(engine.dispose)
            return engine

        yield make


@pytest.fixture
def connection(empty: Callable[[], Engine]) -> Iterator[Connection]:
    with empty().begin() as connection:
        yield connection


def test_replayed_migrations_leave_no_difference(connection: Connection) -> None:
    command.upgrade(migrations.config(connection), "head")
    context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
    assert compare_metadata(context, tables.metadata) == []
    upgrade = produce_migrations(context, tables.metadata).upgrade_ops
    assert isinstance(upgrade, OpContainer)
    assert upgrade.ops == []


def test_tables_made_at_once_are_those_of_the_migrations(empty: Callable[[], Engine]) -> None:
    """A new database is made without replaying them; it must not be told from one that was migrated. Alembic itself compares
    neither what an index leaves out nor views.
    """
    with empty().begin() as connection:
        schema.upgrade(_transaction(connection), "here")
        assert connection.scalar(text("SELECT version_num FROM alembic_version")) == migrations.REVISION
        of_made = _everything(connection)
    with empty().begin() as connection:
        for revision in _revisions(connection):
            command.upgrade(migrations.config(connection), revision)
        of_migrated = _everything(connection)
    assert of_made == of_migrated
    assert {"alembic_version", "requests", "image_requests"} <= of_made.keys()
    assert sum("where" in str(sql).lower() for sql in of_made.values()) > 10


def test_what_was_stored_survives_every_step(connection: Connection) -> None:
    """From the first tables on, with a request in work."""
    first, *later = _revisions(connection)
    command.upgrade(migrations.config(connection), first)
    connection.execute(
        text(
            "INSERT INTO requests (id, stage, status, owner, filename, folder, secret, options, sheet, base_url, created_at)"
            " VALUES ('r', 'published', 'processing', '', 'a.csv', 'f', 's', '{}', '{}', '', 1.5)"
        )
    )
    connection.execute(
        text(
            "INSERT INTO products (request_seq, request_id, row, place, serial, product_name, input_urls, state)"
            " VALUES (1, 'r', 1, 1, '1', 'Cup', '[\"https://shop.test/1.jpg\"]', 'ready')"
        )
    )
    for revision in later:
        command.upgrade(migrations.config(connection), revision)
    schema.upgrade(_transaction(connection), "here")  # there is nothing left to do
    [row] = connection.execute(text("SELECT request_id, status, product_name, output_urls FROM image_requests"))
    assert tuple(row) == ("r", "processing", "Cup", None)


def test_there_is_one_line_of_migrations_and_the_code_knows_its_end(connection: Connection) -> None:
    assert ScriptDirectory.from_config(migrations.config(connection)).get_heads() == [migrations.REVISION]


def test_numbers_of_requests_are_never_given_twice(connection: Connection) -> None:
    """An erased request's number must not name a younger one: its rows may still be on their way out."""
    command.upgrade(migrations.config(connection), "head")
    numbers = []
    for _ in range(3):
        connection.execute(
            text(
                "INSERT INTO requests (id, stage, status, owner, filename, folder, secret, options, sheet, base_url, created_at)"
                " VALUES ('r', 'published', 'pending', '', 'a.csv', 'f', 's', '{}', '{}', '', 1.5)"
            )
        )
        numbers.append(connection.scalar(text("SELECT seq FROM requests")))
        connection.execute(text("DELETE FROM requests"))
    assert numbers == [1, 2, 3]


def test_nothing_is_written_where_nothing_changed() -> None:
    assert "nothing to write" in main("no change")


def test_the_tables_of_sqlite_as_text_are_those_of_the_code() -> None:
    assert migrations.SQLITE.read_text(encoding="utf-8") == for_sqlite(), "python -m halve.states.migrations writes it"


async def test_an_older_file_is_migrated_and_worked_on(tmp_path: Path) -> None:
    engine = create_engine(f"sqlite:///{tmp_path}/halve.db")
    with engine.begin() as connection:
        command.upgrade(migrations.config(connection), _revisions(connection)[0])
    engine.dispose()
    states = await SqlStates.open(f"sqlite:///{tmp_path}/halve.db")
    try:
        with pytest.raises(StoreFailed, match="halve init-db"):
            await states.ready()
        await states.migrate()
        await states.ready()
        request = await upload(states, 3)
        assert len(await states.claim("worker", 5, lease=LEASE)) == 3
        assert await states.request(request.id) is not None
    finally:
        await states.close()


async def test_a_migration_that_fails_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    engine = create_engine(f"sqlite:///{tmp_path}/halve.db")
    with engine.begin() as connection:
        command.upgrade(migrations.config(connection), _revisions(connection)[0])
        connection.execute(text("CREATE VIEW image_requests AS SELECT 1"))  # where the last migration makes one
        before = _everything(connection)
    states = await SqlStates.open(f"sqlite:///{tmp_path}/halve.db")
    with pytest.raises(StoreFailed, match="image_requests already exists"):
        await states.migrate()
    await states.close()
    with engine.begin() as connection:
        assert _everything(connection) == before
        assert connection.scalar(text("SELECT version_num FROM alembic_version")) == _revisions(connection)[0]
    engine.dispose()


def _transaction(connection: Connection) -> Transaction:
    driver = connection.connection.driver_connection
    return SqliteTransaction(driver) if isinstance(driver, sqlite3.Connection) else AlchemyTransaction(connection, POSTGRESQL)


def _revisions(connection: Connection) -> list[str]:
    """All of them, the first one first."""
    scripts = ScriptDirectory.from_config(migrations.config(connection))
    return [script.revision for script in scripts.walk_revisions()][::-1]


def _everything(connection: Connection) -> dict[str, object]:
    """What is there, without regard to which column of a table comes first."""
    if connection.dialect.name == "sqlite":  # what it was told to make, blanks and line breaks aside
        found = connection.execute(text("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL"))
        return {thing.name: sorted("".join(thing.sql.split()).strip(")").split(",")) for thing in found}
    found = connection.execute(
        text(
            "SELECT table_name AS name, array_agg(concat_ws(' ', column_name, data_type, character_maximum_length, is_nullable,"
            " replace(column_default, current_schema() || '.', '')) ORDER BY column_name) AS is_like"
            " FROM information_schema.columns WHERE table_schema = current_schema() GROUP BY table_name"
            " UNION ALL SELECT indexname, ARRAY[replace(indexdef, current_schema() || '.', '')] FROM pg_indexes"
            " WHERE schemaname = current_schema()"
            " UNION ALL SELECT viewname || ' as', ARRAY[definition] FROM pg_views WHERE schemaname = current_schema()"
        )
    )
    return {thing.name: thing.is_like for thing in found}
