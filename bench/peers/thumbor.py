"""thumbor, the image server: processes that fetch, compress and store; someone asks each of them for its share of the pictures."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import quote

import aiohttp

from bench.measure import Cost, measured
from bench.peers import CORES, QUALITY, Job, Peer, tools

SETTINGS = """
LOADER = "thumbor.loaders.http_loader"
STORAGE = "thumbor.storages.no_storage"
RESULT_STORAGE = "thumbor.result_storages.file_storage"
RESULT_STORAGE_FILE_STORAGE_ROOT_PATH = {folder!r}
RESULT_STORAGE_STORES_UNSAFE = True
HTTP_LOADER_MAX_CLIENTS = 64
HTTP_LOADER_CONNECT_TIMEOUT = 60
HTTP_LOADER_REQUEST_TIMEOUT = 60
PROGRESSIVE_JPEG = {progressive}
"""


@contextmanager
def server(folder: Path, *, progressive: bool = False) -> Iterator[tuple[str, int]]:
    """A warm thumbor that stores its results below `folder`; its address and process id."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with tempfile.NamedTemporaryFile("w", suffix=".conf") as settings:
        settings.write(SETTINGS.format(folder=str(folder), progressive=progressive))
        settings.flush()
        command = [str(tools.python_peer("thumbor") / "thumbor"), "--ip", "127.0.0.1", "--port", str(port)]
        command += ["--conf", settings.name, "--processes", "1"]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True) as process:
            try:
                _wait(port)
                yield f"http://127.0.0.1:{port}", process.pid
            finally:
                os.killpg(process.pid, signal.SIGTERM)  # and whatever it started


def _wait(port: int) -> None:
    for _ in range(200):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise TimeoutError("thumbor did not start")


async def ask(address: str, urls: list[str], quality: int, in_flight: int) -> list[bytes]:
    """Have each URL compressed; what thumbor answers, in order."""
    gate = asyncio.Semaphore(in_flight)

    async def one(session: aiohttp.ClientSession, url: str) -> bytes:
        async with gate, session.get(f"{address}/unsafe/filters:quality({quality})/{quote(url, safe='')}") as answer:
            answer.raise_for_status()
            return await answer.read()

    async with aiohttp.ClientSession() as session:
        return await asyncio.gather(*(one(session, url) for url in urls))


async def order(addresses: list[str], job: Job) -> None:
    """As `ask`, of all in turn, but nothing of what comes is kept: thumbor has stored it."""
    for start in range(0, len(job.urls), 1000):
        urls, each = job.urls[start : start + 1000], len(addresses)
        await asyncio.gather(
            *(ask(address, urls[n::each], QUALITY, -(-job.in_flight // each)) for n, address in enumerate(addresses))
        )


def run(job: Job) -> Cost:
    """The clock starts with warm processes; whoever asks is not counted. Each has a port of its own: on a common one it would be
    chance which of them takes a connection, and often one takes them all.
    """
    with ExitStack() as stack:
        servers = [stack.enter_context(server(job.folder)) for _ in range(CORES)]
        with measured(*(pid for _, pid in servers)) as cost:
            asyncio.run(order([address for address, _ in servers], job))
    return cost


def version() -> str:
    tools.python_peer("thumbor")
    return f"{tools.pinned('thumbor', 'thumbor')}, {tools.pinned('thumbor', 'pillow')}"


THUMBOR = Peer(
    "thumbor",
    f"{CORES} servers of one process each, 64 downloads at once, results stored as files, sources not, sequential JPEGs; its clock "
    "starts with warm processes, and whoever asks it is not counted",
    version,
    run,
)
