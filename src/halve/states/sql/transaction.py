"""A transaction, as the functions of this package see it: a few verbs over statements in plain SQL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, TextClause, bindparam, text

from halve.states import tables
from halve.states.sql.dialects import Dialect

_prepared: dict[tuple[str, Dialect], TextClause] = {}
"""Statements are literals of this package, so there are some dozens of them; kept, they are compiled once."""


class Transaction:
    """`:name` stands for a parameter; one that is a list is for `IN :name`. `{now}`, `{locked}`, `{free}`: see Dialect."""

    def __init__(self, connection: Connection, dialect: Dialect) -> None:
        self.connection = connection
        self.dialect = dialect

    def all(self, sql: str, **parameters: Any) -> Sequence[Any]:
        return self.connection.execute(self._statement(sql, parameters), parameters).all()

    def one(self, sql: str, **parameters: Any) -> Any:
        """The first row, or None."""
        return self.connection.execute(self._statement(sql, parameters), parameters).first()

    def value(self, sql: str, **parameters: Any) -> Any:
        """The first column of the first row, or None."""
        row = self.one(sql, **parameters)
        return None if row is None else row[0]

    def change(self, sql: str, **parameters: Any) -> int:
        """How many rows were changed."""
        return self.connection.execute(self._statement(sql, parameters), parameters).rowcount

    def change_many(self, sql: str, rows: Sequence[Mapping[str, Any]]) -> int:
        """One statement for many rows; how many were changed, all together."""
        return self.connection.execute(self._statement(sql, {}), rows).rowcount if rows else 0

    def insert_many(self, table: str, columns: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> int:
        """Insert rows, passing over those that are there already; how many were inserted. Handed to the driver as they are."""
        if not rows:
            return 0
        given: Any = list(rows)
        marks = [self.dialect.mark] * len(columns)
        values = f"VALUES ({', '.join(marks)})"
        if self.dialect.in_columns:
            types = (tables.metadata.tables[table].c[name].type.compile(self.connection.dialect) for name in columns)
            given = tuple(map(list, zip(*rows, strict=True)))
            values = (
                f"SELECT * FROM unnest({', '.join(f'CAST({mark} AS {type}[])' for mark, type in zip(marks, types, strict=True))})"
            )
        return self.connection.exec_driver_sql(
            f"INSERT INTO {table} ({', '.join(columns)}) {values} ON CONFLICT DO NOTHING", given
        ).rowcount

    def _statement(self, sql: str, parameters: Mapping[str, Any]) -> TextClause:
        statement = _prepared.get((sql, self.dialect))
        if statement is None:
            words = self.dialect
            filled = sql.replace("{now}", words.now).replace("{locked}", words.locked).replace("{free}", words.free)
            statement = text(filled)
            lists = [name for name, value in parameters.items() if isinstance(value, list)]
            statement = statement.bindparams(*(bindparam(name, expanding=True) for name in lists))
            _prepared[sql, self.dialect] = statement
        return statement
