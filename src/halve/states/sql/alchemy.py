"""A transaction on a connection of SQLAlchemy's: how the functions of this package reach a server."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, TextClause, bindparam, inspect, text

from halve.states import tables
from halve.states.sql.dialects import Dialect

_prepared: dict[tuple[str, Dialect], TextClause] = {}
"""Statements are literals of this package, so there are some dozens of them; kept, they are compiled once."""


class AlchemyTransaction:
    """Implements Transaction."""

    def __init__(self, connection: Connection, dialect: Dialect) -> None:
        self.connection = connection
        self.dialect = dialect

    def all(self, sql: str, **parameters: Any) -> Sequence[Any]:
        return self.connection.execute(self._statement(sql, parameters), parameters).all()

    def one(self, sql: str, **parameters: Any) -> Any:
        return self.connection.execute(self._statement(sql, parameters), parameters).first()

    def value(self, sql: str, **parameters: Any) -> Any:
        row = self.one(sql, **parameters)
        return None if row is None else row[0]

    def change(self, sql: str, **parameters: Any) -> int:
        return self.connection.execute(self._statement(sql, parameters), parameters).rowcount

    def change_many(self, sql: str, rows: Sequence[Mapping[str, Any]]) -> int:
        return self.connection.execute(self._statement(sql, {}), rows).rowcount if rows else 0

    def insert_many(self, table: str, columns: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> int:
        """One array for each column: half the server's work of a statement for each row."""
        if not rows:
            return 0
        types = (tables.metadata.tables[table].c[name].type.compile(self.connection.dialect) for name in columns)
        arrays = ", ".join(f"CAST(%s AS {type}[])" for type in types)
        return self.connection.exec_driver_sql(
            f"INSERT INTO {table} ({', '.join(columns)}) SELECT * FROM unnest({arrays}) ON CONFLICT DO NOTHING",
            tuple(map(list, zip(*rows, strict=True))),
        ).rowcount

    def has_table(self, name: str) -> bool:
        return inspect(self.connection).has_table(name)

    def make_tables(self) -> None:
        tables.metadata.create_all(self.connection, checkfirst=False)

    @contextmanager
    def lent(self) -> Iterator[Connection]:
        yield self.connection

    def _statement(self, sql: str, parameters: Mapping[str, Any]) -> TextClause:
        statement = _prepared.get((sql, self.dialect))
        if statement is None:
            statement = text(self.dialect.filled(sql))
            lists = [name for name, value in parameters.items() if isinstance(value, list)]
            statement = statement.bindparams(*(bindparam(name, expanding=True) for name in lists))
            _prepared[sql, self.dialect] = statement
        return statement
