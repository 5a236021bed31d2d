"""Notifications: made when a request ends, leased, sent, written down."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from halve.core.models import Delivery, DeliveryKind, DeliveryState
from halve.states.sql import rows
from halve.states.sql.transaction import Transaction


def add(tx: Transaction, request_id: UUID, deliveries: Sequence[Delivery]) -> None:
    tx.change_many(
        "INSERT INTO deliveries (id, request_seq, request_id, kind, target, state, due_at)"
        " VALUES (:id, (SELECT seq FROM requests WHERE id = :request_id), :request_id, :kind, :target, 'due', {now})",
        [
            {
                "id": str(delivery.id),
                "request_id": str(request_id),
                "kind": delivery.kind.value,
                "target": delivery.target,
            }
            for delivery in deliveries
        ],
    )


def of_request(tx: Transaction, request_id: UUID) -> list[Delivery]:
    found = tx.all(
        f"SELECT {rows.DELIVERY} FROM deliveries WHERE request_seq ="
        " (SELECT seq FROM requests WHERE id = :id AND stage = 'published') ORDER BY seq",
        id=str(request_id),
    )
    return [rows.delivery(columns) for columns in found]


def claim(tx: Transaction, holder: str, number: int, n: int, *, lease: float) -> list[Delivery]:
    found = tx.all(
        "WITH picked AS MATERIALIZED (SELECT seq FROM deliveries WHERE state = 'due' AND due_at <= {now}"
        " ORDER BY due_at LIMIT :n {free})"
        " UPDATE deliveries SET state = 'leased', holder = :holder, claim = :number, due_at = {now} + :lease,"
        f" attempts = attempts + 1, fence = fence + 1 WHERE seq IN (SELECT seq FROM picked) RETURNING {rows.DELIVERY}",
        holder=holder,
        number=number,
        lease=lease,
        n=n,
    )
    return [rows.delivery(columns) for columns in found]


def record(tx: Transaction, delivery: Delivery, *, state: DeliveryState, answer: str, delay: float) -> None:
    tx.change(
        "UPDATE deliveries SET state = :state, last_answer = :answer, holder = NULL, due_at = {now} + :delay"
        " WHERE id = :id AND fence = :fence AND state = 'leased'",
        id=str(delivery.id),
        fence=delivery.fence,
        state=state.value,
        answer=answer,
        delay=delay if state is DeliveryState.DUE else None,
    )


def redeliver(tx: Transaction, request_id: UUID, kind: DeliveryKind) -> bool:
    """The fence grows too: an attempt that is under way changes nothing any more."""
    return bool(
        tx.change(
            "UPDATE deliveries SET state = 'due', holder = NULL, due_at = {now}, attempts = 0, fence = fence + 1 WHERE seq ="
            " (SELECT MAX(d.seq) FROM deliveries d JOIN requests r ON r.seq = d.request_seq"
            " WHERE r.id = :id AND r.stage = 'published' AND d.kind = :kind)",
            id=str(request_id),
            kind=kind.value,
        )
    )
