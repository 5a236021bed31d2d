"""What keeps the queue in order: leases that ended, waits that are over, erasures that were cut short; and figures."""

from __future__ import annotations

from halve.core.models import Status
from halve.states.sql import memory
from halve.states.sql.transaction import Transaction

DAY = 86_400.0
FAR_AHEAD = DAY + 60.0
"""Nothing waits longer than a day. What is due later than this was written under a clock that has been put back since."""


def sweep(tx: Transaction, *, limit: int) -> int:
    """Products of cancelled requests come back to the queue too; the claim that meets them takes them out. What has expired
    from memory goes as well, and is not counted.
    """
    memory.forget_expired(tx, limit=limit)
    return sum(
        (
            _ready(tx, "state = 'waiting' AND due_at <= {now}", lost=0, limit=limit),
            _ready(tx, "state = 'waiting' AND due_at > {now} + :far", lost=0, limit=limit, far=FAR_AHEAD),
            _ready(tx, "state = 'leased' AND due_at <= {now}", lost=1, limit=limit),
            _ready(tx, "state = 'leased' AND due_at > {now} + :far", lost=0, limit=limit, far=FAR_AHEAD),
            _due(tx, "state = 'leased' AND due_at <= {now}", limit=limit),
            _due(tx, "state = 'leased' AND due_at > {now} + :far", limit=limit, far=FAR_AHEAD),
            _due(tx, "state = 'due' AND due_at > {now} + :far", limit=limit, far=FAR_AHEAD),
        )
    )


def void(tx: Transaction, holders: list[str], *, limit: int) -> int:
    return _ready(tx, "state = 'leased' AND holder IN :holders", lost=0, limit=limit, holders=holders) + _due(
        tx, "state = 'leased' AND holder IN :holders", limit=limit, holders=holders
    )


def _ready(tx: Transaction, which: str, **parameters: object) -> int:
    return tx.change(
        "UPDATE products SET state = 'ready', holder = NULL, due_at = NULL, lost = lost + :lost"
        f" WHERE id IN (SELECT id FROM products WHERE {which} LIMIT :limit {{free}})",
        **parameters,
    )


def _due(tx: Transaction, which: str, **parameters: object) -> int:
    return tx.change(
        "UPDATE deliveries SET state = 'due', holder = NULL, due_at = {now}"
        f" WHERE seq IN (SELECT seq FROM deliveries WHERE {which} LIMIT :limit {{free}})",
        **parameters,
    )


def secret(tx: Transaction, name: str) -> str | None:
    found: str | None = tx.value("SELECT value FROM secrets WHERE name = :name", name=name)
    return found


def keep_secret(tx: Transaction, name: str, value: str) -> str:
    """The secret of that name from now on: this one, or the one that another was quicker to keep."""
    tx.change("INSERT INTO secrets (name, value) VALUES (:name, :value) ON CONFLICT DO NOTHING", name=name, value=value)
    found = secret(tx, name)
    assert found is not None
    return found


def figures(tx: Transaction) -> dict[str, int]:
    """By way of partial indexes, and of the requests' own counts for what is ready: a sheet's rows are never walked through."""
    counted = {f"requests.{status.value}": 0 for status in Status}
    for status, count in tx.all("SELECT status, COUNT(*) FROM requests WHERE stage = 'published' GROUP BY status"):
        counted[f"requests.{status}"] = count
    waiting = tx.value("SELECT COUNT(*) FROM products WHERE state = 'waiting'")
    leased = tx.value("SELECT COUNT(*) FROM products WHERE state = 'leased'")
    open_products = tx.value(
        "SELECT COALESCE(SUM(open_products), 0) FROM requests WHERE stage = 'published' AND completed_at IS NULL"
    )
    counted["products.ready"] = max(0, int(open_products) - waiting - leased)
    counted["products.waiting"] = waiting
    counted["products.leased"] = leased
    counted["deliveries.due"] = tx.value("SELECT COUNT(*) FROM deliveries WHERE state = 'due'")
    return counted
