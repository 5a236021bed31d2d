"""Whether the tables are there, and making them so. Alembic is loaded only where there is something to migrate."""

from __future__ import annotations

from sqlalchemy import inspect

from halve.core.errors import StoreFailed
from halve.states import migrations, tables
from halve.states.sql.errors import OUTDATED
from halve.states.sql.transaction import Transaction


def revision(tx: Transaction) -> str | None:
    """Which migration was the last one here; None: none was."""
    if not inspect(tx.connection).has_table("alembic_version"):
        return None
    found: str | None = tx.value("SELECT version_num FROM alembic_version")
    return found


def current(tx: Transaction) -> bool:
    return revision(tx) == tables.REVISION


def check(tx: Transaction, where: str) -> None:
    if not current(tx):
        raise StoreFailed(OUTDATED.format(where=where))


def upgrade(tx: Transaction) -> None:
    """All of it in this one transaction; a second process waits for it to end, and then finds nothing to do."""
    from alembic import command

    if tx.dialect.migrating is not None:
        tx.value(tx.dialect.migrating)
    command.upgrade(migrations.config(tx.connection), "head")
