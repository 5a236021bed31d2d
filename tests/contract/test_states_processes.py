"""Several processes, and several tasks, at one store at once."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections import Counter
from pathlib import Path

from halve.core.models import Status
from halve.core.ports import StateStore
from tests.contract.conftest import StateShelf
from tests.contract.sample import DONE, FAILED, LEASE, finish, known, outcome, upload

ROOT = Path(__file__).parents[2]


async def start(url: str, holder: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.contract.claimer",
        url,
        holder,
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


async def test_processes_share_the_work_and_none_does_anothers(shelf: StateShelf) -> None:
    """From the first moment: they all find no tables, and one of them makes these."""
    processes = [await start(shelf.url, f"process {number}") for number in range(3)]
    said = [(await process.stdout.readline()).decode() for process in processes if process.stdout]
    if len(set(said)) != 1 or not said[0].startswith("ready made by process"):
        raise AssertionError([said, await asyncio.gather(*(process.communicate(b"\n") for process in processes))])

    states = await shelf.open()
    await states.ready()
    requests = [await upload(states, 150) for _ in range(2)]
    heard = await asyncio.gather(*(process.communicate(b"\n") for process in processes))
    assert [errors.decode() for _, errors in heard] == [""] * 3
    lines = [set(output.decode().splitlines()) for output, _ in heard]
    counted = Counter(line for output, _ in heard for line in output.decode().splitlines())
    assert set(counted.values()) == {1}
    assert len(counted) == 300
    assert all(lines), "each had its share"
    for request in requests:
        assert (await known(states, request.id)).done_images == 150
    assert await states.to_finish() == [request.id for request in requests]


async def test_a_secret_is_made_once_for_all(shelf: StateShelf, states: StateStore) -> None:
    handles = [states, *[await shelf.open() for _ in range(3)]]
    secrets = await asyncio.gather(
        *(handles[n % 4].secret("webhook", lambda n=n: f"secret {n}") for n in range(16))  # type: ignore[misc]
    )
    assert len(set(secrets)) == 1
    assert await states.secret("other", lambda: "another") == "another"
    reopened = await shelf.open()
    assert await reopened.secret("webhook", lambda: "too late") == secrets[0]


async def test_migrating_is_repeatable_and_takes_turns(shelf: StateShelf) -> None:
    handles = [await shelf.open() for _ in range(4)]
    await asyncio.gather(*(handle.migrate() for handle in handles))
    request = await upload(handles[0], 1)
    await handles[1].migrate()
    await handles[2].ready()
    assert await handles[3].request(request.id) is not None


async def test_readers_and_writers_at_once_see_whole_steps(shelf: StateShelf, states: StateStore) -> None:
    """Counters and products move together, whoever looks and whenever."""
    writer = await shelf.open()
    request = await upload(states, 120, 2)

    async def write() -> None:
        while claimed := await writer.claim("worker", 10, lease=LEASE):
            await writer.record([outcome(product, DONE, FAILED) for product in claimed])

    async def look() -> list[int]:
        seen = [0]
        while seen[-1] < 120:
            now = await known(states, request.id)
            assert now.done_images == now.failed_images
            assert (now.bytes_in, now.bytes_out) == (1000 * now.done_images, 400 * now.done_images)
            seen.append(now.done_images)
            await asyncio.sleep(0)
        return seen

    *_, seen = await asyncio.gather(write(), write(), look())
    assert seen == sorted(seen)
    assert await finish(states, request.id)
    assert (await known(states, request.id)).status is Status.COMPLETED
