"""PostgreSQL, through SQLAlchemy's async engine: functions run on it as they are, their waits hidden in greenlets."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Concatenate

from psycopg import Error as DriverError
from psycopg.conninfo import conninfo_to_dict
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine

from halve.core.errors import OptionRefused
from halve.states.sql import SqlStates
from halve.states.sql.alchemy import AlchemyTransaction
from halve.states.sql.dialects import POSTGRESQL
from halve.states.sql.runner import PATIENCE, SETTING, P, T
from halve.states.sql.server_errors import translated
from halve.states.sql.transaction import Transaction

CONNECTIONS = 8
"""Connections of one process at the most. They are made when they are needed, and kept."""

DEFAULTS: dict[str, Any] = {
    "application_name": "halve",
    "client_encoding": "utf8",
    "connect_timeout": 10,
    "keepalives_idle": 30,
    "tcp_user_timeout": 30_000,  # milliseconds in which what was sent must have arrived
}
"""Where the URL says nothing else: https://www.postgresql.org/docs/current/libpq-connect.html."""

_ONCE_MORE = ("40P01", "40001", "23505")
"""SQLSTATE of what a further attempt mends: a deadlock in which this one was chosen to yield, a serialization failure, a unique
key that another took a moment ago."""


class PostgresStates(SqlStates):
    @classmethod
    async def open(cls, url: str) -> PostgresStates:
        """Ready to connect to `postgresql://user:password@host:port/database?options`; that happens when it is needed. Tables are
        `migrate`'s. Raises OptionRefused for a URL that cannot be.
        """
        return cls(ServerRunner(url))


class ServerRunner:
    def __init__(self, url: str) -> None:
        given = _parameters(url)
        self.where = _named(given)
        self._engine = create_async_engine(
            "postgresql+psycopg://",
            connect_args=DEFAULTS | given,
            isolation_level="READ COMMITTED",  # whatever the server's default is: rows are locked here, and nobody need yield
            pool_size=CONNECTIONS,
            max_overflow=0,
            pool_timeout=PATIENCE,
            use_native_hstore=False,  # spares a question at the start
        )

    async def read(self, function: Callable[Concatenate[Transaction, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        def look(transaction: Transaction) -> T:
            transaction.change("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            return function(transaction, *args, **kwargs)

        return await self._run(look)

    async def write(self, function: Callable[Concatenate[Transaction, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        return await self._run(lambda transaction: function(transaction, *args, **kwargs))

    async def write_lightly(self, function: Callable[Concatenate[Transaction, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        return await self.write(function, *args, **kwargs)

    async def close(self) -> None:
        await self._engine.dispose()

    async def _run(self, function: Callable[[Transaction], T]) -> T:
        """A connection that was cut since it was last used is replaced, and the function run anew: it has changed nothing yet.
        Where it is cut in the commit, nobody knows what became of it, and that is said.
        """
        with translated(self.where):
            for attempts_left in (2, 1, 0):
                committing = False
                try:
                    async with self._engine.begin() as connection:
                        result = await connection.run_sync(lambda inner: function(AlchemyTransaction(inner, POSTGRESQL)))
                        committing = True
                except DBAPIError as error:
                    cut = error.connection_invalidated and not committing
                    if not attempts_left or not (cut or getattr(error.orig, "sqlstate", None) in _ONCE_MORE):
                        raise
                else:
                    return result
        raise AssertionError("the last attempt returns or raises")


def _complaint(text: str) -> str:
    """What libpq says of a URL without what it quotes: that may be the password."""
    if "query parameter" in text:
        return text
    return re.sub('".*"', "it", text.partition(': "')[0].removesuffix(" in URI"), flags=re.DOTALL)


def _parameters(url: str) -> dict[str, Any]:
    """What libpq takes, out of a URL as it takes them: several hosts, sockets, TLS and all."""
    scheme, colon, rest = url.partition(":")
    try:
        given = conninfo_to_dict(f"postgresql:{rest}") if colon and rest.startswith("//") else {}
    except DriverError as error:
        raise OptionRefused(SETTING, f"{SETTING} cannot be read: {_complaint(str(error).strip())}.", code="bad_setting") from None
    if "@" in rest.removeprefix("//").partition("/")[2].partition("?")[0]:  # libpq would take part of a password for the database
        raise OptionRefused(
            SETTING,
            f"{SETTING} has an @ behind its host; in a password, / ? # @ are written %2F %3F %23 %40.",
            code="bad_setting",
        )
    if not all(map(_possible, str(given.get("host") or "").split(","))):
        raise OptionRefused(SETTING, f"{SETTING} names a host that there cannot be.", code="bad_setting")
    if not given.get("dbname"):
        raise OptionRefused(
            SETTING, f"{SETTING} must name a database, as {scheme}://user:password@host:5432/database does.", code="bad_setting"
        )
    return given


def _possible(host: str) -> bool:
    """Whether it is a socket's folder, or a name that can be looked up: no part of it is empty, or longer than 63 letters."""
    if host.startswith(("/", "@")):
        return True
    try:
        host.encode("idna")
    except UnicodeError:
        return False
    return True


def _named(given: dict[str, Any]) -> str:
    """Without user, password and options."""
    port = given.get("port", "").strip(",")
    return f"postgresql://{given.get('host') or ''}{port and f':{port}'}/{given['dbname']}"
