"""What the driver raises → StoreFailed, with a sentence that says how to mend it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from bson.errors import BSONError
from pymongo.errors import ConnectionFailure, OperationFailure, PyMongoError

from halve.core.errors import StoreFailed

OUTDATED = "{where} has no indexes, or those of another version of halve: run `halve init-db`."

_REFUSED = (13, 18, 8000)
"""Codes of Unauthorized and AuthenticationFailed, and Atlas's own."""


@contextmanager
def translated(where: str) -> Iterator[None]:
    """Raise StoreFailed for what the driver raised. `where` names the database to people, without a password."""
    try:
        yield
    except ConnectionFailure as error:
        raise StoreFailed(
            f"{where} is out of reach: {reason(error)}. Check host, port and options in HALVE_DATABASE_URL, and that MongoDB runs "
            "there."
        ) from error
    except OperationFailure as error:
        if error.code in _REFUSED:
            raise StoreFailed(
                f"{where} refused: {reason(error)}. Check user and password in HALVE_DATABASE_URL (and authSource), and that the "
                "user has the role readWrite there."
            ) from error
        if "hint" in str(error):
            raise StoreFailed(OUTDATED.format(where=where)) from error
        raise StoreFailed(f"{where} failed: {reason(error)}.") from error
    except (PyMongoError, BSONError) as error:
        raise StoreFailed(f"{where} failed: {reason(error)}.") from error


def reason(error: BaseException) -> str:
    """What the driver gave as its reason, without the state of all its servers."""
    text = str(error).partition("\n")[0]
    for rest in (" (configured timeouts", ", Timeout:", ", full error"):
        text = text.partition(rest)[0]
    return text.strip().rstrip(".") or type(error).__name__
