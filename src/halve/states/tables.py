"""The tables of the SQL state store: SQLite now, PostgreSQL by the same definitions.

Times are seconds since 1970 as floating point, by the database's clock, so that the same arithmetic serves every dialect.
Ids are UUIDs as text; nested things (options, results, lists of URLs) are JSON as text.

There are no foreign keys: a million products are erased in many short transactions, children first, and every statement that
could orphan one names the request it belongs to.
"""

from __future__ import annotations

from sqlalchemy import DDL, BigInteger, Column, Double, Index, Integer, MetaData, String, Table, Text, event, text

from halve.states.sql.feeding import FEEDABLE

metadata = MetaData()

_Big = BigInteger().with_variant(Integer, "sqlite")
_ID = String(36)


def _count(name: str) -> Column[int]:
    return Column(name, _Big, nullable=False, server_default="0")


requests = Table(
    "requests",
    metadata,
    Column("seq", _Big, primary_key=True, autoincrement=True, doc="Grows with every request: its age."),
    Column("id", _ID, nullable=False, unique=True),
    Column("stage", String(9), nullable=False, doc="draft, published or erased; only published ones are seen."),
    Column("status", String(10), nullable=False),
    Column("round", Integer, nullable=False, server_default="0"),
    Column("owner", Text, nullable=False),
    Column("filename", Text, nullable=False),
    Column("folder", Text, nullable=False),
    Column("secret", Text, nullable=False),
    Column("options", Text, nullable=False),
    Column("sheet", Text, nullable=False),
    Column("base_url", Text, nullable=False),
    Column("email", Text),
    Column("webhook_url", Text),
    Column("idempotency_key", Text),
    Column("fingerprint", Text),
    _count("total_images"),
    _count("done_images"),
    _count("failed_images"),
    _count("total_rows"),
    _count("failed_rows"),
    _count("bytes_in"),
    _count("bytes_out"),
    Column("repairs", Text),
    Column("input_key", Text),
    Column("output_key", Text),
    Column("failed_key", Text),
    Column("created_at", Double, nullable=False),
    Column("completed_at", Double),
    Column("open_products", _Big, nullable=False, server_default="0", doc="Products that are not over; of a draft, all."),
    Column("retryable", _Big, nullable=False, server_default="0", doc="Products that a retry would open; set at the end."),
    Column("fed", _Big, nullable=False, server_default="0", doc="Products up to this place were made ready; see sql/feeding.py."),
    Column(
        "feed_at",
        _Big,
        nullable=False,
        server_default="0",
        doc="A claim of this place or a later one makes more of them ready.",
    ),
    sqlite_autoincrement=True,
)

_published = text("stage = 'published'")
_unfinished = text("stage = 'published' AND completed_at IS NULL")
_finishable = text("stage = 'published' AND completed_at IS NULL AND open_products = 0")
_unpublished = text("stage <> 'published'")
_keyed = text("stage = 'published' AND idempotency_key IS NOT NULL")

Index("requests_key", requests.c.owner, requests.c.idempotency_key, unique=True, sqlite_where=_keyed, postgresql_where=_keyed)
Index("requests_of_owner", requests.c.owner, requests.c.seq, sqlite_where=_published, postgresql_where=_published)
Index("requests_listed", requests.c.stage, requests.c.seq)
Index("requests_status", requests.c.stage, requests.c.status)
Index("requests_unfinished", requests.c.owner, requests.c.open_products, sqlite_where=_unfinished, postgresql_where=_unfinished)
Index("requests_finishable", requests.c.seq, sqlite_where=_finishable, postgresql_where=_finishable)
Index("requests_unpublished", requests.c.stage, requests.c.created_at, sqlite_where=_unpublished, postgresql_where=_unpublished)
Index("requests_completed", requests.c.stage, requests.c.completed_at)

products = Table(
    "products",
    metadata,
    Column("id", _Big, primary_key=True, autoincrement=True),
    Column("request_seq", _Big, nullable=False),
    Column("request_id", _ID, nullable=False),
    Column("row", Integer, nullable=False),
    Column("place", _Big, nullable=False, doc="Ordinal of the product within its request, from 1."),
    Column("serial", Text, nullable=False),
    Column("product_name", Text, nullable=False),
    Column("input_urls", Text, nullable=False),
    Column("output_urls", Text, doc="One per input URL, null where there is none; NULL: nothing recorded yet."),
    Column("results", Text, doc="One per input URL; NULL: nothing recorded yet."),
    Column("state", String(9), nullable=False, doc="A ProductState, or held: ready, and not yet fed; see sql/feeding.py."),
    Column("holder", Text),
    Column("claim", _Big, doc="Number of the claim that leased it last; see `SqlStates.claim`."),
    Column("due_at", Double, doc="End of the wait or of the lease."),
    _count("fence"),
    _count("lost"),
    Column("round", Integer, nullable=False, server_default="0", doc="The request's round when last recorded."),
    _count("done_images"),
    _count("failed_images"),
    Column("failed_in_round", _Big, nullable=False, server_default="0", doc="Those of failed_images that failed in `round`."),
    _count("bytes_in"),
    _count("bytes_out"),
)

_ready = text("state = 'ready'")
_waiting = text("state = 'waiting'")
_leased = text("state = 'leased'")
_feedable = text(FEEDABLE)
_failures = text("failed_images > 0")

Index("products_row", products.c.request_seq, products.c.row, unique=True)
Index("products_fair", products.c.place, products.c.request_seq, sqlite_where=_ready, postgresql_where=_ready)
Index("products_oldest", products.c.request_seq, products.c.place, sqlite_where=_ready, postgresql_where=_ready)
Index("products_waiting", products.c.due_at, products.c.request_seq, sqlite_where=_waiting, postgresql_where=_waiting)
Index(
    "products_leased",
    products.c.holder,
    products.c.due_at,
    products.c.request_seq,
    sqlite_where=_leased,
    postgresql_where=_leased,
)
Index("products_feedable", products.c.request_seq, products.c.place, sqlite_where=_feedable, postgresql_where=_feedable)
Index("products_failures", products.c.request_seq, products.c.row, sqlite_where=_failures, postgresql_where=_failures)

deliveries = Table(
    "deliveries",
    metadata,
    Column("seq", _Big, primary_key=True, autoincrement=True),
    Column("id", _ID, nullable=False, unique=True),
    Column("request_seq", _Big, nullable=False),
    Column("request_id", _ID, nullable=False),
    Column("kind", String(7), nullable=False),
    Column("target", Text, nullable=False),
    Column("state", String(9), nullable=False),
    Column("attempts", Integer, nullable=False, server_default="0"),
    _count("fence"),
    Column("holder", Text),
    Column("claim", _Big),
    Column("due_at", Double),
    Column("last_answer", Text),
)

_due = text("state = 'due'")

Index("deliveries_of_request", deliveries.c.request_seq)
Index("deliveries_due", deliveries.c.due_at, sqlite_where=_due, postgresql_where=_due)
Index("deliveries_leased", deliveries.c.holder, deliveries.c.due_at, sqlite_where=_leased, postgresql_where=_leased)

secrets = Table("secrets", metadata, Column("name", Text, primary_key=True), Column("value", Text, nullable=False))

memory = Table(
    "memory",
    metadata,
    Column("key", String(64), primary_key=True),
    Column("value", Text, nullable=False),
    Column("expires_at", Double, nullable=False),
)

Index("memory_expiring", memory.c.expires_at)

IMAGE_REQUESTS = (
    "CREATE VIEW image_requests AS SELECT p.id, r.id AS request_id, r.status, p.product_name, {input_urls}, {output_urls},"
    " r.webhook_url FROM requests r JOIN products p ON p.request_seq = r.seq WHERE r.stage = 'published'"
)
"""For people with a shell: each product of a published request, with the links of its compressed images. Two tables, so that
nothing can be written through it; a user who may read it and nothing else sees no secrets."""

for _name, _list in (("sqlite", "p.{0}"), ("postgresql", "CAST(p.{0} AS json) AS {0}")):
    _view = IMAGE_REQUESTS.format(**{column: _list.format(column) for column in ("input_urls", "output_urls")})
    event.listen(metadata, "after_create", DDL(_view).execute_if(dialect=_name))  # type: ignore[no-untyped-call]
