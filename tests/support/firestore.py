"""The FAKE of Firestore that these tests run against: a process of its own, started with the first test that wants it.

No faithful emulator is to be had as a package. What the fake knows stands in `firestore_server.py`; what matters beyond that is
to be tried on the real thing.
"""

from __future__ import annotations

import functools
import json
import os
import secrets
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

from tests.support.processes import start
from tests.support.server import free_port

PROJECT = "halve-test"


@functools.cache
def _ports() -> tuple[int, int]:
    """Of a server that lasts as long as this process: for gRPC, and for the tests' own questions."""
    port, control = free_port(), free_port()
    start([sys.executable, "-m", "tests.support.firestore_server", str(port), str(control)], control)
    return port, control


def ask(url: str, do: str, **more: Any) -> Any:
    """Ask the fake itself about the database of that URL."""
    name = url.rpartition("/")[2]
    asked = {"database": f"projects/{PROJECT}/databases/{name}", "do": do, **more}
    with socket.create_connection(("127.0.0.1", _ports()[1]), timeout=20) as connection:
        connection.sendall(json.dumps(asked).encode() + b"\n")
        with connection.makefile() as answer:
            return json.loads(answer.readline())


@contextmanager
def empty_firestore() -> Iterator[str]:
    """`firestore://…` of a database that nobody uses, and meanwhile an environment that leads there."""
    url = f"firestore://{PROJECT}/test-{secrets.token_hex(6)}"
    with mock.patch.dict(os.environ, {"FIRESTORE_EMULATOR_HOST": f"127.0.0.1:{_ports()[0]}", "GRPC_VERBOSITY": "NONE"}):
        try:
            yield url
        finally:
            ask(url, "drop")
