"""Tests of a worker in a thread of its own: what keeps it from opening must reach whoever starts it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from halve.engine.hands import Hands

if TYPE_CHECKING:
    from halve.engine.worker import Worker


class Away:
    """The opening of a worker whose database is away."""

    async def __aenter__(self) -> Worker:
        raise ConnectionError("the database is away")

    async def __aexit__(self, *error: object) -> None:
        """Never entered."""


def _begun() -> None:
    """Nothing is ever begun here."""


def test_what_keeps_the_worker_from_opening_is_raised_to_whoever_starts_it() -> None:
    with pytest.raises(ConnectionError, match="the database is away"):
        Hands(Away, _begun).start()


def test_a_loop_that_cannot_be_made_is_told_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    def none_left() -> asyncio.AbstractEventLoop:
        raise OSError(24, "Too many open files")

    monkeypatch.setattr("halve.engine.hands.uvloop.new_event_loop", none_left)
    with pytest.raises(OSError, match="Too many open files"):
        Hands(Away, _begun).start()
