"""What blocks is done in threads, and nobody is gone before they are through."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest

from halve.core.threads import in_thread


async def test_a_thread_gives_its_result_or_its_error() -> None:
    assert await in_thread(int, "7f", base=16) == 0x7F
    with pytest.raises(ValueError, match="invalid literal"):
        await in_thread(int, "x")


async def test_who_is_cancelled_goes_when_the_thread_is_through_with_what_is_closed_then() -> None:
    begun, used, closed = threading.Event(), [], False

    def use() -> None:
        begun.set()
        time.sleep(0.2)
        used.append(closed)

    async def owner() -> None:
        nonlocal closed
        try:
            await in_thread(use)
        finally:
            closed = True

    task = asyncio.create_task(owner())
    await asyncio.to_thread(begun.wait)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert used == [False]
