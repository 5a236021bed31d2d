"""What the driver raises → StoreFailed, with a sentence that says how to mend it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from bson.errors import BSONError
from pymongo.errors import ConnectionFailure, OperationFailure, PyMongoError

from halve.core.errors import StoreFailed
from halve.mongodb import reason, refused

OUTDATED = "{where} has no indexes, or those of another version of halve: run `halve init-db`."


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
        if refused(error):
            raise StoreFailed(
                f"{where} refused: {reason(error)}. Check user and password in HALVE_DATABASE_URL (and authSource), and that the "
                "user has the role readWrite there."
            ) from error
        if "hint" in str(error):
            raise StoreFailed(OUTDATED.format(where=where)) from error
        raise StoreFailed(f"{where} failed: {reason(error)}.") from error
    except (PyMongoError, BSONError) as error:
        raise StoreFailed(f"{where} failed: {reason(error)}.") from error
