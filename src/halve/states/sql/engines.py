"""How transactions are run: in threads of our own for SQLite, on an async driver for a server.

A transaction is a plain function of a Transaction and runs from its beginning to its end in one go. On SQLite that is one hop
to a thread and back, where a hop for every statement, cursor and fetch costs six times the CPU time.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

from sqlalchemy import Engine, QueuePool, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError

from halve.core.errors import ExtraMissing, OptionRefused, StoreFailed
from halve.states.sql.dialects import POSTGRESQL, SQLITE
from halve.states.sql.errors import translated
from halve.states.sql.transaction import Transaction

T = TypeVar("T")
P = ParamSpec("P")

BUSY_TIMEOUT = 30.0
"""Seconds that a writer waits for its turn among the processes that write to one SQLite file."""

READERS = 3
"""Threads, and connections, that read an SQLite file at once in one process."""

_SETTING = "HALVE_DATABASE_URL"


class Runner(Protocol):
    """Runs functions as transactions. All of it raises StoreFailed where the database fails; nothing of the function stays then."""

    @property
    def where(self) -> str:
        """Names the database to people."""

    async def read(self, function: Callable[Concatenate[Transaction, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a function that only looks; it sees one state of the database throughout."""

    async def write(self, function: Callable[Concatenate[Transaction, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a function that changes things: on return it is on disk, or has failed as a whole."""

    async def write_lightly(self, function: Callable[Concatenate[Transaction, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """As `write`, but a power cut soon after may undo it (a killed process may not): for leases, which it ends anyway."""

    async def close(self) -> None: ...


async def open_runner(url: str) -> Runner:
    """Raises OptionRefused for a URL that cannot be, StoreFailed where the database cannot be opened."""
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise OptionRefused(_SETTING, f"{_SETTING} is not a URL such as sqlite:///halve.db.", code="bad_setting") from None
    if parsed.get_backend_name() == "sqlite":
        return await SqliteRunner.open(parsed)
    return ServerRunner(parsed)


class SqliteRunner:
    """One thread writes, some read. Between processes, `BEGIN IMMEDIATE` and the busy timeout queue the writers.

    In WAL mode readers never wait. `synchronous=FULL` puts each commit on disk, `NORMAL` leaves that to the next such commit or
    checkpoint: a killed process loses nothing either way, a power cut the commits since then.
    """

    def __init__(self, path: str) -> None:
        self._path = Path(path).absolute()
        self.where = str(self._path)
        self._writer = self._engine("BEGIN IMMEDIATE", pool_size=1)
        self._reader = self._engine("BEGIN", pool_size=READERS)
        self._write_thread = ThreadPoolExecutor(1, thread_name_prefix="halve-sqlite-writer")
        self._read_threads = ThreadPoolExecutor(READERS, thread_name_prefix="halve-sqlite-reader")
        self._full: bool | None = None

    @classmethod
    async def open(cls, url: URL) -> SqliteRunner:
        if not url.database or url.database == ":memory:" or url.database.startswith("file:"):
            raise OptionRefused(
                _SETTING, f"{_SETTING} must name a file: sqlite:///halve.db, or sqlite:////var/lib/halve.db.", code="bad_setting"
            )
        if url.query:
            raise OptionRefused(_SETTING, f"{_SETTING}: sqlite:/// takes no options after the file's name.", code="bad_setting")
        runner = cls(url.database)
        try:
            await asyncio.get_running_loop().run_in_executor(runner._write_thread, runner._prepare)
        except BaseException:
            await runner.close()
            raise
        return runner

    async def read(self, function: Callable[Concatenate[Transaction, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        def transaction() -> T:
            with translated(self.where), self._reader.begin() as connection:
                return function(Transaction(connection, SQLITE), *args, **kwargs)

        return await asyncio.get_running_loop().run_in_executor(self._read_threads, transaction)

    async def write(self, function: Callable[Concatenate[Transaction, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        return await self._write(lambda transaction: function(transaction, *args, **kwargs), full=True)

    async def write_lightly(self, function: Callable[Concatenate[Transaction, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        return await self._write(lambda transaction: function(transaction, *args, **kwargs), full=False)

    async def close(self) -> None:
        """Waits for what runs."""

        def dispose() -> None:
            self._read_threads.shutdown()
            self._reader.dispose()
            self._writer.dispose()

        await asyncio.get_running_loop().run_in_executor(self._write_thread, dispose)
        self._write_thread.shutdown()

    async def _write(self, function: Callable[[Transaction], T], *, full: bool) -> T:
        def transaction() -> T:
            with translated(self.where), self._writer.connect() as connection:
                if self._full is not full:
                    raw: Any = connection.connection.dbapi_connection
                    raw.execute(f"PRAGMA synchronous = {'FULL' if full else 'NORMAL'}")
                    self._full = full
                with connection.begin():
                    return function(Transaction(connection, SQLITE))

        return await asyncio.get_running_loop().run_in_executor(self._write_thread, transaction)

    def _engine(self, begin: str, pool_size: int) -> Engine:
        # Opened by ourselves: the path is taken as it is, `%` and all, and the file is there already (`mode=rw` makes none).
        def connect() -> sqlite3.Connection:
            return sqlite3.connect(
                f"{self._path.as_uri()}?mode=rw",
                uri=True,
                timeout=BUSY_TIMEOUT,
                isolation_level=None,  # the driver begins nothing of its own accord
                check_same_thread=False,
                cached_statements=256,
            )

        engine = create_engine(
            "sqlite+pysqlite://",
            creator=connect,
            poolclass=QueuePool,
            pool_size=pool_size,
            max_overflow=0,
            pool_reset_on_return=None,  # every transaction here ends by itself
        )

        @event.listens_for(engine, "begin")
        def _(connection: Any) -> None:
            connection.exec_driver_sql(begin)

        return engine

    def _prepare(self) -> None:
        """Make the file, readable to its owner alone since it holds secrets, and turn on write-ahead logging, which stays on."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            os.close(os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        except OSError as error:
            raise StoreFailed(f"The database {self.where} cannot be opened: {error.strerror}.") from error
        with translated(self.where):
            connection = sqlite3.connect(self._path, timeout=BUSY_TIMEOUT, isolation_level=None)
            try:
                _write_ahead(connection)
            finally:
                connection.close()


def _write_ahead(connection: sqlite3.Connection) -> None:
    """SQLite does not wait for its turn here, so we do."""
    deadline = time.monotonic() + BUSY_TIMEOUT
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.02)
        else:
            return


class ServerRunner:
    """A database server, through SQLAlchemy's async engine: functions run on it as they are, each await hidden in a greenlet."""

    def __init__(self, url: URL) -> None:
        from sqlalchemy.ext.asyncio import create_async_engine

        self.where = url.set(query={}).render_as_string(hide_password=True)
        try:
            self._engine = create_async_engine(
                url.set(drivername="postgresql+psycopg"), pool_size=8, max_overflow=0, pool_pre_ping=True, pool_timeout=BUSY_TIMEOUT
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
            for left in (2, 1, 0):
                try:
                    async with self._engine.begin() as connection:
                        return await connection.run_sync(lambda inner: function(Transaction(inner, POSTGRESQL), *args, **kwargs))
                except DBAPIError as error:
                    # Two transactions wanted each other's rows and this one was chosen to yield: once more, from the start.
                    if not left or getattr(error.orig, "sqlstate", None) != "40P01":
                        raise
        raise AssertionError("unreachable")

    async def write_lightly(self, function: Callable[Concatenate[Transaction, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        return await self.write(function, *args, **kwargs)

    async def close(self) -> None:
        await self._engine.dispose()
