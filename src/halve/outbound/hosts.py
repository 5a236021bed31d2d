"""What is owed to each host: no more connections at once than agreed, and to be left alone while it keeps failing.

Every request to a host takes a turn. Turns wait for one another per host, so a slow host holds up nobody else's.

A host is left alone after a streak of failures (broken connections, timeouts, 5xx, 429) with no answer of any other kind
between. A streak counts only once it is long *and* has lasted: a few dead URLs, or a server that refuses every first attempt, is
no dead host. Turns then fail at once with the last failure's own words and a time to come back. When the rest is over, one turn
goes ahead to see, and the others wait a moment for its verdict.

A host that says it is asked too much is asked less: each such answer costs it a place, and whoever is to ask next a moment's
pause; other answers give the places back, little by little.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from halve.core.errors import ImageFailed, Postponed

REMEMBERED = 1000
"""Hosts in a streak of failures that are remembered while nobody talks to them."""


@dataclass(frozen=True, slots=True)
class Patience:
    """When a host is left alone, and for how long. Times in seconds.

    A streak of at least `failures` (a timeout is two) over at least `span`. Rests begin with `rest`, or with what the host asked
    for in `Retry-After`, and double up to `longest` for as long as it goes on. `verdict`: how long others wait for the one sent
    ahead. `moment`: the pause after an answer that asks for one and does not say how long, `longest_moment` however long it says.
    `regain`: answers that give back a place; `queue`: how long one is waited for while some are missing.
    """

    failures: int = 20
    span: float = 10.0
    rest: float = 15.0
    longest: float = 300.0
    verdict: float = 3.0
    moment: float = 1.0
    longest_moment: float = 5.0
    regain: int = 20
    queue: float = 60.0


class Hosts:
    """`per_host`: connections to one host at once."""

    def __init__(self, per_host: int, patience: Patience | None = None) -> None:
        self._per_host = per_host
        self._patience = patience or Patience()
        self._hosts: OrderedDict[str, _Host] = OrderedDict()

    def __len__(self) -> int:
        return len(self._hosts)

    def turn(self, origin: str) -> Turn:
        """A turn at a host, as an asynchronous context manager; waits for its place on entering.

        Raises ImageFailed on entering while the host is left alone, Postponed where its place does not come. How the host did is
        told by how the block ends: a transient ImageFailed is a failure, any other ImageFailed and a plain end are an answer,
        everything else says nothing.
        """
        host = self._hosts.get(origin)
        if host is None:
            host = self._hosts[origin] = _Host(asyncio.Semaphore(self._per_host), self._per_host)
        return Turn(self, origin, host, self._patience)

    def forget(self, origin: str, host: _Host) -> None:
        """Called when a turn ends: keep what matters, and not too much of it."""
        if host.users or self._hosts.get(origin) is not host:
            return
        if not host.streak and not host.withheld:
            del self._hosts[origin]
            return
        self._hosts.move_to_end(origin)
        if len(self._hosts) > REMEMBERED:
            oldest = next(name for name, other in self._hosts.items() if not other.users)
            del self._hosts[oldest]


@dataclass(slots=True)
class _Host:
    """What is known of a host for as long as it matters. Times are the loop's.

    `slots`: those of its `places` that are free, without the `withheld` ones; `answers` since it last wished to be asked less, or
    got a place back; nobody begins before `pause_until`. `users`: turns that are taken or waited for.
    `streak`: failures in a row, a timeout two, `since` the first; `last`: the latest. `rests` in a row, the present one until
    `resting_until`; `ahead`: set once the turn that went ahead to see has its verdict.
    """

    slots: asyncio.Semaphore
    places: int
    withheld: int = 0
    answers: int = 0
    pause_until: float = 0.0
    users: int = 0
    streak: int = 0
    since: float = 0.0
    rests: int = 0
    resting_until: float | None = None
    ahead: asyncio.Event | None = None
    last: ImageFailed | None = None


class Turn:
    __slots__ = ("_ahead", "_host", "_hosts", "_origin", "_patience")

    def __init__(self, hosts: Hosts, origin: str, host: _Host, patience: Patience) -> None:
        self._hosts, self._origin, self._host, self._patience = hosts, origin, host, patience
        self._ahead = False

    async def __aenter__(self) -> Self:
        host = self._host
        host.users += 1
        try:
            await self._place()
            try:
                if host.resting_until is not None:
                    await self._admit()
                elif (pause := host.pause_until - _now()) > 0:
                    await asyncio.sleep(pause)
            except BaseException:
                host.slots.release()
                raise
        except BaseException:
            self._leave()
            raise
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        host = self._host
        if error is None or isinstance(error, ImageFailed):
            if isinstance(error, ImageFailed) and error.transient:
                self._failed(error)
            else:
                host.streak, host.rests, host.resting_until, host.last = 0, 0, None, None
                self._give_back()
        if self._ahead and host.ahead is not None:
            host.ahead.set()
            host.ahead = None
        if not (isinstance(error, ImageFailed) and self._withhold(error)):
            host.slots.release()
        self._leave()

    def _withhold(self, error: ImageFailed) -> bool:
        """Whether nobody else gets this turn's place, since the host wants to be asked less. One place it always has."""
        host, patience = self._host, self._patience
        if error.retry_after is None and error.code != "rate_limited":
            return False
        wait = patience.moment if error.retry_after is None else min(error.retry_after, patience.longest_moment)
        host.pause_until, host.answers = max(host.pause_until, _now() + wait), 0
        if host.withheld >= host.places - 1:
            return False
        host.withheld += 1
        return True

    def _give_back(self) -> None:
        host = self._host
        host.answers += 1
        if host.withheld and host.answers >= self._patience.regain:
            host.answers = 0
            host.withheld -= 1
            host.slots.release()

    async def _place(self) -> None:
        """At a host that has not all its places, others are not kept waiting for ever behind those who wait for one. It answers, if
        slowly, so nobody waits for nothing.
        """
        host, patience = self._host, self._patience
        if not host.withheld:
            await host.slots.acquire()
            return
        try:
            async with asyncio.timeout(patience.queue):
                await host.slots.acquire()
        except TimeoutError:
            raise Postponed("waiting for its turn at a host that wants to be asked less", retry_after=patience.rest) from None

    async def _admit(self) -> None:
        """Go ahead, wait for whoever went ahead, or be turned away."""
        host = self._host
        if host.resting_until is not None and _now() >= host.resting_until:
            if host.ahead is None:
                host.ahead, self._ahead = asyncio.Event(), True
                return
            try:
                async with asyncio.timeout(self._patience.verdict):
                    await host.ahead.wait()
            except TimeoutError:
                raise self._turned_away(self._patience.rest) from None
        if host.resting_until is not None:
            raise self._turned_away(max(host.resting_until - _now(), 1.0))

    def _turned_away(self, wait: float) -> ImageFailed:
        last = self._host.last
        message, code = (str(last), last.code) if last else ("connection failed", "connection_failed")
        return ImageFailed(f"{message}, host left alone for a while", code=code, transient=True, retry_after=wait)

    def _failed(self, error: ImageFailed) -> None:
        host, patience, now = self._host, self._patience, _now()
        if not host.streak:
            host.since = now
        host.streak += 2 if error.code == "timeout" else 1
        host.last = error
        resting = host.resting_until is not None
        if resting and not self._ahead:
            return  # it set out before the rest began; that is known by now
        if resting or (host.streak >= patience.failures and now - host.since >= patience.span):
            rest = min(patience.rest * 2**host.rests, patience.longest)
            host.rests += 1
            host.resting_until = now + (rest if error.retry_after is None else error.retry_after)

    def _leave(self) -> None:
        self._host.users -= 1
        self._hosts.forget(self._origin, self._host)


def _now() -> float:
    return asyncio.get_running_loop().time()
