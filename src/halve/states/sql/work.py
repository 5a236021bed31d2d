"""Work is handed out and comes back: claim, renew, record."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any
from uuid import UUID

from halve.core.models import Outcome, Product, ProductState
from halve.states.sql import feeding, rows
from halve.states.sql.counts import Counts, Move
from halve.states.sql.transaction import Transaction

_CLAIM = (
    "WITH picked AS MATERIALIZED (SELECT id FROM products WHERE state = 'ready' ORDER BY ORDER_ LIMIT :n {free})"
    " UPDATE products SET state = 'leased', holder = :holder, claim = :number, due_at = {now} + :lease, fence = fence + 1"
    " WHERE id IN (SELECT id FROM picked)"
    " RETURNING id, request_seq, place, " + rows.PRODUCT
)
CLAIM_FAIRLY = _CLAIM.replace("ORDER_", "place, request_seq")
CLAIM_OLDEST = _CLAIM.replace("ORDER_", "request_seq, place")
"""Each goes down a partial index of ready products alone: what is parked or not yet fed costs nothing."""


DEAD_AT_ONCE = 5000
"""Products of a request that is over which a claim takes out of the queue, once it has met one."""


def claim(tx: Transaction, holder: str, number: int, n: int, *, lease: float, oldest: bool) -> list[Product]:
    """Products of requests that were cancelled or erased may still stand in the queue; they are taken out of it here."""
    order = (lambda c: (c.request_seq, c.place)) if oldest else (lambda c: (c.place, c.request_seq))
    claimed: list[Product] = []
    n = min(n, feeding.CLAIM_LIMIT)
    while len(claimed) < n:
        statement = CLAIM_OLDEST if oldest else CLAIM_FAIRLY
        taken = sorted(tx.all(statement, holder=holder, number=number, lease=lease, n=n - len(claimed)), key=order)
        if not taken:
            break
        requests = _requests_at_work(tx, taken)
        claimed += [
            rows.product(columns, requests[seq], place=place, fed=place, cancelled=False)
            for _, seq, place, *columns in taken
            if seq in requests
        ]
        dead = [columns for columns in taken if columns.request_seq not in requests]
        if not dead:
            break
        _take_out(tx, dead)
    return claimed


def _take_out(tx: Transaction, dead: Sequence[Any]) -> None:
    """These, which were just leased, and what else stands in the queue of their requests."""
    tx.change(
        "UPDATE products SET state = 'cancelled', holder = NULL, due_at = NULL WHERE id IN :ids",
        ids=[columns.id for columns in dead],
    )
    for seq in sorted({columns.request_seq for columns in dead}):
        tx.change(
            "UPDATE products SET state = 'cancelled' WHERE id IN"
            " (SELECT id FROM products WHERE state = 'ready' AND request_seq = :seq LIMIT :limit {free})",
            seq=seq,
            limit=DEAD_AT_ONCE,
        )


def _requests_at_work(tx: Transaction, taken: Sequence[Any]) -> dict[int, int]:
    """Those requests of the taken products that are open, with their rounds; `processing` from now on, and fed if it is time."""
    furthest: dict[int, int] = {}
    for columns in taken:
        furthest[columns.request_seq] = max(columns.place, furthest.get(columns.request_seq, 0))
    found = tx.all(
        "SELECT seq, status, round, feed_at FROM requests WHERE seq IN :seqs AND stage = 'published'"
        " AND status IN ('pending', 'processing')",
        seqs=list(furthest),
    )
    to_change = [request.seq for request in found if request.status == "pending" or furthest[request.seq] >= request.feed_at]
    # All of them are locked first, in the order in which `record` does: else each could wait for the other.
    for seq, status, feed_at in tx.all(_LOCKED, seqs=to_change) if to_change else ():
        if status == "pending":
            tx.change("UPDATE requests SET status = 'processing' WHERE seq = :seq", seq=seq)
        if furthest[seq] >= feed_at:
            feeding.feed(tx, seq)
    return {request.seq: request.round for request in found}


_LOCKED = (
    "SELECT seq, status, feed_at FROM requests WHERE seq IN :seqs AND stage = 'published'"
    " AND status IN ('pending', 'processing') ORDER BY seq {locked}"
)


def let_go(tx: Transaction, holder: str, number: int) -> None:
    """What that claim leased and nobody was told of."""
    tx.change(
        "UPDATE products SET state = 'ready', holder = NULL, due_at = NULL"
        " WHERE state = 'leased' AND holder = :holder AND claim = :number",
        holder=holder,
        number=number,
    )
    tx.change(
        "UPDATE deliveries SET state = 'due', holder = NULL, due_at = {now}"
        " WHERE state = 'leased' AND holder = :holder AND claim = :number",
        holder=holder,
        number=number,
    )


def renew(tx: Transaction, holder: str, *, lease: float) -> None:
    """Products are locked in the order in which `record` does."""
    tx.change(
        "UPDATE products SET due_at = {now} + :lease WHERE id IN"
        " (SELECT id FROM products WHERE state = 'leased' AND holder = :holder ORDER BY request_seq, row {locked})",
        holder=holder,
        lease=lease,
    )
    tx.change(
        "UPDATE deliveries SET due_at = {now} + :lease WHERE state = 'leased' AND holder = :holder", holder=holder, lease=lease
    )


def record(tx: Transaction, outcomes: Sequence[Outcome]) -> set[UUID]:
    """The requests are locked first, so that none is cancelled or ends between the look at it and the counting; then their
    products, so that no fence becomes stale.
    """
    if any(outcome.state is ProductState.CANCELLED for outcome in outcomes):
        raise ValueError("a product is cancelled by `cancel`, not by its record")
    ids = sorted({str(outcome.request_id) for outcome in outcomes})
    requests = {
        found.id: found
        for found in tx.all(
            "SELECT id, seq, round, open_products FROM requests WHERE id IN :ids AND stage = 'published'"
            " AND status IN ('pending', 'processing') ORDER BY seq {locked}",
            ids=ids,
        )
    }
    here = [(requests[str(outcome.request_id)], outcome) for outcome in outcomes if str(outcome.request_id) in requests]
    rows_of: defaultdict[int, list[int]] = defaultdict(list)
    for request, outcome in here:
        rows_of[request.seq].append(outcome.row)
    leased = _leased(tx, rows_of)
    going_on: list[dict[str, Any]] = []
    let_go: list[dict[str, Any]] = []
    moves: defaultdict[int, Move] = defaultdict(Move)
    for request, outcome in here:
        product = leased.get((request.seq, outcome.row))
        if product is None or product.fence != outcome.fence:
            continue
        counts, move = Counts.of(outcome.results, request.round), moves[request.seq]
        move.add(product.counts(request.round), counts)
        columns = {"id": product.id, "round": request.round, **counts.columns(), **rows.results_columns(outcome.results)}
        if outcome.state is ProductState.LEASED:
            going_on.append(columns)
            product.counted, product.round = counts, request.round
        else:
            delay = outcome.delay if outcome.state is ProductState.WAITING else None
            let_go.append({**columns, "state": outcome.state.value, "delay": delay})
            del leased[request.seq, outcome.row]
            move.closed += outcome.state in (ProductState.DONE, ProductState.FAILED)
    tx.change_many(_GO_ON, going_on)
    tx.change_many(_LET_GO, let_go)
    tx.change_many(_MOVE, [{"seq": seq, **asdict(moves[seq])} for seq in sorted(moves)])
    return {UUID(id) for id, request in requests.items() if request.open_products == moves[request.seq].closed}


_RECORDED = (
    "results = :results, output_urls = :output_urls, round = :round, done_images = :done, failed_images = :failed,"
    " failed_in_round = :failed_in_round, bytes_in = :bytes_in, bytes_out = :bytes_out"
)
_GO_ON = f"UPDATE products SET {_RECORDED} WHERE id = :id"
_LET_GO = f"UPDATE products SET {_RECORDED}, state = :state, holder = NULL, due_at = {{now}} + :delay WHERE id = :id"

_MOVE = (
    "UPDATE requests SET done_images = done_images + :done, failed_images = failed_images + :failed,"
    " bytes_in = bytes_in + :bytes_in, bytes_out = bytes_out + :bytes_out, open_products = open_products - :closed WHERE seq = :seq"
)


@dataclass(slots=True)
class _Leased:
    """What a leased product had on record before."""

    id: int
    fence: int
    round: int
    counted: Counts

    def counts(self, round: int) -> Counts:
        return self.counted if self.round == round else replace(self.counted, failed_in_round=0)


def _leased(tx: Transaction, rows_of: Mapping[int, list[int]]) -> dict[tuple[int, int], _Leased]:
    """Those of these rows, by request, that are leased. They are locked in the order in which `renew` does."""
    # One search for each request: SQLite answers a list of pairs, or a wish for leased ones, by walking through the table.
    return {
        (seq, row): _Leased(id, fence, round, Counts(*counts))
        for seq, wanted in sorted(rows_of.items())
        for state, row, id, fence, round, *counts in tx.all(
            "SELECT state, row, id, fence, round, done_images, failed_images, failed_in_round, bytes_in, bytes_out"
            " FROM products WHERE request_seq = :seq AND row IN :rows ORDER BY row {locked}",
            seq=seq,
            rows=wanted,
        )
        if state == ProductState.LEASED
    }
