"""A child has its next image while it works on one, and nothing that befalls one of the two befalls the other."""

from __future__ import annotations

import asyncio
import os
import random

import psutil
import pytest

from halve.codec import CodecLimits, CodecPool
from halve.core.compressed import Compressed
from halve.core.errors import CodecCrashed
from halve.core.options import Options
from tests.support.codec import Held, children, options
from tests.support.photos import photo

FIRST, SECOND, THIRD = (Held(photo("coffee", width=width)) for width in (61, 62, 63))


def child() -> psutil.Process:
    (child,) = children()
    return child


async def stopped(pool: CodecPool) -> psutil.Process:
    """The only child, so that whatever it is given lies there."""
    await pool.compress(THIRD, Options())
    child().suspend()
    return child()


async def handed(pool: CodecPool, *pictures: Held) -> list[asyncio.Task[Compressed]]:
    tasks = [asyncio.create_task(pool.compress(picture, Options())) for picture in pictures]
    await asyncio.sleep(0.05)
    return tasks


TWO_JOBS_FIRST = """
import json, os, struct, sys  # halve.codec.child
fd = int(sys.argv[2 + int(sys.argv[1])])
def read(length):
    data = b''
    while len(data) < length:
        data += os.read(fd, length - len(data))
    return data
def job():
    header, body = struct.unpack('>IQ', read(12))
    read(header)
    return read(body)
def answer(header, body):
    header = json.dumps(header).encode()
    os.write(fd, struct.pack('>IQ', len(header), len(body)) + header + body)
answer({'hello': 1}, b'')
for data in [job(), job()]:
    answer({'format': 'jpeg', 'width': len(data), 'height': 1, 'quality': 50, 'kept': False}, b'x')
while os.read(fd, 65536): pass
"""


@pytest.mark.usefixtures("nothing_shared")
async def test_a_child_has_the_next_image_before_it_has_answered(pool: CodecPool, monkeypatch: pytest.MonkeyPatch) -> None:
    """This one answers nothing before it has two."""
    monkeypatch.setattr("halve.codec.process._START", TWO_JOBS_FIRST)
    first = asyncio.create_task(pool.compress(FIRST, Options()))
    async with asyncio.timeout(10):
        while not (pool._slots and pool._slots[0].present and pool._slots[0].present.busy):
            await asyncio.sleep(0.005)

    second = await pool.compress(SECOND, Options())

    assert (await first).width == FIRST.size
    assert second.width == SECOND.size


async def test_a_death_costs_the_one_at_work_alone(pool: CodecPool) -> None:
    process = await stopped(pool)
    first, second, third = await handed(pool, FIRST, SECOND, THIRD)

    process.kill()

    with pytest.raises(CodecCrashed, match="SIGKILL"):
        await first
    assert (await second).width == 62
    assert (await third).width == 63


@pytest.mark.usefixtures("nothing_shared")
async def test_a_death_after_an_answer_costs_the_next_one(pool: CodecPool, monkeypatch: pytest.MonkeyPatch) -> None:
    """It was at work on that, though the parent had not yet heard of the one before."""
    monkeypatch.setattr("halve.codec.process._START", TWO_JOBS_FIRST.replace("while os", "    os._exit(7)\nwhile os"))
    first = asyncio.create_task(pool.compress(FIRST, Options()))
    async with asyncio.timeout(10):
        while not (pool._slots and pool._slots[0].present and pool._slots[0].present.busy):
            await asyncio.sleep(0.005)
    second = asyncio.create_task(pool.compress(SECOND, Options()))

    assert (await first).width == FIRST.size
    with pytest.raises(CodecCrashed, match="exit status 7"):
        await second


async def test_time_runs_for_the_one_at_work_alone() -> None:
    pool = CodecPool(1, CodecLimits(wall_seconds=1.0))
    try:
        await stopped(pool)
        first, second = await handed(pool, FIRST, SECOND)

        with pytest.raises(CodecCrashed, match="gave up"):
            await first
        assert (await second).width == 62
    finally:
        await pool.close()


async def test_cancelling_the_one_at_work_leaves_the_next_its_own_answer(pool: CodecPool) -> None:
    await stopped(pool)
    first, second, third = await handed(pool, FIRST, SECOND, THIRD)

    first.cancel()

    with pytest.raises(asyncio.CancelledError):
        await first
    assert (await second).width == 62
    assert (await third).width == 63


async def test_cancelling_the_next_one_leaves_all_others_their_own_answers(pool: CodecPool) -> None:
    process = await stopped(pool)
    first, second, third = await handed(pool, FIRST, SECOND, THIRD)

    second.cancel()
    with pytest.raises(asyncio.CancelledError):
        await second
    await asyncio.sleep(0.02)
    process.resume()

    assert (await first).width == 61
    assert (await third).width == 63
    assert child() != process  # which had what nobody wanted any more


@pytest.mark.usefixtures("nothing_shared")
async def test_one_that_is_cancelled_while_it_is_handed_over_leaves_nothing_half_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("halve.codec.wire.AT_ONCE", 8192)  # so that only a part of it lies there
    pool = CodecPool(1)
    try:
        process = await stopped(pool)
        first, second, third = await handed(pool, FIRST, Held(b"\xff\xd8\xff" + os.urandom(900_000)), THIRD)

        second.cancel()
        process.resume()

        assert (await first).width == 61
        assert (await third).width == 63
    finally:
        await pool.close()


async def test_recycling_asks_nobody_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    pool = CodecPool(2, CodecLimits(images_per_child=2))
    try:
        pictures = [Held(photo("coffee", width=width)) for width in range(40, 60)]
        done = await asyncio.gather(*(pool.compress(picture, Options()) for picture in pictures))
    finally:
        await pool.close()

    assert [one.width for one in done] == list(range(40, 60))


async def test_nobody_waits_behind_a_slow_one_while_other_children_are_free() -> None:
    pool = CodecPool(2)
    try:
        slow = asyncio.create_task(pool.compress(Held(photo(width=1600)), options(format="avif")))
        for _ in range(20):
            await asyncio.gather(*(pool.compress(picture, Options()) for picture in (FIRST, SECOND, THIRD)))
        assert not slow.done()
        slow.cancel()
    finally:
        await pool.close()


async def test_whatever_is_cancelled_and_killed_the_others_get_their_own(pool: CodecPool) -> None:
    """A hundred images, of which twenty are given up, and a child that dies five times in between."""
    chance = random.Random(7)
    tasks = [asyncio.create_task(pool.compress(Held(photo("coffee", width=40 + n % 30)), Options())) for n in range(100)]
    blows = ["cancel"] * 20 + ["kill"] * 5
    chance.shuffle(blows)
    given_up = set()
    for blow in blows:
        await asyncio.sleep(0.004)
        number = chance.randrange(100)
        if blow == "cancel" and tasks[number].cancel():
            given_up.add(number)
        elif pool._slots[0].present:  # not one that is only starting: three such in a row are an error of the machine
            pool._slots[0].present.kill()
    results = await asyncio.gather(*tasks, return_exceptions=True)

    for number, result in enumerate(results):
        if isinstance(result, Compressed):
            assert result.width == 40 + number % 30
        else:
            assert isinstance(result, CodecCrashed) or number in given_up
    assert sum(isinstance(result, Compressed) for result in results) >= 75
