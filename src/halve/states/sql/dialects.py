"""The few words in which SQLite and PostgreSQL differ. Every other statement of this package is common to both."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Dialect:
    """What stands for `{now}`, `{locked}` and `{free}` in this package's statements.

    `now`: the database's clock in seconds since 1970. `locked`: hold the selected rows until the transaction ends.
    `free`: the same, passing over rows that another transaction holds. `migrating`: what keeps a second migration out.
    `encoding`: asks in which one texts are stored, where there are others than UTF-8.
    """

    now: str
    locked: str
    free: str
    migrating: str | None = None
    encoding: str | None = None

    def filled(self, sql: str) -> str:
        """A statement of this package in words of this dialect; its parameters stay as they are."""
        return sql.replace("{now}", self.now).replace("{locked}", self.locked).replace("{free}", self.free)


SQLITE = Dialect(now="((julianday('now') - 2440587.5) * 86400.0)", locked="", free="")
"""One writer at a time holds the whole database, so rows need no locks of their own. `julianday` is there before 3.42, to the
millisecond; `unixepoch('subsec')` is not."""

POSTGRESQL = Dialect(
    # A sub-select, since indexes serve no comparison with a volatile function.
    now="(SELECT CAST(extract(epoch FROM clock_timestamp()) AS double precision))",
    locked="FOR UPDATE",
    free="FOR UPDATE SKIP LOCKED",
    migrating="SELECT pg_advisory_xact_lock(7232061940)",
    encoding="SHOW server_encoding",
)
