"""Celery's pool for our worker: threads, each of which hands a wish to the worker and waits. Their number may change meanwhile."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from celery.concurrency.base import BasePool
from celery.concurrency.thread import TaskPool

MOST = 256
"""Wishes granted at once in one process, at the very most. Threads are only made when there is a wish for them."""


class Threads(TaskPool):  # type: ignore[misc]  # Celery has no types
    """How many wishes are granted at once is bounded by how many messages the worker takes (`-c`, `--autoscale`), not by the pool.

    `limit` is that number, for those who watch. It may be 0, as `--autoscale=4` begins with.
    """

    limit: int

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        BasePool.__init__(self, *args, **kwargs)  # TaskPool's own makes as many threads as `limit` says, of which 0 are none
        self.executor = ThreadPoolExecutor(max_workers=max(MOST, self.limit), thread_name_prefix="wish")

    @property
    def num_processes(self) -> int:
        return int(self.limit)

    def grow(self, n: int = 1) -> None:
        self.limit += n

    def shrink(self, n: int = 1) -> None:
        self.limit = max(0, self.limit - n)
