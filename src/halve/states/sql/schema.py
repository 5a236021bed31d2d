"""Whether the tables are there, and making them so. Alembic is loaded only where there are older ones to migrate."""

from __future__ import annotations

from halve.core.errors import StoreFailed
from halve.states import migrations
from halve.states.sql.errors import NOT_UTF8, OUTDATED
from halve.states.sql.transaction import Transaction


def revision(tx: Transaction) -> str | None:
    """Which migration was the last one here; None: none was."""
    if not tx.has_table("alembic_version"):
        return None
    found: str | None = tx.value("SELECT version_num FROM alembic_version")
    return found


def current(tx: Transaction) -> bool:
    return revision(tx) == migrations.REVISION


def check(tx: Transaction, where: str) -> None:
    if not current(tx):
        raise StoreFailed(OUTDATED.format(where=where))


def upgrade(tx: Transaction, where: str) -> None:
    """All of it in this one transaction; a second process waits for it to end, and then finds nothing to do.

    Where there is nothing yet, the tables are made as they are now: Alembic takes a fifth of a second to load and to replay.
    """
    if tx.dialect.migrating is not None:
        tx.value(tx.dialect.migrating)
    here = revision(tx)
    if here == migrations.REVISION:
        return
    if here is None and not tx.has_table("requests"):
        if tx.dialect.encoding is not None and tx.value(tx.dialect.encoding) != "UTF8":
            raise StoreFailed(NOT_UTF8.format(where=where))
        _make(tx)
        return
    from alembic import command
    from alembic.script import ScriptDirectory

    with tx.lent() as connection:
        config = migrations.config(connection)
        if here is not None and here not in {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}:
            raise StoreFailed(
                f"The database {where} was made by a newer version of halve (its tables are {here}): install that one."
            )
        command.upgrade(config, "head")


def _make(tx: Transaction) -> None:
    """The tables, and the mark that Alembic would have left."""
    tx.make_tables()
    tx.change(
        "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL, CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num))"
    )
    tx.change("INSERT INTO alembic_version (version_num) VALUES (:revision)", revision=migrations.REVISION)
