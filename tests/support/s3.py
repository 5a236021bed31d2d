"""S3 in a process of its own: moto's server. It keeps objects in memory and checks no signature unless it is told to."""

from __future__ import annotations

import functools
import os
import secrets
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from unittest import mock

from tests.support.processes import start
from tests.support.server import free_port

LOOPBACK = {"NO_PROXY": "127.0.0.1,localhost", "no_proxy": "127.0.0.1,localhost"}
"""Whoever tests behind a proxy does not want these servers looked for there."""


@functools.cache
def s3_url() -> str:
    """Address of a server that lasts as long as this process. Raises CannotStart."""
    return another_s3()


def another_s3() -> str:
    """One more, for tests that change how it behaves."""
    port = free_port()
    start([sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)], port)
    return f"http://127.0.0.1:{port}"


@contextmanager
def empty_bucket(server: str | None = None) -> Iterator[str]:
    """The name of a bucket of its own, and meanwhile an environment that leads there."""
    server, name = server or s3_url(), f"halve-test-{secrets.token_hex(6)}"
    environment = {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": server,
        **LOOPBACK,
    }
    with mock.patch.dict(os.environ, environment):
        call(server, "PUT", f"/{name}")
        yield name


def call(server: str, method: str, path: str, body: bytes | None = None) -> None:
    request = urllib.request.Request(server + path, data=body, method=method, headers={"Content-Type": "text/plain"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        answer.read()
