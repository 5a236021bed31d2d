"""A transaction in SQLite, by Python's own driver: SQLAlchemy would take a fifth of a second to load and, for each statement, as
long as SQLite itself. It is loaded only where older tables are to be migrated.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any

from halve.states import migrations
from halve.states.sql.dialects import SQLITE

if TYPE_CHECKING:
    from sqlalchemy import Connection


class SqliteTransaction:
    """Implements Transaction. The driver knows `:name` by itself, and prepares each statement once for a connection."""

    dialect = SQLITE

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def all(self, sql: str, **parameters: Any) -> Sequence[Any]:
        return self._execute(sql, parameters).fetchall()

    def one(self, sql: str, **parameters: Any) -> Any:
        cursor = self._execute(sql, parameters)
        row = cursor.fetchone()
        cursor.close()
        return row

    def value(self, sql: str, **parameters: Any) -> Any:
        row = self.one(sql, **parameters)
        return None if row is None else row[0]

    def change(self, sql: str, **parameters: Any) -> int:
        return self._execute(sql, parameters).rowcount

    def change_many(self, sql: str, rows: Sequence[Mapping[str, Any]]) -> int:
        return self._connection.executemany(_filled(sql), rows).rowcount if rows else 0

    def insert_many(self, table: str, columns: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> int:
        if not rows:
            return 0
        marks = ", ".join("?" * len(columns))
        return self._connection.executemany(
            f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks}) ON CONFLICT DO NOTHING", rows
        ).rowcount

    def has_table(self, name: str) -> bool:
        return self.value("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = :name", name=name) is not None

    def make_tables(self) -> None:
        for statement in migrations.SQLITE.read_text(encoding="utf-8").split(";\n"):
            self._connection.execute(statement)

    @contextmanager
    def lent(self) -> Iterator[Connection]:
        from sqlalchemy import StaticPool, create_engine
        from sqlalchemy.exc import DBAPIError

        self._connection.row_factory = None
        engine = create_engine(
            "sqlite+pysqlite://", creator=lambda: self._connection, poolclass=StaticPool, pool_reset_on_return=None
        )
        try:
            with engine.connect() as connection:
                self._connection.execute("BEGIN IMMEDIATE")  # what was begun was rolled back as the two met
                with connection.begin():
                    yield connection
        except DBAPIError as error:
            raise error.orig or error from error
        finally:
            self._connection.row_factory = Row

    def _execute(self, sql: str, parameters: Mapping[str, Any]) -> sqlite3.Cursor:
        sql = _filled(sql)
        lists = {name: value for name, value in parameters.items() if isinstance(value, list)}
        if not lists:
            return self._connection.execute(sql, parameters)
        single = {name: value for name, value in parameters.items() if name not in lists}
        for name, values in lists.items():
            marks = ", ".join(f":{name}_{n}" for n in range(len(values)))
            sql = re.sub(rf":{name}\b", f"({marks})", sql)
            single |= {f"{name}_{n}": value for n, value in enumerate(values)}
        return self._connection.execute(sql, single)


class Row(sqlite3.Row):
    """The driver's own, with columns as attributes."""

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except IndexError:
            raise AttributeError(name) from None

    def _asdict(self) -> dict[str, Any]:
        return dict(zip(self.keys(), self, strict=True))


@cache
def _filled(sql: str) -> str:
    """Statements are literals of this package, so there are some dozens of them."""
    return SQLITE.filled(sql)
