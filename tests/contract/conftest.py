from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from halve.backends import open_images, open_states
from halve.core.ports import ImageStore, StateStore
from halve.settings import read_settings
from tests.contract import backends
from tests.support.lots import small_lots

SLOW = (
    "test_many_failures_run_again_one_batch_after_another[mongodb]",
    "test_the_store_and_its_model_agree[mongodb]",
    "test_what_was_cancelled_can_run_again[mongodb]",
    "test_large_sheets_take_turns_all_the_way[mongodb]",
    "test_the_dead_lose_their_leases_at_once[mongodb]",
    "test_processes_share_the_work_and_none_does_anothers[mongodb]",
    "test_every_product_of_a_large_sheet_is_handed_out_once_and_in_order[mongodb]",
    "test_many_failures_run_again_one_batch_after_another[firestore]",
    "test_the_store_and_its_model_agree[firestore]",
    "test_what_was_cancelled_can_run_again[firestore]",
    "test_large_sheets_take_turns_all_the_way[firestore]",
    "test_the_dead_lose_their_leases_at_once[firestore]",
    "test_the_store_and_its_model_agree[postgresql]",
)
"""Long on the server that stands in for mongod, which takes 2 ms for an update, on the fake of Firestore, whose client takes as
long, and where hundreds of schemas must be made: left to `make torture`."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.name in SLOW:
            item.add_marker("torture")


@dataclass
class StateShelf:
    """An empty store, and ways to come at it from several sides."""

    url: str
    scheme: str
    stack: AsyncExitStack

    async def open(self) -> StateStore:
        """One more handle, with connections of its own, as another process would have."""
        states = await open_states(read_settings(database_url=self.url))
        self.stack.push_async_callback(states.close)
        return states

    async def pass_time(self, seconds: float) -> None:
        await backends.STATES[self.scheme].pass_time(self.url, seconds)


@pytest.fixture(params=backends.STATES)
async def shelf(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[StateShelf]:
    async with backends.STATES[request.param].empty(tmp_path) as url:
        with nothing_leaks():
            async with AsyncExitStack() as stack:
                yield StateShelf(url, request.param, stack)


@pytest.fixture
async def states(shelf: StateShelf) -> StateStore:
    states = await shelf.open()
    await states.migrate()
    return states


@pytest.fixture
def several_lots(shelf: StateShelf, monkeypatch: pytest.MonkeyPatch) -> int:
    """Products of a sheet that is fed, cancelled and erased in several lots. On the server that stands in for mongod, where each
    takes milliseconds, as many lots are made of fewer.
    """
    if shelf.scheme != "mongodb":
        return 1200
    small_lots(monkeypatch, 40)
    return 120


@pytest.fixture(params=backends.IMAGES)
async def images_url(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[str]:
    async with backends.IMAGES[request.param](tmp_path) as url:
        yield url


@pytest.fixture
async def images(images_url: str) -> AsyncIterator[ImageStore]:
    with nothing_leaks():
        store = open_images(read_settings(storage_url=images_url))
        yield store
        await store.close()


@contextmanager
def nothing_leaks() -> Iterator[None]:
    """Fails where connections, files, threads, children or tasks are left behind. Sockets get a moment to close."""
    before = _held()
    yield
    deadline = time.monotonic() + 2
    while (left := [(name, count, before[name]) for name, count in _held().items() if count > before[name]]) and (
        time.monotonic() < deadline
    ):
        time.sleep(0.01)
    assert not left, f"left behind (what, now, before): {left}"


def _held() -> dict[str, int]:
    process = psutil.Process()
    return {
        "files and sockets": process.num_fds(),
        "threads": sum(not thread.name.startswith("asyncio_") for thread in threading.enumerate()),  # those are the loop's
        "children": len(process.children()),
        "tasks": len(asyncio.all_tasks()),
    }
