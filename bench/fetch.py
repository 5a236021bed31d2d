"""CPU that one guarded download costs, on loopback: `python -m bench.fetch [--count N] [--size BYTES] [--at-once N] [--uvloop]`.

The origin runs in a process of its own, so that what is measured is the fetcher's process alone, its memory settled as a
worker's is. For comparison: the same downloads by a bare aiohttp session, without guard, manners, limits and spooling.
"""

from __future__ import annotations

import argparse
import asyncio
import ipaddress
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import aiohttp
import uvloop

from halve.doors import heap
from halve.outbound.fetch import FetchLimits, HttpFetcher
from halve.outbound.guard import Guard

ORIGIN = """
import asyncio, sys
SIZE = int(sys.argv[1])
HEAD = b"HTTP/1.1 200 OK\\r\\nContent-Type: image/jpeg\\r\\nContent-Length: %d\\r\\n\\r\\n" % SIZE
ANSWER = HEAD + b"\\xff\\xd8\\xff" + bytes(SIZE - 3)

class Serve(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport, self.seen = transport, b""
    def data_received(self, data):
        self.seen += data
        while b"\\r\\n\\r\\n" in self.seen:
            self.seen = self.seen.partition(b"\\r\\n\\r\\n")[2]
            self.transport.write(ANSWER)

async def main():
    server = await asyncio.get_running_loop().create_server(Serve, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()
asyncio.run(main())
"""


async def measure(get: Callable[[int], Awaitable[int]], count: int, at_once: int) -> tuple[float, float]:
    """CPU milliseconds each, and downloads a second."""
    numbers = iter(range(count))

    async def work() -> None:
        for number in numbers:
            await get(number)

    started, cpu = time.perf_counter(), time.process_time()
    await asyncio.gather(*(work() for _ in range(at_once)))
    return (time.process_time() - cpu) / count * 1000, count / (time.perf_counter() - started)


async def run(port: int, count: int, at_once: int) -> dict[str, float]:
    url = f"http://127.0.0.1:{port}/shop/picture.jpg"
    figures: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as spool:
        limits = FetchLimits(50_000_000, 60, at_once, Path(spool))
        fetcher = HttpFetcher(Guard([ipaddress.ip_network("127.0.0.0/8")]), limits)

        async def guarded(number: int) -> int:
            async with fetcher.fetch(f"{url}?n={number}") as body:
                return len(body.read())

        session = aiohttp.ClientSession(auto_decompress=False)

        async def bare(number: int) -> int:
            async with session.get(f"{url}?n={number}", allow_redirects=False) as response:
                return len(await response.read())

        for name, get in (("bare", bare), ("guarded", guarded)) * 2:  # the first time to warm up
            cpu, rate = await measure(get, count, at_once)
            figures[f"{name}_cpu_ms"], figures[f"{name}_per_second"] = round(cpu, 3), round(rate)
        await session.close()
        await fetcher.close()
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=3000)
    parser.add_argument("--size", type=int, default=100_000)
    parser.add_argument("--at-once", type=int, default=16)
    parser.add_argument("--uvloop", action="store_true")
    options = parser.parse_args()
    heap.settle()
    origin = subprocess.Popen([sys.executable, "-c", ORIGIN, str(options.size)], stdout=subprocess.PIPE, text=True)
    try:
        assert origin.stdout is not None
        port = int(origin.stdout.readline())
        with asyncio.Runner(loop_factory=uvloop.new_event_loop if options.uvloop else None) as runner:
            print(json.dumps(runner.run(run(port, options.count, options.at_once))))
    finally:
        origin.kill()
        origin.wait()


if __name__ == "__main__":
    main()
