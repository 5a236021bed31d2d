"""What is asked often goes down an index, however many products are parked, held or over."""

from __future__ import annotations

import sqlite3
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from sqlalchemy import event

from halve.core.models import DeliveryKind, DeliveryState, ProductState
from halve.states.sql import SqlStates
from halve.states.sql.server import PostgresStates, ServerRunner
from tests.contract import elsewhere
from tests.contract.sample import DONE, LEASE, PENDING, draft, finish, notice, outcome, rows, upload
from tests.support.postgres import run_sql

Explained = Callable[[], list[str]]


async def _work(states: SqlStates) -> None:
    claimed = await states.claim("worker", 2, lease=LEASE)
    await states.record([outcome(product, DONE) for product in claimed])


async def _finish(states: SqlStates) -> None:
    request = await upload(states, 1)
    while claimed := await states.claim("worker", 9, lease=LEASE):
        await states.record([outcome(product, DONE) for product in claimed])
    await finish(states, request.id, deliveries=[notice(request)])
    [delivery] = await states.claim_deliveries("worker", 9, lease=LEASE)
    await states.record_delivery(delivery, state=DeliveryState.DELIVERED, answer="200")
    await states.redeliver(request.id, DeliveryKind.WEBHOOK)
    await states.retry(request.id)
    await states.erase(request.id)


async def _cancel(states: SqlStates) -> None:
    request = await upload(states, 3)
    await states.claim("worker", 1, lease=LEASE)
    await states.cancel(request.id)
    await finish(states, request.id)
    await states.retry(request.id)


async def _look(states: SqlStates) -> None:
    request = await upload(states, 3, idempotency_key="k")
    await states.request(request.id)
    await states.products(request.id, after_row=1, limit=2)
    await states.products(request.id, failed_only=True)
    await states.deliveries(request.id)
    await states.by_idempotency_key("", "k")
    await states.requests("", limit=5, cursor="9")
    await states.requests(None, limit=5)
    await states.open_requests("")
    await states.to_finish()
    await states.expired(days=1)
    await states.figures()


async def _keep(states: SqlStates) -> None:
    await states.renew("worker", lease=LEASE)
    await states.sweep(limit=20)
    await states.void(["worker", "other"])
    await states.erase(uuid4())


WALKS = {
    "SCAN products USING INDEX products_fair": "in its order, no further than the claim's limit",
    "SCAN products USING INDEX products_oldest": "likewise",
    "SCAN picked": "what that claim picked",
    "SCAN requests USING INDEX requests_finishable": "nothing but what is to be told",
    "SCAN products USING INDEX products_leased": "what is in work anywhere, for a sweep",
    "SCAN deliveries USING INDEX deliveries_leased": "likewise",
    "SCAN requests USING COVERING INDEX requests_unfinished": "summed up for figures, and for nothing else",
    "SCAN products USING INDEX products_waiting": "counted for figures",
    "SCAN deliveries USING INDEX deliveries_due": "counted for figures",
}
"""What may be walked through from end to end, and why. Everything else is searched for."""


@pytest.mark.parametrize("what", [_work, _finish, _cancel, _look, _keep])
async def test_no_statement_walks_through_more_than_it_must(
    database: Path, states: SqlStates, what: Callable[[SqlStates], Awaitable[None]]
) -> None:
    for _ in range(2):
        await upload(states, 20)
    asked = await _statements(states, what)
    assert asked
    connection = sqlite3.connect(database)
    for statement, parameters in asked:
        plan = [step for *_, step in connection.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)]
        walks = {step for step in plan if step.startswith("SCAN") and "CONSTANT ROW" not in step} - WALKS.keys()
        sorts = [step for step in plan if "TEMP B-TREE" in step]
        if "FROM requests WHERE id IN" in statement or " ORDER BY request_seq, row" in statement:
            sorts = []  # a handful, in the order in which they are locked
        assert not walks, (statement, plan)
        assert not sorts, (statement, plan)
    connection.close()


async def test_claims_read_ready_products_alone_and_in_order(database: Path, states: SqlStates) -> None:
    await upload(states, 10)

    async def claim_both_ways(states: SqlStates) -> None:
        for _ in range(4):
            await states.claim("worker", 1, lease=LEASE)

    claims = {s for s, _ in await _statements(states, claim_both_ways) if "SET state = 'leased'" in s}
    connection = sqlite3.connect(database)
    plans = [[step for *_, step in connection.execute(f"EXPLAIN QUERY PLAN {claim}")] for claim in sorted(claims)]
    connection.close()
    used = sorted({step.split(" INDEX ")[1] for plan in plans for step in plan if "INDEX" in step and step.startswith("SCAN")})
    assert used == ["products_fair", "products_oldest"]


async def test_no_statement_walks_through_a_table_of_postgresql() -> None:
    """As its own planner sees it, with statistics, where most products are held and many wait."""
    with elsewhere.postgres_database() as url:
        states = await PostgresStates.open(url)
        try:
            await states.migrate()
            unpublished = draft()  # in nobody's way
            await states.create(unpublished)
            for first in range(1, 20_000, 5000):
                await states.add_products(unpublished.id, rows(5000, first=first))
            for n in range(40):
                await upload(states, 20, idempotency_key=f"k{n}")
            await states.record([outcome(p, DONE) for p in await states.claim("other", 300, lease=LEASE)])
            waiting = await states.claim("other", 500, lease=LEASE)
            await states.record([outcome(p, PENDING, state=ProductState.WAITING, delay=LEASE) for p in waiting])
            run_sql(url, "ANALYZE")
            asked = [one for what in (_look, _work, _keep, _cancel, _finish) for one in await _statements(states, what)]
        finally:
            await states.close()
        assert asked
        with psycopg.connect(url) as shell:
            for statement, parameters in asked:
                [[[plan]]] = shell.execute(f"EXPLAIN (FORMAT JSON) {statement}", parameters).fetchall()
                walks = {node["Relation Name"] for node in _nodes(plan["Plan"]) if node["Node Type"] == "Seq Scan"}
                # Deliveries are a handful here, and figures count requests by their states.
                walks -= {"deliveries", "alembic_version", "memory"} | ({"requests"} if "FROM requests" in statement else set())
                assert not walks, (statement, plan)


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for inner in plan.get("Plans", ()):
        yield from _nodes(inner)


async def _statements(states: SqlStates, what: Callable[[SqlStates], Awaitable[None]]) -> list[tuple[str, Any]]:
    """The statements that are run meanwhile, with parameters (SQLite's have theirs filled in)."""
    seen: dict[str, Any] = {}

    def note(statement: str, parameters: Any = ()) -> None:
        if statement.split(maxsplit=1)[0] in ("SELECT", "UPDATE", "DELETE", "WITH") and "pg_catalog" not in statement:
            seen[statement] = parameters

    with _overheard(states._runner, note):
        await what(states)
    return list(seen.items())


@contextmanager
def _overheard(runner: Any, note: Callable[..., None]) -> Iterator[None]:
    """SQLAlchemy is asked before each statement that goes to a server; SQLite's driver by each connection, those to come too."""
    if isinstance(runner, ServerRunner):

        def before(_connection: object, _cursor: object, statement: str, parameters: Any, _context: object, many: bool) -> None:
            note(statement, parameters[0] if many else parameters)

        event.listen(runner._engine.sync_engine, "before_cursor_execute", before)
        yield
        event.remove(runner._engine.sync_engine, "before_cursor_execute", before)
        return
    connect = runner._connect

    def overheard(connection: sqlite3.Connection) -> sqlite3.Connection:
        connection.set_trace_callback(note)
        return connection

    for connections in runner._idle.values():
        for connection in connections:
            overheard(connection)
    runner._connect = lambda: overheard(connect())
    yield
    runner._connect = connect
    for connections in runner._idle.values():
        for connection in connections:
            connection.set_trace_callback(None)
