"""A database server, through SQLAlchemy's async engine: functions run on it as they are, their waits hidden in greenlets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Concatenate

from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError

from halve.core.errors import ExtraMissing, OptionRefused
from halve.states.sql.dialects import POSTGRESQL
from halve.states.sql.errors import translated
from halve.states.sql.runner import PATIENCE, SETTING, P, T
from halve.states.sql.transaction import Transaction

CONNECTIONS = 8
"""Connections of one process at the most."""

_ONCE_MORE = ("40P01", "40001", "23505")
"""SQLSTATE of what a second attempt mends: a deadlock in which this one was chosen to yield, a serialization failure, a unique
key that another took a moment ago."""


class ServerRunner:
    def __init__(self, url: str) -> None:
        """Connects when first used. Raises OptionRefused for a URL that cannot be, ExtraMissing without the driver."""
        from sqlalchemy.ext.asyncio import create_async_engine

        try:
            parsed = make_url(url)
        except ArgumentError:
            raise OptionRefused(
                SETTING, f"{SETTING} is not a URL such as postgresql://host/database.", code="bad_setting"
            ) from None
        self.where = parsed.set(query={}).render_as_string(hide_password=True)
        try:
            self._engine = create_async_engine(
                parsed.set(drivername="postgresql+psycopg"),
                pool_size=CONNECTIONS,
                max_overflow=0,
                pool_timeout=PATIENCE,
                pool_pre_ping=True,
            )
        except ModuleNotFoundError as error:
            raise ExtraMissing("postgresql:// needs psycopg, which is not installed: pip install 'psycopg[binary]'.") from error

    async def read(self, function: Callable[Concatenate[Transaction, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        with translated(self.where):
            async with self._engine.connect() as connection:
                await connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
                async with connection.begin():
                    return await connection.run_sync(lambda inner: function(Transaction(inner, POSTGRESQL), *args, **kwargs))

    async def write(self, function: Callable[Concatenate[Transaction, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        with translated(self.where):
            for attempts_left in (2, 1, 0):
                try:
                    async with self._engine.begin() as connection:
                        return await connection.run_sync(lambda inner: function(Transaction(inner, POSTGRESQL), *args, **kwargs))
                except DBAPIError as error:
                    if not attempts_left or getattr(error.orig, "sqlstate", None) not in _ONCE_MORE:
                        raise
        raise AssertionError("the last attempt returns or raises")

    async def write_lightly(self, function: Callable[Concatenate[Transaction, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        return await self.write(function, *args, **kwargs)

    async def close(self) -> None:
        await self._engine.dispose()
