"""A transaction, as the functions of this package see it: a few verbs over statements in plain SQL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, Protocol

from halve.states.sql.dialects import Dialect

if TYPE_CHECKING:
    from sqlalchemy import Connection


class Transaction(Protocol):
    """`:name` stands for a parameter; one that is a list is for `IN :name`. `{now}`, `{locked}`, `{free}`: see Dialect.

    A row gives its columns in their order, each by its name too, and all of them as a dictionary by `_asdict()`.
    """

    @property
    def dialect(self) -> Dialect: ...

    def all(self, sql: str, **parameters: Any) -> Sequence[Any]: ...

    def one(self, sql: str, **parameters: Any) -> Any:
        """The first row, or None."""

    def value(self, sql: str, **parameters: Any) -> Any:
        """The first column of the first row, or None."""

    def change(self, sql: str, **parameters: Any) -> int:
        """How many rows were changed."""

    def change_many(self, sql: str, rows: Sequence[Mapping[str, Any]]) -> int:
        """One statement for many rows; how many were changed, all together."""

    def insert_many(self, table: str, columns: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> int:
        """Insert rows, passing over those that are there already; how many were inserted. Handed to the driver as they are."""

    def has_table(self, name: str) -> bool: ...

    def make_tables(self) -> None:
        """All of `tables.py`, where there is nothing yet."""

    def lent(self) -> AbstractContextManager[Connection]:
        """What SQLAlchemy calls a connection, in a transaction, for Alembic. Nothing may have been changed before, nor be after."""
