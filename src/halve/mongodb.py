"""MongoDB's driver, for those who keep requests there (`states.mongo`) and those who keep images (`images.gridfs`): how long it is
waited for, and what it says when it fails.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from pymongo import AsyncMongoClient
from pymongo.errors import ConfigurationError, OperationFailure

from halve.core.errors import OptionRefused

PATIENCE: dict[str, Any] = {
    "serverSelectionTimeoutMS": 10_000,
    "connectTimeoutMS": 10_000,
    "socketTimeoutMS": 60_000,
    "waitQueueTimeoutMS": 60_000,
    "appname": "halve",
}
"""Limits of one attempt; the driver makes two. The URL's own options win. (`timeoutMS` would bound both, and then takes all of that
time to notice that a server is not there.)"""

_REFUSED = (13, 18, 8000)
"""Codes of Unauthorized and AuthenticationFailed, and Atlas's own."""

Document = dict[str, Any]


def client_of(url: str, *, setting: str, scheme: str) -> tuple[AsyncMongoClient[Document], str]:
    """A client and the name of its database; nothing is connected before it is needed.

    `scheme`: what URLs in that `setting` begin with, in MongoDB's place. Raises OptionRefused for a URL that cannot be meant.
    """
    parts = urlsplit(url)
    database = unquote(parts.path.strip("/"))
    if not parts.netloc or not database or "/" in database:
        example = f"{scheme}://host:27017/database"
        raise OptionRefused(setting, f"{setting} must name a host and a database: {example}.", code="bad_setting")
    said = {name.lower() for name, _ in parse_qsl(parts.query, keep_blank_values=True)}
    patience = {name: value for name, value in PATIENCE.items() if name.lower() not in said}
    try:
        return AsyncMongoClient(f"mongodb{url[len(scheme) :]}", **patience), database
    except (ConfigurationError, ValueError, TypeError) as error:
        raise OptionRefused(setting, f"{setting} is no address of MongoDB: {reason(error)}.", code="bad_setting") from error


def refused(error: OperationFailure) -> bool:
    """Whether user, password or role are the reason."""
    return error.code in _REFUSED


def reason(error: BaseException) -> str:
    """What the driver gave as its reason, without the state of all its servers."""
    text = str(error).partition("\n")[0]
    for rest in (" (configured timeouts", ", Timeout:", ", full error"):
        text = text.partition(rest)[0]
    return text.strip().rstrip(".") or type(error).__name__
