"""What the client raises → StoreFailed, with a sentence that says how to mend it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from google.api_core import exceptions
from google.auth.exceptions import GoogleAuthError

from halve.core.errors import StoreFailed

OUTDATED = "{where} was not set up, or for another version of halve: run `halve init-db`."


@contextmanager
def translated(where: str) -> Iterator[None]:
    """Raise StoreFailed for what the client raised. `where` names the database to people."""
    try:
        yield
    except exceptions.RetryError as error:
        raise _said(where, error.cause or error) from error
    except (exceptions.GoogleAPICallError, GoogleAuthError) as error:
        raise _said(where, error) from error


_ADVICE: tuple[tuple[type[BaseException] | tuple[type[BaseException], ...], str, str], ...] = (
    (
        exceptions.PermissionDenied,
        "refused",
        "The account needs the role roles/datastore.user there, and the project the API firestore.googleapis.com.",
    ),
    (exceptions.Unauthenticated, "does not know us", "Check the key file in GOOGLE_APPLICATION_CREDENTIALS."),
    (GoogleAuthError, "cannot be asked", "Check the key file in GOOGLE_APPLICATION_CREDENTIALS."),
    (
        exceptions.NotFound,
        "is not there",
        "Create it in native mode (gcloud firestore databases create), or mend HALVE_DATABASE_URL.",
    ),
    (
        exceptions.FailedPrecondition,
        "cannot do it",
        "It must be in native mode, with its automatic indexes (docs/backends/firestore.md).",
    ),
    (exceptions.ResourceExhausted, "has had enough", "A quota is used up: see the project's quotas and billing."),
    (
        (exceptions.ServiceUnavailable, exceptions.DeadlineExceeded),
        "is out of reach",
        "Check the connection to firestore.googleapis.com, or FIRESTORE_EMULATOR_HOST where that is set.",
    ),
)
"""What was raised, what it says of the database, and what to do."""


def _said(where: str, error: BaseException) -> StoreFailed:
    because = reason(error)
    for kind, what, advice in _ADVICE:
        if isinstance(error, kind):
            return StoreFailed(f"{where} {what}: {because}. {advice}")
    return StoreFailed(f"{where} failed: {because}.")


def reason(error: BaseException) -> str:
    """What the server gave as its reason, in a line."""
    text = getattr(error, "message", None) or str(error)
    return str(text).partition("\n")[0].strip().rstrip(".")[:300] or type(error).__name__
