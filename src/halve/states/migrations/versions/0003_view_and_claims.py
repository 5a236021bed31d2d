"""A view for people with a shell; and which claim leased a product or a delivery."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.add_column("products", sa.Column("claim", BIG))
    op.add_column("deliveries", sa.Column("claim", BIG))
    json = op.get_bind().dialect.name == "postgresql"
    inputs, outputs = (f"CAST(p.{name} AS json) AS {name}" if json else f"p.{name}" for name in ("input_urls", "output_urls"))
    op.execute(
        f"CREATE VIEW image_requests AS SELECT p.id, r.id AS request_id, r.status, p.product_name, {inputs}, {outputs},"  # noqa: S608
        " r.webhook_url FROM requests r JOIN products p ON p.request_seq = r.seq WHERE r.stage = 'published'"
    )
