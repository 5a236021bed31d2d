"""What a server's driver raises → StoreFailed, with a sentence that says how to mend it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import exc
from sqlalchemy.exc import DBAPIError, InterfaceError, SQLAlchemyError

from halve.core.errors import StoreFailed
from halve.states.sql.errors import NOT_UTF8, OUTDATED

_CROWDED = "The server of {where} has no connection left: {error}. Raise its max_connections, or start fewer processes."
_REFUSED = "The database {where} refused: {error}. Check user and password in HALVE_DATABASE_URL, and the server's pg_hba.conf."
_TIMED_OUT = (
    "The database {where} gave up: {error}. Raise that limit for the user of HALVE_DATABASE_URL, or find what keeps it busy."
)
_POSTGRESQL = {
    "28000": _REFUSED,
    "28P01": _REFUSED,
    "3D000": "The database {where} is not there: create it (`createdb`), or name another one in HALVE_DATABASE_URL.",
    "3F000": "The database {where} failed: {error}. Create a schema that the user may use, or name one by search_path.",
    "22P05": NOT_UTF8,
    "25006": "The database {where} is read-only, a standby perhaps. Name the primary in HALVE_DATABASE_URL.",
    "42501": "The database {where} refused: {error}. Grant the user of HALVE_DATABASE_URL rights to tables and schema.",
    "42P01": OUTDATED,
    "42703": OUTDATED,
    "55P03": _TIMED_OUT,
    "57014": _TIMED_OUT,
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
    except SQLAlchemyError as error:
        raise StoreFailed(_sentence(error, where)) from error


def _sentence(error: BaseException | None, where: str) -> str:
    said = str(error).strip() if error else ""
    text = _PREAMBLE.sub("", said.splitlines()[0]).rstrip(".") if said else type(error).__name__
    code = getattr(error, "sqlstate", None)
    if code is None:
        code, text = next(((code, text) for words, code in _AT_THE_DOOR.items() if re.search(words, said)), (None, text))
    if code in _POSTGRESQL:
        return _POSTGRESQL[code].format(where=where, error=text)
    if code is None or code.startswith(("08", "57P")) or isinstance(error, (InterfaceError, OSError)):
        return _OUT_OF_REACH.format(where=where, error=text)
    return f"The database {where} failed: {text}."
