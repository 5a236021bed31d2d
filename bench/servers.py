"""Database servers to measure, those that the tests start, and their processes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psutil

from tests.support.postgres import Postgres


@contextmanager
def postgresql(**settings: str) -> Iterator[Postgres]:
    """As durable as it comes, which the tests' own is not."""
    server = Postgres(**{"fsync": "on", "full_page_writes": "on", "synchronous_commit": "on", "autovacuum": "on", **settings})
    try:
        yield server
    finally:
        server.remove()


def listening(*ports: int) -> list[int]:
    """The processes that listen on these ports."""
    found = [one for one in psutil.net_connections("tcp") if one.status == psutil.CONN_LISTEN and one.pid]
    return [one.pid for one in found if one.pid and one.laddr and one.laddr.port in ports]
