"""Names looked up by the system, whose name servers may be out of reach."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
import threading
from typing import Any

import pytest

from halve.core.errors import StoreFailed
from halve.outbound.connecting import LOOKUPS, SystemResolver
from halve.outbound.faults import fault

SILENT = """
import asyncio, contextlib, socket, time
from halve.outbound.connecting import SystemResolver

socket.getaddrinfo = lambda *_, **__: time.sleep(60)


async def main():
    resolver = SystemResolver()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(0.1):
            await resolver.resolve("shop.example", 80)
    await resolver.close()


asyncio.run(main())
"""


def test_nobody_waits_for_a_name_server_that_is_silent_when_all_is_over() -> None:
    ended = subprocess.run([sys.executable, "-c", SILENT], capture_output=True, text=True, timeout=30, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")


async def test_more_names_than_are_looked_up_at_once_are_all_found() -> None:
    resolver = SystemResolver()
    found = await asyncio.gather(*(resolver.resolve("127.0.0.1", port) for port in range(1, 3 * LOOKUPS)))
    assert [infos[0][4][1] for infos in found] == list(range(1, 3 * LOOKUPS))


async def test_names_that_are_looked_up_in_vain_hold_up_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    system, over = socket.getaddrinfo, threading.Event()

    def silent_of_some(host: str, *rest: Any, **more: Any) -> Any:
        if host.endswith(".example"):
            over.wait(30)
            raise socket.gaierror(socket.EAI_AGAIN, "no answer")
        return system(host, *rest, **more)

    monkeypatch.setattr(socket, "getaddrinfo", silent_of_some)
    resolver = SystemResolver()
    silent = [asyncio.create_task(resolver.resolve(f"{number}.example", 80)) for number in range(3 * LOOKUPS)]
    await asyncio.sleep(0.1)  # they are asked first
    async with asyncio.timeout(5):
        assert (await resolver.resolve("127.0.0.1", 80))[0][4][0] == "127.0.0.1"
    over.set()
    assert {type(error) for error in await asyncio.gather(*silent, return_exceptions=True)} == {socket.gaierror}


@pytest.mark.parametrize("name", ["shop.invalid", "a..b", "a" * 64 + ".example"])
async def test_a_name_that_cannot_be_is_not_found(name: str) -> None:
    with pytest.raises(socket.gaierror):
        await SystemResolver().resolve(name, 80)


async def test_a_system_that_gives_no_more_threads_is_no_images_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    def none_left(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", none_left)
    with pytest.raises(OSError, match="no thread can be started") as caught:
        await SystemResolver().resolve("shop.example", 80)
    told = fault(caught.value, "shop.example")
    assert isinstance(told, StoreFailed)
    assert "ulimit -u" in str(told)
