"""Requests, products, deliveries and secrets."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
ID = sa.String(36)


def count(name: str) -> sa.Column[int]:
    return sa.Column(name, BIG, nullable=False, server_default="0")


def index(name: str, table: str, columns: list[str], where: str | None = None, *, unique: bool = False) -> None:
    part = None if where is None else sa.text(where)
    op.create_index(name, table, columns, unique=unique, sqlite_where=part, postgresql_where=part)


def upgrade() -> None:
    op.create_table(
        "requests",
        sa.Column("seq", BIG, autoincrement=True, primary_key=True),
        sa.Column("id", ID, nullable=False, unique=True),
        sa.Column("stage", sa.String(9), nullable=False),
        sa.Column("status", sa.String(10), nullable=False),
        sa.Column("round", sa.Integer(), server_default="0", nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("filename", sa.Text(), nullable=False),
        sa.Column("folder", sa.Text(), nullable=False),
        sa.Column("secret", sa.Text(), nullable=False),
        sa.Column("options", sa.Text(), nullable=False),
        sa.Column("sheet", sa.Text(), nullable=False),
        sa.Column("base_url", sa.Text(), nullable=False),
        sa.Column("email", sa.Text()),
        sa.Column("webhook_url", sa.Text()),
        sa.Column("idempotency_key", sa.Text()),
        sa.Column("fingerprint", sa.Text()),
        count("total_images"),
        count("done_images"),
        count("failed_images"),
        count("total_rows"),
        count("failed_rows"),
        count("bytes_in"),
        count("bytes_out"),
        sa.Column("repairs", sa.Text()),
        sa.Column("input_key", sa.Text()),
        sa.Column("output_key", sa.Text()),
        sa.Column("failed_key", sa.Text()),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("completed_at", sa.Double()),
        count("open_products"),
        count("retryable"),
        count("fed"),
        count("feed_at"),
        sqlite_autoincrement=True,
    )
    published = "stage = 'published'"
    unfinished = "stage = 'published' AND completed_at IS NULL"
    keyed = "stage = 'published' AND idempotency_key IS NOT NULL"
    index("requests_key", "requests", ["owner", "idempotency_key"], keyed, unique=True)
    index("requests_of_owner", "requests", ["owner", "seq"], published)
    index("requests_listed", "requests", ["stage", "seq"])
    index("requests_status", "requests", ["stage", "status"])
    index("requests_unfinished", "requests", ["owner", "open_products"], unfinished)
    index("requests_finishable", "requests", ["seq"], f"{unfinished} AND open_products = 0")
    index("requests_unpublished", "requests", ["stage", "created_at"], "stage <> 'published'")
    index("requests_completed", "requests", ["stage", "completed_at"])

    op.create_table(
        "products",
        sa.Column("id", BIG, autoincrement=True, primary_key=True),
        sa.Column("request_seq", BIG, nullable=False),
        sa.Column("request_id", ID, nullable=False),
        sa.Column("row", sa.Integer(), nullable=False),
        sa.Column("place", BIG, nullable=False),
        sa.Column("serial", sa.Text(), nullable=False),
        sa.Column("product_name", sa.Text(), nullable=False),
        sa.Column("input_urls", sa.Text(), nullable=False),
        sa.Column("output_urls", sa.Text()),
        sa.Column("results", sa.Text()),
        sa.Column("state", sa.String(9), nullable=False),
        sa.Column("holder", sa.Text()),
        sa.Column("due_at", sa.Double()),
        count("fence"),
        count("lost"),
        sa.Column("round", sa.Integer(), server_default="0", nullable=False),
        count("done_images"),
        count("failed_images"),
        count("failed_in_round"),
        count("bytes_in"),
        count("bytes_out"),
    )
    index("products_row", "products", ["request_seq", "row"], unique=True)
    index("products_fair", "products", ["place", "request_seq"], "state = 'ready'")
    index("products_oldest", "products", ["request_seq", "place"], "state = 'ready'")
    index("products_waiting", "products", ["due_at", "request_seq"], "state = 'waiting'")
    index("products_leased", "products", ["holder", "due_at", "request_seq"], "state = 'leased'")
    index("products_feedable", "products", ["request_seq", "place"], "(state = 'held' OR state = 'failed' OR state = 'cancelled')")
    index("products_failures", "products", ["request_seq", "row"], "failed_images > 0")

    op.create_table(
        "deliveries",
        sa.Column("seq", BIG, autoincrement=True, primary_key=True),
        sa.Column("id", ID, nullable=False, unique=True),
        sa.Column("request_seq", BIG, nullable=False),
        sa.Column("request_id", ID, nullable=False),
        sa.Column("kind", sa.String(7), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("state", sa.String(9), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        count("fence"),
        sa.Column("holder", sa.Text()),
        sa.Column("due_at", sa.Double()),
        sa.Column("last_answer", sa.Text()),
    )
    index("deliveries_of_request", "deliveries", ["request_seq"])
    index("deliveries_due", "deliveries", ["due_at"], "state = 'due'")
    index("deliveries_leased", "deliveries", ["holder", "due_at"], "state = 'leased'")

    op.create_table("secrets", sa.Column("name", sa.Text(), primary_key=True), sa.Column("value", sa.Text(), nullable=False))
