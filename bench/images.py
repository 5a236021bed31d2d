"""What an image costs in each image store: python -m bench.images [SCHEME …] [--count N] [--at-once N].

CPU is that of this process alone, all its threads; the servers (those that the tests use) run in processes of their own.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager
from pathlib import Path

from halve.backends import open_images
from halve.core.ports import ImageStore
from halve.settings import read_settings
from tests.contract import backends
from tests.support.photos import photo


async def serve(scheme: str, folder: Path) -> None:
    """Print the store's URL and what the environment must say, and wait until nobody reads on."""
    before = dict(os.environ)
    async with backends.IMAGES[scheme](folder) as url:
        changed = {name: value for name, value in os.environ.items() if before.get(name) != value}
        print(json.dumps({"url": url, "environment": changed}), flush=True)
        await asyncio.to_thread(sys.stdin.read)


@contextmanager
def server(scheme: str, folder: Path) -> Iterator[str]:
    command = [sys.executable, "-m", "bench.images", "--serve", scheme, "--folder", str(folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        told = json.loads(process.stdout.readline())
        os.environ.update(told["environment"])
        yield told["url"]
        process.stdin.close()


async def measure(images: ImageStore, data: bytes, count: int, at_once: int) -> None:
    gate = asyncio.Semaphore(at_once)

    async def put(number: int) -> None:
        async with gate:
            await images.put(f"0123456789abcdef/{number:024d}.jpg", data, content_type="image/jpeg")

    async def read(number: int) -> None:
        async with gate:
            size = sum([len(piece) async for piece in images.read(f"0123456789abcdef/{number:024d}.jpg")])
            assert size == len(data)

    async def timed(what: str, work: list[Awaitable[None]]) -> str:
        wall, cpu = time.perf_counter(), time.process_time()
        await asyncio.gather(*work)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        return f"{what} {1e3 * cpu / count:6.2f} ms of CPU, {1e3 * wall / count:6.2f} ms"

    await asyncio.gather(put(count), put(count + 1))  # connections, indexes
    puts = await timed("put", [put(number) for number in range(count)])
    reads = await timed("read", [read(number) for number in range(count)])
    print(f"{puts}   {reads}", flush=True)


async def one(scheme: str, url: str, data: bytes, count: int, at_once: int) -> None:
    images = open_images(read_settings(storage_url=url))
    print(f"{scheme:<12}", end="", flush=True)
    try:
        await measure(images, data, count, at_once)
    finally:
        await images.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("schemes", nargs="*", default=list(backends.IMAGES))
    parser.add_argument("--count", type=int, default=300)
    parser.add_argument("--at-once", type=int, default=8)
    parser.add_argument("--serve")
    parser.add_argument("--folder", type=Path)
    asked = parser.parse_args()
    if asked.serve:
        asyncio.run(serve(asked.serve, asked.folder))
        return
    data = photo("retina", quality=50)
    print(f"{asked.count} images of {len(data):,} bytes, {asked.at_once} at once; wall time is the interval from one to the next")
    for scheme in asked.schemes:
        with tempfile.TemporaryDirectory() as folder, server(scheme, Path(folder)) as url:
            asyncio.run(one(scheme, url, data, asked.count, asked.at_once))


if __name__ == "__main__":
    main()
