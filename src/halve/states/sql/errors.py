"""What SQLite raises → StoreFailed, with a sentence that says how to mend it. Of a server: `server_errors.py`."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from halve.core.errors import StoreFailed

OUTDATED = "The database {where} has no tables, or those of another version of halve: run `halve init-db`."

NOT_UTF8 = (
    "The database {where} cannot hold every letter, for its encoding is not UTF8: make another one "
    "(`createdb -E UTF8 -T template0`), and name it in HALVE_DATABASE_URL."
)

MOVED = "The database {where} was moved, deleted or replaced while it was in use. Put it back, or start again with what is there."

_SQLITE = {
    sqlite3.SQLITE_FULL: "The disk is full: the database {where} cannot grow. Free some space; nothing recorded is lost.",
    sqlite3.SQLITE_READONLY: "The database {where} is read-only. Make the file and its folder writable to this user.",
    sqlite3.SQLITE_CANTOPEN: "The database {where} cannot be opened. Make file and folder writable to this user.",
    sqlite3.SQLITE_PERM: "The database {where} cannot be opened. Make file and folder writable to this user.",
    sqlite3.SQLITE_NOTADB: (
        "The file {where} is not an SQLite database. Move it away, or, if HALVE_DATABASE_URL names it, name another one there."
    ),
    sqlite3.SQLITE_CORRUPT: "The database {where} is damaged. Restore a backup, or try `sqlite3 FILE .recover`.",
    sqlite3.SQLITE_IOERR: "The disk failed while the database {where} was read or written: {error}.",
    sqlite3.SQLITE_BUSY: "The database {where} stayed locked by another process for too long. Is a backup or a shell holding it?",
}
"""SQLite's primary result codes, https://www.sqlite.org/rescode.html."""


@contextmanager
def translated(where: str) -> Iterator[None]:
    """Raise StoreFailed for what the database raised. `where` names its file to people."""
    try:
        yield
    except sqlite3.Error as error:
        text = str(error)
        if "no such table" in text or "no such column" in text:
            raise StoreFailed(OUTDATED.format(where=where)) from error
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # the driver's own complaints have none
        raise StoreFailed(_SQLITE.get(code, "The database {where} failed: {error}.").format(where=where, error=text)) from error
    except UnicodeDecodeError as error:  # of SQLite's own complaint: it quotes a schema that is no text any more
        raise StoreFailed(_SQLITE[sqlite3.SQLITE_CORRUPT].format(where=where)) from error
