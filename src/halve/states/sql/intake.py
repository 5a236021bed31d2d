"""A sheet comes in: draft, rows by the thousand, and one step that makes all of it visible."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from halve.core.finding import Finding
from halve.core.models import Request, Row
from halve.states import refusals
from halve.states.sql import feeding, rows
from halve.states.sql.transaction import Transaction


def create(tx: Transaction, request: Request) -> None:
    tx.change(
        "INSERT INTO requests (id, stage, status, owner, filename, folder, secret, options, sheet, base_url, email, webhook_url,"
        " idempotency_key, fingerprint, created_at) VALUES (:id, 'draft', 'pending', :owner, :filename, :folder, :secret, :options,"
        " :sheet, :base_url, :email, :webhook_url, :idempotency_key, :fingerprint, {now}) ON CONFLICT DO NOTHING",
        **rows.request_columns(request),
    )


def add_products(tx: Transaction, request_id: UUID, planned: Sequence[Row]) -> None:
    """Repeatable: rows that are there already stay as they are."""
    found = tx.one("SELECT seq, id, stage, open_products FROM requests WHERE id = :id {locked}", id=str(request_id))
    if found is None or found.stage == "erased":
        raise refusals.erased(request_id)
    if found.stage != "draft":
        raise refusals.published(request_id)
    seq, id = found.seq, found.id
    added = tx.insert_many(
        "products",
        ("request_seq", "request_id", "row", "place", "serial", "product_name", "input_urls", "state"),
        [
            (seq, id, row.row, place, row.serial, row.product_name, rows.urls_column(row.input_urls), "held")
            for place, row in enumerate(planned, found.open_products + 1)
        ],
    )
    tx.change("UPDATE requests SET open_products = open_products + :added WHERE seq = :seq", added=added, seq=seq)


def publish(
    tx: Transaction,
    request_id: UUID,
    *,
    input_key: str,
    total_images: int,
    total_rows: int,
    failed_rows: int,
    repairs: Sequence[Finding],
) -> Request:
    """Publish a draft and return it; or return, unchanged, the request that its owner published under the same key before."""
    draft = tx.one("SELECT seq, stage, owner, idempotency_key FROM requests WHERE id = :id {locked}", id=str(request_id))
    if draft is None or draft.stage == "erased":
        raise refusals.erased(request_id)
    if draft.stage == "draft":
        earlier = by_idempotency_key(tx, draft.owner, draft.idempotency_key) if draft.idempotency_key is not None else None
        if earlier is not None:
            return earlier
        tx.change(
            "UPDATE requests SET stage = 'published', input_key = :input_key, total_images = :total_images,"
            " total_rows = :total_rows, failed_rows = :failed_rows, repairs = :repairs WHERE seq = :seq",
            seq=draft.seq,
            input_key=input_key,
            total_images=total_images,
            total_rows=total_rows,
            failed_rows=failed_rows,
            repairs=rows.findings_column(repairs),
        )
        feeding.feed(tx, draft.seq)
    published = tx.one(f"SELECT {rows.REQUEST} FROM requests WHERE seq = :seq", seq=draft.seq)
    assert published is not None
    return rows.request(published)


def by_idempotency_key(tx: Transaction, owner: str, key: str) -> Request | None:
    found = tx.one(
        f"SELECT {rows.REQUEST} FROM requests WHERE stage = 'published' AND owner = :owner AND idempotency_key = :key",
        owner=owner,
        key=key,
    )
    return None if found is None else rows.request(found)
