"""What the drivers raise → StoreFailed, with a sentence that says how to mend it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError, InterfaceError, SQLAlchemyError

from halve.core.errors import StoreFailed

OUTDATED = "The database {where} has no tables, or those of another version of halve: run `halve init-db`."

_SQLITE = {
    sqlite3.SQLITE_FULL: "The disk is full: the database {where} cannot grow. Free some space; nothing recorded is lost.",
    sqlite3.SQLITE_READONLY: "The database {where} is read-only. Make the file and its folder writable to this user.",
    sqlite3.SQLITE_CANTOPEN: "The database {where} cannot be opened. Make file and folder writable to this user.",
    sqlite3.SQLITE_PERM: "The database {where} cannot be opened. Make file and folder writable to this user.",
    sqlite3.SQLITE_NOTADB: "The file {where} is not an SQLite database. Name another file in HALVE_DATABASE_URL.",
    sqlite3.SQLITE_CORRUPT: "The database {where} is damaged. Restore a backup, or try `sqlite3 FILE .recover`.",
    sqlite3.SQLITE_IOERR: "The disk failed while the database {where} was read or written: {error}.",
    sqlite3.SQLITE_BUSY: "The database {where} stayed locked by another process for too long. Is a backup or a shell holding it?",
}
"""SQLite's primary result codes, https://www.sqlite.org/rescode.html."""


@contextmanager
def translated(where: str) -> Iterator[None]:
    """Raise StoreFailed for what the database or its driver raised. `where` names the database to people, without a password."""
    try:
        yield
    except DBAPIError as error:
        raise StoreFailed(_sentence(error.orig, where)) from error
    except (SQLAlchemyError, sqlite3.Error) as error:
        raise StoreFailed(_sentence(error, where)) from error


def _sentence(error: BaseException | None, where: str) -> str:
    text = str(error).strip().splitlines()[0] if error and str(error).strip() else type(error).__name__
    if "no such table" in text or "no such column" in text or getattr(error, "sqlstate", None) in ("42P01", "42703"):
        return OUTDATED.format(where=where)
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if isinstance(error, sqlite3.Error) and code in _SQLITE:
        return _SQLITE[code].format(where=where, error=text)
    if isinstance(error, (InterfaceError, OSError)) or getattr(error, "sqlstate", "") in (None, "57P03", "08006", "08001"):
        return f"The database {where} is out of reach: {text}."
    return f"The database {where} failed: {text}."
