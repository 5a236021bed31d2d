import asyncio

import pytest

from halve.core.once import Once


async def test_work_under_way_is_shared_by_all_who_want_it() -> None:
    once: Once[int] = Once(10)
    made = 0

    async def make() -> int:
        nonlocal made
        made += 1
        await asyncio.sleep(0.01)
        return 7

    answers = await asyncio.gather(*(once.get("key", make) for _ in range(20)))
    assert [value for value, _ in answers] == [7] * 20
    assert sum(own for _, own in answers) == made == 1


async def test_a_result_worth_keeping_is_remembered_in_its_packed_form_and_another_is_not() -> None:
    once: Once[int] = Once(10, pack=lambda value: str(value) if value > 1 else None, unpack=int)
    numbers = iter(range(1, 10))

    async def make() -> int:
        return next(numbers)

    assert await once.get("key", make) == (1, True)
    assert await once.get("key", make) == (2, True)
    assert await once.get("key", make) == (2, False)


async def test_the_least_recently_used_is_forgotten_first() -> None:
    once: Once[str] = Once(2)

    async def make() -> str:
        return "made"

    for key in ("a", "b", "a", "c"):
        await once.get(key, make)
    assert (await once.get("a", make))[1] is False
    assert (await once.get("b", make))[1] is True


async def test_an_error_goes_to_its_maker_and_one_who_waited_makes_it_afresh() -> None:
    once: Once[str] = Once(10)

    async def fail() -> str:
        await asyncio.sleep(0.01)
        raise ValueError("no")

    async def make() -> str:
        return "made"

    first = asyncio.create_task(once.get("key", fail))
    await asyncio.sleep(0)
    second = asyncio.create_task(once.get("key", make))
    with pytest.raises(ValueError, match="no"):
        await first
    assert await second == ("made", True)


async def test_a_cancelled_maker_leaves_nobody_waiting() -> None:
    once: Once[str] = Once(10)

    async def hang() -> str:
        await asyncio.sleep(3600)
        return "never"

    async def make() -> str:
        return "made"

    first = asyncio.create_task(once.get("key", hang))
    await asyncio.sleep(0)
    second = asyncio.create_task(once.get("key", make))
    await asyncio.sleep(0)
    first.cancel()
    assert await asyncio.wait_for(second, 1) == ("made", True)
    with pytest.raises(asyncio.CancelledError):
        await first


async def test_a_cancelled_waiter_does_not_disturb_the_maker() -> None:
    once: Once[str] = Once(10)
    go = asyncio.Event()

    async def make() -> str:
        await go.wait()
        return "made"

    first = asyncio.create_task(once.get("key", make))
    await asyncio.sleep(0)
    second = asyncio.create_task(once.get("key", make))
    await asyncio.sleep(0)
    second.cancel()
    await asyncio.sleep(0)
    go.set()
    assert await first == ("made", True)
