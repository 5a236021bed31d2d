"""What the drivers raise → StoreFailed, with a sentence that says how to mend it."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import exc
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

_CROWDED = "The server of {where} has no connection left: {error}. Raise its max_connections, or start fewer processes."
_REFUSED = "The database {where} refused: {error}. Check user and password in HALVE_DATABASE_URL, and the server's pg_hba.conf."
_POSTGRESQL = {
    "28000": _REFUSED,
    "28P01": _REFUSED,
    "3D000": "The database {where} is not there: create it (`createdb`), or name another one in HALVE_DATABASE_URL.",
    "3F000": "The database {where} failed: {error}. Create a schema that the user may use, or name one by search_path.",
    "25006": "The database {where} is read-only, a standby perhaps. Name the primary in HALVE_DATABASE_URL.",
    "42501": "The database {where} refused: {error}. Grant the user of HALVE_DATABASE_URL rights to tables and schema.",
    "42P01": OUTDATED,
    "42703": OUTDATED,
    "53100": "The disk of the server is full: the database {where} cannot grow. Free some space; nothing recorded is lost.",
    "53300": _CROWDED,
}
"""PostgreSQL's SQLSTATE, https://www.postgresql.org/docs/current/errcodes-appendix.html."""

_OUT_OF_REACH = (
    "The database {where} is out of reach: {error}. Check host, port and options in HALVE_DATABASE_URL, and that the server runs."
)

_AT_THE_DOOR = {
    r"password authentication failed|no password supplied|no pg_hba\.conf entry|role .* does not exist": "28P01",
    r"database .* does not exist": "3D000",
    r"too many (clients|connections)|connection slots": "53300",
    r"permission denied for database": "42501",
}
"""What a server says to one that may not come in; the driver has no SQLSTATE of that."""

_PREAMBLE = re.compile(r"connection (?:failed|is bad): (?:connection to server (?:at|on socket) .* failed: )?(?:FATAL:\s*)?")
"""What the driver says before the reason."""


@contextmanager
def translated(where: str) -> Iterator[None]:
    """Raise StoreFailed for what the database or its driver raised. `where` names the database to people, without a password."""
    try:
        yield
    except DBAPIError as error:
        raise StoreFailed(_sentence(error.orig, where)) from error
    except exc.TimeoutError as error:
        raise StoreFailed(f"The database {where} did not answer in time: all connections of this process are busy.") from error
    except (SQLAlchemyError, sqlite3.Error) as error:
        raise StoreFailed(_sentence(error, where)) from error


def _sentence(error: BaseException | None, where: str) -> str:
    said = str(error).strip() if error else ""
    text = _PREAMBLE.sub("", said.splitlines()[0]).rstrip(".") if said else type(error).__name__
    if isinstance(error, sqlite3.Error):
        if "no such table" in text or "no such column" in text:
            return OUTDATED.format(where=where)
        return _SQLITE.get(error.sqlite_errorcode & 0xFF, "The database {where} failed: {error}.").format(where=where, error=text)
    code = getattr(error, "sqlstate", None)
    if code is None:
        code, text = next(((code, text) for words, code in _AT_THE_DOOR.items() if re.search(words, said)), (None, text))
    if code in _POSTGRESQL:
        return _POSTGRESQL[code].format(where=where, error=text)
    if code is None or code.startswith(("08", "57P")) or isinstance(error, (InterfaceError, OSError)):
        return _OUT_OF_REACH.format(where=where, error=text)
    return f"The database {where} failed: {text}."
