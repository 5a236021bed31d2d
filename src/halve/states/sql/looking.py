"""What people and programs look at: requests, their products, what is old."""

from __future__ import annotations

from uuid import UUID

from halve.core.models import Page, Product, Request, Status
from halve.states import refusals
from halve.states.sql import rows
from halve.states.sql.transaction import Transaction
from halve.states.sql.upkeep import DAY


def request(tx: Transaction, request_id: UUID) -> Request | None:
    found = tx.one(f"SELECT {rows.REQUEST} FROM requests WHERE id = :id AND stage = 'published'", id=str(request_id))
    return None if found is None else rows.request(found)


def requests(tx: Transaction, owner: str | None, *, limit: int, cursor: str | None) -> Page[Request]:
    """The cursor is the number of the last request that was shown."""
    if cursor is not None and not (cursor.isascii() and cursor.isdigit() and len(cursor) < 19):
        raise refusals.no_cursor()
    found = tx.all(
        f"SELECT {rows.REQUEST}, seq FROM requests WHERE stage = 'published'"
        + (" AND owner = :owner" if owner is not None else "")
        + (" AND seq < :before" if cursor is not None else "")
        + " ORDER BY seq DESC LIMIT :limit",
        limit=limit + 1,
        **({} if owner is None else {"owner": owner}),
        **({} if cursor is None else {"before": int(cursor)}),
    )
    following = str(found[limit - 1].seq) if len(found) > limit else None
    return Page(tuple(rows.request(columns) for columns in found[:limit]), following)


def products(tx: Transaction, request_id: UUID, *, after_row: int, limit: int, failed_only: bool) -> list[Product]:
    whole = tx.one("SELECT seq, round, status, fed FROM requests WHERE id = :id AND stage = 'published'", id=str(request_id))
    if whole is None:
        return []
    found = tx.all(
        f"SELECT place, {rows.PRODUCT} FROM products WHERE request_seq = :seq AND row > :after"
        + (" AND failed_images > 0" if failed_only else "")
        + " ORDER BY row LIMIT :limit",
        seq=whole.seq,
        after=after_row,
        limit=limit,
    )
    cancelled = whole.status == Status.CANCELLED
    return [rows.product(columns, whole.round, place=place, fed=whole.fed, cancelled=cancelled) for place, *columns in found]


def open_requests(tx: Transaction, owner: str) -> int:
    count: int = tx.value(
        "SELECT COUNT(*) FROM requests WHERE stage = 'published' AND completed_at IS NULL AND owner = :owner", owner=owner
    )
    return count


def expired(tx: Transaction, *, days: float, limit: int) -> list[Request]:
    finished = tx.all(
        f"SELECT {rows.REQUEST} FROM requests WHERE stage = 'published' AND completed_at < {{now}} - :age"
        " ORDER BY completed_at LIMIT :limit",
        age=days * DAY,
        limit=limit,
    )
    abandoned = tx.all(
        f"SELECT {rows.REQUEST} FROM requests WHERE stage <> 'published' AND stage = 'draft' AND created_at < {{now}} - :age"
        " ORDER BY created_at LIMIT :limit",
        age=DAY,
        limit=limit,
    )
    return [rows.request(columns) for columns in (*finished, *abandoned)][:limit]
