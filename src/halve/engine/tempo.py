"""How often, and how much at a time, a worker asks the state store."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Tempo:
    """`claim`: products claimed at once; as long as there is room for fewer images than that, none is, since a claim costs a write.

    `gather`: most seconds between two batches of outcomes. Each is a commit; what comes in meanwhile shares the next.
    `mind`: least seconds between looks for what else is due (waits and leases that are over, requests to end, deliveries); the
    store may want them further apart.
    """

    claim: int
    gather: float
    mind: float


ALONE = Tempo(claim=16, gather=0.05, mind=0.0)
"""A worker that has to notice everything by itself, as often as the store likes."""

AMONG_MANY = Tempo(claim=32, gather=0.1, mind=2.0)
"""One of a cluster: trips to a server cost CPU at both ends, and others look for what is due as well."""
