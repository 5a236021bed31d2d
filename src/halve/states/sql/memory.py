"""What was compressed before: values under opaque keys, until they expire."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from halve.states.sql.transaction import Transaction

_REMEMBER = (
    "INSERT INTO memory (key, value, expires_at) VALUES (:key, :value, {now} + :seconds)"
    " ON CONFLICT (key) DO UPDATE SET value = excluded.value, expires_at = excluded.expires_at"
)


def recall(tx: Transaction, keys: Sequence[str]) -> dict[str, str]:
    found = tx.all("SELECT key, value FROM memory WHERE key IN :keys AND expires_at > {now}", keys=list(keys))
    return {row.key: row.value for row in found}


def remember(tx: Transaction, entries: Mapping[str, str], *, seconds: float) -> None:
    """In the order of keys, so that two that remember the same things never wait for one another."""
    tx.change_many(_REMEMBER, [{"key": key, "value": entries[key], "seconds": seconds} for key in sorted(entries)])


def forget_expired(tx: Transaction, *, limit: int) -> int:
    return tx.change(
        "DELETE FROM memory WHERE key IN (SELECT key FROM memory WHERE expires_at <= {now} LIMIT :limit {free})", limit=limit
    )
