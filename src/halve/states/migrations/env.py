"""How Alembic runs our migrations: on the connection it is handed, in the transaction that is open there. That connection is a
plain one under every engine, async ones too, since `run_sync` lends it out.
"""

from __future__ import annotations

from alembic import context

from halve.states.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transactional_ddl=True,  # SQLite can, once the driver leaves transactions alone
    render_as_batch=True,  # SQLite changes columns by copying the table
    compare_type=True,
    compare_server_default=True,
)
with context.begin_transaction():
    context.run_migrations()
