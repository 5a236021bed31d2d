"""How requests end: finished, cancelled, run again, erased. What concerns a million products is done in short transactions,
each a step that the next call goes on from, so that others get to write in between and a kill leaves nothing wrong.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from halve.core.models import Delivery, ImageResult
from halve.states.sql import deliveries as outbox
from halve.states.sql import feeding, rows
from halve.states.sql.counts import Counts
from halve.states.sql.transaction import Transaction

_FINISHABLE = "stage = 'published' AND completed_at IS NULL AND open_products = 0"

_COUNTED = "done_images, failed_images, bytes_in, bytes_out, retryable"
_SUMS = (
    "COALESCE(SUM(p.done_images), 0) AS done, COALESCE(SUM(p.failed_images), 0) AS failed,"
    " COALESCE(SUM(p.bytes_in), 0) AS bytes_in, COALESCE(SUM(p.bytes_out), 0) AS bytes_out,"
    " COALESCE(SUM(CASE p.state WHEN 'done' THEN 0 ELSE 1 END), 0) AS retryable FROM products p"
)
"""What a request counts, and what that is of its products."""


def to_finish(tx: Transaction, *, limit: int) -> list[UUID]:
    found = tx.all(f"SELECT id FROM requests WHERE {_FINISHABLE} ORDER BY seq LIMIT :limit", limit=limit)
    return [UUID(id) for (id,) in found]


def tally(tx: Transaction, request_id: UUID, round: int) -> Any:
    """Exact counts over all products, or None where the request cannot be finished. They stay true for this round: nothing is
    recorded in a request that has no open product. Read apart from `finish`, since a million products take a second.
    """
    return tx.one(
        f"SELECT {_SUMS} WHERE p.request_seq = (SELECT seq FROM requests WHERE id = :id AND round = :round AND {_FINISHABLE})"
        f" HAVING EXISTS (SELECT 1 FROM requests WHERE id = :id AND round = :round AND {_FINISHABLE})",
        id=str(request_id),
        round=round,
    )


def finish(
    tx: Transaction,
    request_id: UUID,
    round: int,
    counts: Any,
    *,
    cancelled: bool,
    output_key: str,
    failed_key: str | None,
    deliveries: Sequence[Delivery],
) -> bool:
    finished = tx.change(
        "UPDATE requests SET status = :status, done_images = :done, failed_images = :failed, bytes_in = :bytes_in,"
        " bytes_out = :bytes_out, retryable = :retryable,"
        " output_key = :output_key, failed_key = :failed_key, completed_at = {now}"
        f" WHERE id = :id AND round = :round AND {_FINISHABLE} AND status {'=' if cancelled else '<>'} 'cancelled'",
        id=str(request_id),
        round=round,
        status="cancelled" if cancelled else "completed" if counts.done else "failed",
        output_key=output_key,
        failed_key=failed_key,
        **counts._asdict(),
    )
    if finished:
        outbox.add(tx, request_id, deliveries)
    return bool(finished)


# ── cancel ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def cancel(tx: Transaction, request_id: UUID) -> bool:
    """From here on nothing of the request is handed out or recorded, whatever its products' own rows still say."""
    return bool(
        tx.change(
            "UPDATE requests SET status = 'cancelled', open_products = 0"
            " WHERE id = :id AND stage = 'published' AND completed_at IS NULL AND status <> 'cancelled'",
            id=str(request_id),
        )
    )


def fed_products(tx: Transaction, request_id: UUID) -> list[int]:
    """Products of a cancelled request that still stand in the queue, wait or are leased."""
    found = tx.one("SELECT seq FROM requests WHERE id = :id AND stage = 'published' AND status = 'cancelled'", id=str(request_id))
    if found is None:
        return []
    return [
        id
        for state in ("ready", "waiting", "leased")
        for (id,) in tx.all(f"SELECT id FROM products WHERE state = '{state}' AND request_seq = :seq", seq=found.seq)
    ]


def cancel_products(tx: Transaction, request_id: UUID, ids: list[int]) -> None:
    """Write down that these are cancelled, unless the request runs again meanwhile."""
    tx.change(
        "UPDATE products SET state = 'cancelled', holder = NULL, due_at = NULL WHERE id IN"
        " (SELECT id FROM products WHERE id IN :ids ORDER BY id {locked}) AND state IN ('ready', 'waiting', 'leased')"
        " AND EXISTS (SELECT 1 FROM requests WHERE id = :id AND status = 'cancelled')",
        ids=ids,
        id=str(request_id),
    )


# ── retry ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def retry(tx: Transaction, request_id: UUID) -> bool:
    """The caller has seen to it that no product of a cancelled request is in the queue, waits or is leased."""
    seq = tx.value(
        "SELECT seq FROM requests WHERE id = :id AND stage = 'published' AND completed_at IS NOT NULL AND retryable > 0 {locked}",
        id=str(request_id),
    )
    if seq is None:
        return False
    tx.change(
        "UPDATE requests SET status = 'processing', round = round + 1, open_products = retryable, retryable = 0, failed_images = 0,"
        " output_key = NULL, failed_key = NULL, completed_at = NULL, fed = 0 WHERE seq = :seq",
        seq=seq,
    )
    feeding.feed(tx, seq)
    return True


def reopen(tx: Transaction, request_id: UUID, lost: Mapping[int, Sequence[ImageResult]]) -> bool:
    """A retry of a finished request in which products, by row, have no more to show than these results. Counted anew, since what
    is recorded from then on moves the counters by its difference to what is there.
    """
    finished = tx.one(
        "SELECT seq, round FROM requests WHERE id = :id AND stage = 'published' AND completed_at IS NOT NULL {locked}",
        id=str(request_id),
    )
    if finished is None:
        return False
    tx.change_many(
        "UPDATE products SET state = 'failed', results = :results, output_urls = :output_urls, done_images = :done,"
        " failed_images = :failed, failed_in_round = :failed_in_round, bytes_in = :bytes_in, bytes_out = :bytes_out"
        " WHERE request_seq = :seq AND row = :row",
        [
            {"seq": finished.seq, "row": row, **Counts.of(left, finished.round).columns(), **rows.results_columns(left)}
            for row, left in lost.items()
        ],
    )
    tx.change(f"UPDATE requests SET ({_COUNTED}) = (SELECT {_SUMS} WHERE p.request_seq = :seq) WHERE seq = :seq", seq=finished.seq)
    return retry(tx, request_id)


# ── erase ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def erase(tx: Transaction, request_id: UUID) -> int | None:
    """From here on the request is not seen any more. Returns its number while there are rows of it left."""
    seq: int | None = tx.value("SELECT seq FROM requests WHERE id = :id {locked}", id=str(request_id))
    if seq is not None:
        tx.change("UPDATE requests SET stage = 'erased' WHERE seq = :seq AND stage <> 'erased'", seq=seq)
        tx.change("DELETE FROM deliveries WHERE request_seq = :seq", seq=seq)
    return seq


def erase_products(tx: Transaction, seq: int, *, limit: int) -> bool:
    """Delete some rows of an erased request, in the end its own. True when nothing is left. Locked in order, so that two who
    do so at once take turns, and each finds as many rows as there are.
    """
    deleted = tx.change(
        "DELETE FROM products WHERE id IN"
        " (SELECT id FROM products WHERE request_seq = :seq ORDER BY request_seq, row LIMIT :limit {locked})",
        seq=seq,
        limit=limit,
    )
    if deleted < limit:
        tx.change("DELETE FROM requests WHERE seq = :seq AND stage = 'erased'", seq=seq)
    return deleted < limit


def half_erased(tx: Transaction) -> int | None:
    """A request whose erasure was cut short."""
    seq: int | None = tx.value("SELECT seq FROM requests WHERE stage <> 'published' AND stage = 'erased' LIMIT 1")
    return seq
