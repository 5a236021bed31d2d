"""What a state store is asked to remember, it knows until it expires."""

from __future__ import annotations

from halve.core.ports import StateStore
from tests.contract.conftest import StateShelf

DAY = 86_400.0
A, B, C = "a" * 64, "b" * 64, "c" * 64
TRICKY = '{"etag":"W/\\"$äöü\\"","$set":"$key"}'


async def test_what_was_remembered_is_recalled(states: StateStore) -> None:
    await states.remember({A: TRICKY, B: "{}"}, seconds=DAY)
    assert await states.recall([B, C, A]) == {A: TRICKY, B: "{}"}
    assert await states.recall([C]) == {}
    assert await states.recall([]) == {}


async def test_the_last_word_counts(states: StateStore) -> None:
    await states.remember({A: "first", B: "first"}, seconds=DAY)
    await states.remember({A: "second"}, seconds=DAY)
    await states.remember({}, seconds=DAY)
    assert await states.recall([A, B]) == {A: "second", B: "first"}


async def test_another_process_knows_it_too(shelf: StateShelf, states: StateStore) -> None:
    await states.remember({A: "value"}, seconds=DAY)
    assert await (await shelf.open()).recall([A]) == {A: "value"}


async def test_what_has_expired_is_forgotten_and_swept(shelf: StateShelf, states: StateStore) -> None:
    await states.remember({A: "short"}, seconds=DAY)
    await states.remember({B: "long"}, seconds=3 * DAY)
    await shelf.pass_time(2 * DAY)
    assert await states.recall([A, B]) == {B: "long"}
    assert await states.sweep() == 0
    assert await states.recall([A, B]) == {B: "long"}
    await states.remember({A: "again"}, seconds=DAY)
    assert await states.recall([A]) == {A: "again"}


async def test_five_hundred_at_once(states: StateStore) -> None:
    entries = {f"{number:064}": "x" * 1000 for number in range(500)}
    await states.remember(entries, seconds=DAY)
    assert await states.recall(list(entries)) == entries
