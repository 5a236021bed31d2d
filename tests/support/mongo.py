"""A server that speaks MongoDB's wire protocol, out of a wheel: SecantusDB, on the storage engine that MongoDB has.

It is not mongod. It is close enough for GridFS, indexes, conditional updates and `find_one_and_update`; what matters beyond that is
to be tried on the real one, which `TESTS_MONGO=mongodb://…` makes all these tests do.
"""

from __future__ import annotations

import functools
import importlib.util
import os
import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pymongo

from tests.support.processes import CannotStart, start
from tests.support.server import free_port


@functools.cache
def mongo_url() -> str:
    """`mongodb://host:port` of a server that lasts as long as this process. Raises CannotStart."""
    if given := os.environ.get("TESTS_MONGO"):
        return given.rstrip("/")
    if importlib.util.find_spec("secantus") is None:
        raise CannotStart("SecantusDB is not installed (there is none for Python 3.14 and later)")
    port = free_port()
    url = f"mongodb://127.0.0.1:{port}"

    def ready() -> None:
        with pymongo.MongoClient[dict[str, object]](url, serverSelectionTimeoutMS=500) as client:
            client.admin.command("ping")

    program = [sys.executable, "-c", "from secantus.cli import main; main()"]
    start([*program, "--port", str(port), "--storage-path", ":memory:", "--log-level", "ERROR"], port, ready=ready)
    return url


@contextmanager
def empty_database() -> Iterator[tuple[str, str]]:
    """The server's URL and the name of a database that nobody uses; it is dropped in the end."""
    url, name = mongo_url(), f"halve-test-{secrets.token_hex(6)}"
    try:
        yield url, name
    finally:
        with pymongo.MongoClient[dict[str, object]](url) as client:
            client.drop_database(name)
