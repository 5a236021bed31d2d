"""SQLite in a file: one thread writes, some read, and processes take turns.

In WAL mode readers never wait. A whole transaction is one hop to a thread and back; an async driver's hop for every statement,
cursor and fetch costs six times the CPU time (`docs/decisions/0009-sqlite-in-threads.md`).
"""

from __future__ import annotations

import asyncio
import os
import random
import re
import sqlite3
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Concatenate

from sqlalchemy import Connection, Engine, QueuePool, create_engine, event

from halve.core.errors import OptionRefused, StoreFailed
from halve.states.sql.dialects import SQLITE
from halve.states.sql.errors import translated
from halve.states.sql.runner import PATIENCE, SETTING, P, T
from halve.states.sql.transaction import Transaction

READERS = 3
"""Threads, and connections, that read at once in one process."""

LOG_SIZE = 64_000_000
"""Bytes that the write-ahead log keeps on disk once it was folded in; a long read may make it longer for a while."""

POLL = 0.001
"""Seconds, more or less, between two attempts of a writer to have its turn."""


class SqliteRunner:
    """`synchronous=FULL` puts a commit on disk; `NORMAL` leaves that to the next such commit or to the next checkpoint."""

    def __init__(self, path: str) -> None:
        self._path = Path(path).absolute()
        self.where = str(self._path)
        self._writer = self._engine(pool_size=1, begin=_begin_writing)
        self._reader = self._engine(pool_size=READERS, begin=_begin_reading)
        self._write_thread = ThreadPoolExecutor(1, thread_name_prefix="halve-sqlite-writer")
        self._read_threads = ThreadPoolExecutor(READERS, thread_name_prefix="halve-sqlite-reader")
        self._closed = False

    @classmethod
    async def open(cls, url: str) -> SqliteRunner:
        runner = cls(_path(url))
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
        return await self._write("FULL", lambda transaction: function(transaction, *args, **kwargs))

    async def write_lightly(self, function: Callable[Concatenate[Transaction, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        return await self._write("NORMAL", lambda transaction: function(transaction, *args, **kwargs))

    async def close(self) -> None:
        """Waits for what runs. Repeatable."""
        if self._closed:
            return
        self._closed = True

        def dispose() -> None:
            self._read_threads.shutdown()
            self._reader.dispose()
            self._writer.dispose()

        await asyncio.get_running_loop().run_in_executor(self._write_thread, dispose)
        self._write_thread.shutdown()

    async def _write(self, synchronous: str, function: Callable[[Transaction], T]) -> T:
        def transaction() -> T:
            with translated(self.where), self._writer.connect() as connection:
                if connection.info.get("synchronous") != synchronous:
                    _driver(connection).execute(f"PRAGMA synchronous = {synchronous}")
                    connection.info["synchronous"] = synchronous
                with connection.begin():
                    return function(Transaction(connection, SQLITE))

        return await asyncio.get_running_loop().run_in_executor(self._write_thread, transaction)

    def _engine(self, *, pool_size: int, begin: Callable[[Connection], None]) -> Engine:
        # Opened by ourselves: the path is taken as it is, `%` and all, and the file is there already (`mode=rw` makes none).
        def connect() -> sqlite3.Connection:
            connection = sqlite3.connect(
                f"{self._path.as_uri()}?mode=rw",
                uri=True,
                timeout=PATIENCE,
                isolation_level=None,  # the driver begins nothing of its own accord
                check_same_thread=False,
                cached_statements=256,
            )
            connection.execute(f"PRAGMA journal_size_limit = {LOG_SIZE}")
            return connection

        engine = create_engine(
            "sqlite+pysqlite://",
            creator=connect,
            poolclass=QueuePool,
            pool_size=pool_size,
            max_overflow=0,
            pool_reset_on_return=None,  # every transaction here ends by itself
        )
        event.listen(engine, "begin", begin)
        return engine

    def _prepare(self) -> None:
        """Make the file, readable to its owner alone since it holds secrets, and turn on write-ahead logging, which stays on."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            os.close(os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        except OSError as error:
            raise StoreFailed(f"The database {self.where} cannot be opened: {error.strerror}.") from error
        with translated(self.where):
            connection = sqlite3.connect(self._path, timeout=PATIENCE, isolation_level=None)
            try:
                _patiently(connection, "PRAGMA journal_mode = WAL")
            finally:
                connection.close()


def _path(url: str) -> str:
    """What follows `sqlite:///`, to the letter: `%` and `?` may stand in the names of folders."""
    match = re.fullmatch(r"sqlite(?:\+\w+)?:///(?P<path>.+)", url, re.IGNORECASE | re.DOTALL)
    if match is None or match["path"] == ":memory:" or match["path"].startswith("file:") or "\0" in url:
        raise OptionRefused(
            SETTING, f"{SETTING} must name a file: sqlite:///halve.db, or sqlite:////var/lib/halve.db.", code="bad_setting"
        )
    if re.search(r"\?\w+=[^/]*$", match["path"]):
        raise OptionRefused(SETTING, f"{SETTING}: sqlite:/// takes no options after the file's name.", code="bad_setting")
    return match["path"]


def _begin_reading(connection: Connection) -> None:
    _driver(connection).execute("BEGIN")


def _begin_writing(connection: Connection) -> None:
    """The lock is taken at once: one that is asked for later cannot be waited for (SQLITE_BUSY_SNAPSHOT)."""
    driver = _driver(connection)
    driver.execute("PRAGMA busy_timeout = 0")
    try:
        _patiently(driver, "BEGIN IMMEDIATE")
    finally:
        driver.execute(f"PRAGMA busy_timeout = {PATIENCE * 1000:.0f}")


def _patiently(driver: Any, statement: str) -> None:
    """SQLite's own waiting sleeps up to 0.1 s between attempts, and never gets a turn where others write all the time."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            driver.execute(statement)
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(random.uniform(0.5, 1.5) * POLL)  # noqa: S311 - so that two that collided do not again
        else:
            return


def _driver(connection: Connection) -> Any:
    return connection.connection.driver_connection
