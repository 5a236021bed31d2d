"""How a cluster scales, by simulation: images a second against workers, until the database or the origin is what is waited for.

    python -m bench.scaling --store postgresql --workers 1 2 4 8 16 32 64

A worker is a machine with some cores: it claims when there is room for a batch, fetches (time passes), compresses (a core is
taken), and writes outcomes down as they have gathered. The database is some cores that serve claims and records in the order in
which they come. What each step takes was measured, by `bench.store_costs` and `bench.cluster`, and is stated below.
"""

from __future__ import annotations

import argparse
import heapq
import itertools
import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from halve.engine.tempo import AMONG_MANY

IN_FLIGHT = 96
CLAIM = min(AMONG_MANY.claim, IN_FLIGHT // 4)


@dataclass(frozen=True)
class Store:
    """Milliseconds of the server's CPU: for an image claimed and recorded, and for each record on top, however many are in it.

    `asker`: the same on the worker's side.
    """

    image: float
    record: float
    asker_image: float
    asker_record: float


STORES = {
    "postgresql": Store(image=0.14, record=0.63, asker_image=0.21, asker_record=2.4),
}
"""Measured by `python -m bench.store_costs`, see docs/scaling.md."""


class Clock:
    """Time that passes from one event to the next."""

    def __init__(self) -> None:
        self.now = 0.0
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()

    def after(self, seconds: float, then: Callable[[], None]) -> None:
        heapq.heappush(self._events, (self.now + seconds, next(self._order), then))

    def run(self, until: float) -> None:
        while self._events and self._events[0][0] <= until:
            self.now, _, then = heapq.heappop(self._events)
            then()


class Cores:
    """So many things at once; what comes meanwhile waits in order."""

    def __init__(self, clock: Clock, number: int) -> None:
        self._clock = clock
        self._number = self._free = number
        self._waiting: deque[tuple[float, Callable[[], None]]] = deque()
        self.busy = 0.0

    def serve(self, seconds: float, then: Callable[[], None]) -> None:
        if not self._free:
            self._waiting.append((seconds, then))
            return
        self._free -= 1
        self.busy += seconds
        self._clock.after(seconds, lambda: self._served(then))

    def _served(self, then: Callable[[], None]) -> None:
        self._free += 1
        if self._waiting:
            self.serve(*self._waiting.popleft())
        then()

    def utilisation(self, seconds: float) -> float:
        return min(1.0, self.busy / (seconds * self._number))


@dataclass(frozen=True)
class Setting:
    """`image`: milliseconds of a worker's CPU for an image, its store's left out. `latency`: seconds that a download takes."""

    workers: int
    cores: int
    database_cores: int
    image: float
    latency: float
    store: Store


class Worker:
    def __init__(self, clock: Clock, database: Cores, setting: Setting, chance: random.Random) -> None:
        self._clock, self._database, self._setting, self._chance = clock, database, setting, chance
        self._cores = Cores(clock, setting.cores)
        self._room = IN_FLIGHT
        self._gathered = 0
        self._claiming = False
        self.done = 0
        clock.after(chance.random(), self._claim)
        clock.after(chance.random(), self._record)

    def _claim(self) -> None:
        if not self._claiming and self._room >= CLAIM:
            self._claiming = True
            self._room -= CLAIM
            self._database.serve(CLAIM * self._setting.store.image / 1000, self._claimed)

    def _claimed(self) -> None:
        self._claiming = False
        for _ in range(CLAIM):
            self._clock.after(self._chance.expovariate(1) * self._setting.latency, self._fetched)
        self._claim()

    def _fetched(self) -> None:
        each = self._setting.image + self._setting.store.asker_image
        self._cores.serve(self._chance.uniform(0.5, 1.5) * each / 1000, self._compressed)

    def _compressed(self) -> None:
        self._room += 1
        self._gathered += 1
        self._claim()

    def _record(self) -> None:
        """One at a time, each with all that has come in meanwhile."""
        batch, self._gathered = self._gathered, 0
        if not batch:
            return self._clock.after(AMONG_MANY.gather, self._record)

        def written() -> None:
            self.done += batch
            self._clock.after(AMONG_MANY.gather, self._record)

        def sent() -> None:
            self._database.serve(self._setting.store.record / 1000, written)

        return self._cores.serve(self._setting.store.asker_record / 1000, sent)


def simulated(setting: Setting, seconds: float = 20.0, warm: float = 5.0) -> tuple[float, float]:
    """Images a second once it runs evenly, and how busy the database is."""
    clock, chance = Clock(), random.Random(setting.workers)
    database = Cores(clock, setting.database_cores)
    workers = [Worker(clock, database, setting, chance) for _ in range(setting.workers)]
    clock.run(warm)
    before, database.busy = sum(worker.done for worker in workers), 0.0
    clock.run(warm + seconds)
    return (sum(worker.done for worker in workers) - before) / seconds, database.utilisation(seconds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2, 4, 8, 16, 32, 64])
    parser.add_argument("--cores", type=int, default=2, help="of each worker")
    parser.add_argument("--database-cores", type=int, default=2)
    parser.add_argument("--image", type=float, default=7.5, help="ms of CPU for an image: fetch, compress, store")
    parser.add_argument("--latency", type=float, default=0.2, help="seconds that a download takes in the mean")
    parser.add_argument("--store", choices=STORES, default="postgresql")
    asked = parser.parse_args()
    print("| workers | images/s | of what the workers could | database busy |\n| --- | --- | --- | --- |")
    alone = None
    for workers in asked.workers:
        setting = Setting(workers, asked.cores, asked.database_cores, asked.image, asked.latency, STORES[asked.store])
        rate, busy = simulated(setting)
        alone = alone or rate / workers
        print(f"| {workers} | {rate:,.0f} | {100 * rate / (alone * workers):.0f} % | {100 * busy:.0f} % |", flush=True)


if __name__ == "__main__":
    main()
