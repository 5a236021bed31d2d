from __future__ import annotations

import asyncio
import ipaddress
import os
import ssl
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import psutil
import pytest

from halve.outbound.fetch import FetchLimits, HttpFetcher
from halve.outbound.guard import Guard
from tests.support.origin import Origin

LOOPBACK = ipaddress.ip_network("127.0.0.0/8")

TRUST = ssl.create_default_context()
"""Made once: it takes longer than most tests."""


@pytest.fixture
def origin() -> Iterator[Origin]:
    with Origin() as origin:
        yield origin


@pytest.fixture
def limits(tmp_path: Path) -> FetchLimits:
    return FetchLimits(max_bytes=5_000_000, timeout=5, per_host=4, spool=tmp_path / "spool")


@pytest.fixture
async def fetcher(limits: FetchLimits) -> AsyncIterator[HttpFetcher]:
    """May reach loopback. Afterwards nothing is left: no connection, no file, no task."""
    fetcher = HttpFetcher(Guard([LOOPBACK]), limits, tls=TRUST)
    yield fetcher
    await fetcher.close()
    await asyncio.sleep(0.02)  # an origin in this process notices, too
    assert asyncio.all_tasks() == {asyncio.current_task()}
    assert not spooled(limits.spool)


def spooled(spool: Path) -> list[str]:
    """Open files of this process in the spool, nameless ones too, and what lies there."""
    here = [str(path) for path in spool.glob("*")]
    for descriptor in Path("/proc/self/fd").glob("*"):
        try:
            target = os.readlink(descriptor)  # noqa: PTH115 - a deleted file's is no path
        except OSError:
            continue
        if target.startswith(str(spool)):
            here.append(target)
    return here


async def connections_to(port: int) -> int:
    """Connections of this process to that port, as a client, once those being closed are closed."""
    await asyncio.sleep(0.02)
    return sum(c.raddr.port == port and c.status == psutil.CONN_ESTABLISHED for c in psutil.Process().net_connections() if c.raddr)
