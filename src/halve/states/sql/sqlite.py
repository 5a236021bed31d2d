"""SQLite in a file: one thread writes, some read, and processes take turns.

In WAL mode readers never wait. A whole transaction is one hop to a thread and back; an async driver's hop for every statement,
cursor and fetch costs six times the CPU time (`docs/decisions/0009-sqlite-in-threads.md`). The driver is Python's own
(`docs/decisions/0018-sqlite-by-its-own-driver.md`).
"""

from __future__ import annotations

import asyncio
import os
import random
import re
import sqlite3
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Concatenate

from halve.core.errors import OptionRefused, StoreFailed
from halve.states.sql.errors import MOVED, translated
from halve.states.sql.runner import PATIENCE, SETTING, P, T
from halve.states.sql.sqlite_transaction import Row, SqliteTransaction
from halve.states.sql.transaction import Transaction

READERS = 3
"""Threads, and connections, that read at once in one process."""

LOG_SIZE = 64_000_000
"""Bytes that the write-ahead log keeps on disk once it was folded in; a long read may make it longer for a while."""

POLL = 0.001
"""Seconds, more or less, between two attempts of a writer to have its turn."""


LEAST = 1.0
"""Seconds for which a writer asks for its turn in any case, however long it stood behind others of this process."""


class SqliteRunner:
    """`synchronous=FULL` puts a commit on disk; `NORMAL` leaves that to the next such commit or to the next checkpoint."""

    def __init__(self, path: str) -> None:
        self._path = Path(path).absolute()
        self.where = str(self._path)
        self._file: tuple[int, int] | None = None
        self._idle: dict[str, list[sqlite3.Connection]] = {"read": [], "write": []}
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
            with translated(self.where), self._borrowed("read") as connection:
                connection.execute("BEGIN")
                return _to_its_end(connection, lambda transaction: function(transaction, *args, **kwargs))

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
            for connection in (*self._idle["read"], *self._idle["write"]):  # the last one to go folds the log in
                connection.close()

        await asyncio.get_running_loop().run_in_executor(self._write_thread, dispose)
        self._write_thread.shutdown()

    async def _write(self, synchronous: str, function: Callable[[Transaction], T]) -> T:
        """Those of one process stand in line. Their patience counts from when they came: while another process holds the lock, each
        would wait for all of those before it else, and an upload for minutes.
        """
        asked = time.monotonic()

        def transaction() -> T:
            with translated(self.where), self._borrowed("write") as connection:
                connection.execute(f"PRAGMA synchronous = {synchronous}")
                _begin_writing(connection, max(asked + PATIENCE, time.monotonic() + LEAST))
                return _to_its_end(connection, function)

        return await asyncio.get_running_loop().run_in_executor(self._write_thread, transaction)

    @contextmanager
    def _borrowed(self, what: str) -> Iterator[sqlite3.Connection]:
        """A connection that no other thread has meanwhile; they are made when they are needed, and kept."""
        if self._found() != self._file:  # SQLite goes on with a file that nobody finds any more, and all of it is lost at the end
            raise StoreFailed(MOVED.format(where=self.where))
        idle = self._idle[what]
        try:
            connection = idle.pop()
        except IndexError:
            connection = self._connect()
        try:
            yield connection
        finally:
            idle.append(connection)

    def _connect(self) -> sqlite3.Connection:
        """The path is taken as it is, `%` and all, and the file is there already (`mode=rw` makes none)."""
        connection = sqlite3.connect(
            f"{self._path.as_uri()}?mode=rw",
            uri=True,
            timeout=PATIENCE,
            isolation_level=None,  # the driver begins nothing of its own accord
            check_same_thread=False,
            cached_statements=256,
        )
        connection.row_factory = Row
        connection.execute(f"PRAGMA journal_size_limit = {LOG_SIZE}")
        return connection

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
                _patiently(connection, "PRAGMA journal_mode = WAL", time.monotonic() + PATIENCE)
            finally:
                connection.close()
        self._file = self._found()

    def _found(self) -> tuple[int, int] | None:
        """Device and inode of the file that is in the place of the database."""
        try:
            found = self._path.stat()
        except OSError:
            return None
        return found.st_dev, found.st_ino


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


def _begin_writing(connection: sqlite3.Connection, deadline: float) -> None:
    """The lock is taken at once: one that is asked for later cannot be waited for (SQLITE_BUSY_SNAPSHOT)."""
    connection.execute("PRAGMA busy_timeout = 0")
    try:
        _patiently(connection, "BEGIN IMMEDIATE", deadline)
    finally:
        connection.execute(f"PRAGMA busy_timeout = {PATIENCE * 1000:.0f}")


def _to_its_end(connection: sqlite3.Connection, function: Callable[[Transaction], T]) -> T:
    """Run what was begun, and commit it; nothing of it stays where that fails."""
    try:
        result = function(SqliteTransaction(connection))
        connection.commit()
    except BaseException:
        connection.rollback()
        raise
    return result


def _patiently(connection: sqlite3.Connection, statement: str, deadline: float) -> None:
    """SQLite's own waiting sleeps up to 0.1 s between attempts, and never gets a turn where others write all the time."""
    while True:
        try:
            connection.execute(statement)
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(random.uniform(0.5, 1.5) * POLL)  # noqa: S311 - so that two that collided do not again
        else:
            return
