"""How a sheet's products become claimable: by the thousand, in the order of their places, as those before them are claimed.

A product that is inserted, or that a retry may open again, stands in no queue: it is `held`, `failed` or `cancelled`. Feeding
turns the next BATCH of such products of a request to `ready`. Publishing or retrying a sheet of a million rows feeds one batch,
and so takes a moment; `requests.fed` says up to which place products were fed. From then on, the claim that takes a product at
or past `requests.feed_at`, the middle of the batch, feeds the next one in its own transaction. A fed product leaves `ready`
through a claim alone, so that claim always comes; and half a batch is left then, so claims in the order of places, across
requests, never miss one that is not fed yet.
"""

from __future__ import annotations

from halve.states.sql.transaction import Transaction

FEEDABLE = "(state = 'held' OR state = 'failed' OR state = 'cancelled')"
"""Products that may be fed. Said in these words everywhere, so that the index on them serves; `IN` would make inserts a third
slower."""

BATCH = 1000
"""Products fed at once."""

NEVER = 2**53
"""A place beyond all: there is nothing more to feed."""

CLAIM_LIMIT = BATCH // 2
"""The most products that one claim may take, so that it never runs past what is fed."""


def feed(tx: Transaction, seq: int) -> None:
    """Make the next products of a request ready. The caller has locked the request."""
    batch = tx.all(
        f"SELECT id, place FROM products WHERE request_seq = :seq AND {FEEDABLE}"
        " AND place > (SELECT fed FROM requests WHERE seq = :seq) ORDER BY place LIMIT :batch",
        seq=seq,
        batch=BATCH,
    )
    if not batch:
        tx.change("UPDATE requests SET feed_at = :never WHERE seq = :seq", seq=seq, never=NEVER)
        return
    tx.change(
        f"UPDATE products SET state = 'ready', lost = 0 WHERE request_seq = :seq AND {FEEDABLE} AND place BETWEEN :first AND :last",
        seq=seq,
        first=batch[0].place,
        last=batch[-1].place,
    )
    tx.change(
        "UPDATE requests SET fed = :fed, feed_at = :feed_at WHERE seq = :seq",
        seq=seq,
        fed=batch[-1].place,
        feed_at=batch[BATCH // 2].place if len(batch) == BATCH else NEVER,
    )
