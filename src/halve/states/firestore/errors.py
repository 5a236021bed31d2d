"""What the client raises → StoreFailed, with a sentence that says how to mend it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import grpc
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
    except (exceptions.GoogleAPICallError, grpc.RpcError, GoogleAuthError) as error:
        raise _said(where, error) from error


def _said(where: str, error: BaseException) -> StoreFailed:
    because = reason(error)
    if isinstance(error, exceptions.PermissionDenied):
        return StoreFailed(
            f"{where} refused: {because}. The account in GOOGLE_APPLICATION_CREDENTIALS needs the role roles/datastore.user there, "
            "and the project the API firestore.googleapis.com."
        )
    if isinstance(error, exceptions.Unauthenticated | GoogleAuthError):
        return StoreFailed(f"{where} does not know us: {because}. Check the key file in GOOGLE_APPLICATION_CREDENTIALS.")
    if isinstance(error, exceptions.NotFound):
        return StoreFailed(
            f"{where} is not there: {because}. Create it in native mode (gcloud firestore databases create), or mend "
            "HALVE_DATABASE_URL."
        )
    if isinstance(error, exceptions.FailedPrecondition):
        return StoreFailed(
            f"{where} cannot do it: {because}. It must be in native mode, with its automatic indexes (docs/backends/firestore.md)."
        )
    if isinstance(error, exceptions.ResourceExhausted):
        return StoreFailed(f"{where} has had enough: {because}. A quota is used up; see the project's quotas and billing.")
    if isinstance(error, exceptions.ServiceUnavailable | exceptions.DeadlineExceeded):
        return StoreFailed(
            f"{where} is out of reach: {because}. Check the connection to firestore.googleapis.com, or FIRESTORE_EMULATOR_HOST "
            "where that is set."
        )
    return StoreFailed(f"{where} failed: {because}.")


def reason(error: BaseException) -> str:
    """What the server gave as its reason, in a line."""
    text = getattr(error, "message", None) or str(error)
    return str(text).partition("\n")[0].strip().rstrip(".")[:300] or type(error).__name__
