"""Bodies lie in memory that parent and child both see, where the system has it and they fit."""

from __future__ import annotations

import asyncio
import os

import pytest

from halve.codec import CodecPool
from halve.codec.shared import JOBS, PLACE, REPLIES, Shared, make
from halve.core.options import Options
from tests.support.codec import Held
from tests.support.photos import photo

PICTURES = [Held(photo("coffee", width=width)) for width in range(61, 81)]
LARGE = Held(photo(width=4000, quality=95))


def sealed() -> int:
    fd = make()
    if fd is None:
        pytest.skip("this system has no memory that can be sealed")
    return fd


def test_each_of_two_jobs_and_two_replies_has_its_place() -> None:
    fd = sealed()
    ours, theirs = Shared(fd), Shared(fd)
    os.close(fd)
    said = {(side, number): bytes([side, number]) * (PLACE // 2) for side in (JOBS, REPLIES) for number in (6, 7)}

    for (side, number), body in said.items():
        ours.put(side, number, body)

    assert all(theirs.get(side, number, PLACE) == body for (side, number), body in said.items())
    ours.close()
    theirs.close()


def test_what_does_not_fit_or_is_nothing_goes_another_way() -> None:
    assert [Shared.takes(length) for length in (0, 1, PLACE, PLACE + 1)] == [False, True, True, False]


@pytest.mark.parametrize("length", [0, PLACE, 10**9])
def test_who_sees_it_cannot_cut_it_short_under_the_other(length: int) -> None:
    fd = sealed()
    with pytest.raises(PermissionError):
        os.ftruncate(fd, length)
    os.close(fd)


async def test_pictures_small_and_large_come_back_to_whoever_sent_them(pool: CodecPool) -> None:
    done = await asyncio.gather(*(pool.compress(picture, Options()) for picture in [*PICTURES, LARGE, *PICTURES]))

    assert LARGE.size > PLACE
    assert [made.width for made in done] == [*range(61, 81), 4000, *range(61, 81)]


async def test_a_picture_comes_out_the_same_whichever_way_it_goes(pool: CodecPool, monkeypatch: pytest.MonkeyPatch) -> None:
    here = await pool.compress(PICTURES[0], Options())
    monkeypatch.setattr("halve.codec.shared.make", lambda: None)
    other = CodecPool(1)
    try:
        assert await other.compress(PICTURES[0], Options()) == here
    finally:
        await other.close()
