"""The SQL state store: SQLite in a file, or PostgreSQL (`server.py`). Each method is a transaction, or a few short ones; the
statements stand in the modules beside this one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from secrets import randbits
from uuid import UUID

from halve.core.finding import Finding
from halve.core.models import (
    Delivery,
    DeliveryKind,
    DeliveryState,
    ImageResult,
    Outcome,
    Page,
    Product,
    Request,
    Row,
)
from halve.states.claims import Claims
from halve.states.sql import deliveries as outbox
from halve.states.sql import ending, intake, looking, memory, schema, upkeep, work
from halve.states.sql.runner import Runner
from halve.states.sql.sqlite import SqliteRunner

CHUNK = 1000
"""Products that one transaction cancels or erases: some ten milliseconds, then others have their turn."""


class SqlStates:
    """The contract is `core.ports.StateStore`, and `Reopening`. An instance belongs to the event loop it was opened in."""

    poll = 0.5

    def __init__(self, runner: Runner) -> None:
        self._runner = runner
        self._claims = Claims(self._let_go)

    @classmethod
    async def open(cls, url: str) -> SqlStates:
        """Connect to `sqlite:///path` (made if it is not there). Tables are `migrate`'s. For PostgreSQL see `server.py`.

        Raises OptionRefused for a URL that cannot be, StoreFailed where the database cannot be opened.
        """
        return cls(await SqliteRunner.open(url))

    async def migrate(self) -> None:
        if not await self._runner.read(schema.current):
            await self._runner.write(schema.upgrade, self._runner.where)

    async def ready(self) -> None:
        await self._runner.read(schema.check, self._runner.where)

    async def close(self) -> None:
        await self._runner.close()

    async def secret(self, name: str, make: Callable[[], str]) -> str:
        found = await self._runner.read(upkeep.secret, name)
        return found if found is not None else await self._runner.write(upkeep.keep_secret, name, make())

    # ── a sheet comes in ──────────────────────────────────────────────────────────────────────────────────────────────

    async def create(self, request: Request) -> None:
        await self._runner.write_lightly(intake.create, request)

    async def add_products(self, request_id: UUID, rows: Sequence[Row]) -> None:
        await self._runner.write_lightly(intake.add_products, request_id, rows)

    async def publish(
        self,
        request_id: UUID,
        *,
        input_key: str,
        total_images: int,
        total_rows: int,
        failed_rows: int,
        repairs: Sequence[Finding],
    ) -> Request:
        published = await self._runner.write(
            intake.publish,
            request_id,
            input_key=input_key,
            total_images=total_images,
            total_rows=total_rows,
            failed_rows=failed_rows,
            repairs=repairs,
        )
        if published.id != request_id:
            await self.erase(request_id)
        return published

    async def by_idempotency_key(self, owner: str, key: str) -> Request | None:
        return await self._runner.read(intake.by_idempotency_key, owner, key)

    # ── looking ───────────────────────────────────────────────────────────────────────────────────────────────────────

    async def request(self, request_id: UUID) -> Request | None:
        return await self._runner.read(looking.request, request_id)

    async def requests(self, owner: str | None, *, limit: int, cursor: str | None = None) -> Page[Request]:
        return await self._runner.read(looking.requests, owner, limit=limit, cursor=cursor)

    async def products(
        self, request_id: UUID, *, after_row: int = 0, limit: int = 1000, failed_only: bool = False
    ) -> list[Product]:
        return await self._runner.read(looking.products, request_id, after_row=after_row, limit=limit, failed_only=failed_only)

    async def deliveries(self, request_id: UUID) -> list[Delivery]:
        return await self._runner.read(outbox.of_request, request_id)

    async def open_requests(self, owner: str) -> int:
        return await self._runner.read(looking.open_requests, owner)

    # ── work ──────────────────────────────────────────────────────────────────────────────────────────────────────────

    async def claim(self, holder: str, n: int, *, lease: float) -> list[Product]:
        """At most 500 at once."""
        number, oldest = randbits(62), self._claims.next_is_for_the_oldest()
        claim = partial(self._runner.write_lightly, work.claim, holder, number, n, lease=lease, oldest=oldest)
        return await self._claims.heard((holder, number), claim)

    async def renew(self, holder: str, *, lease: float) -> None:
        await self._runner.write_lightly(work.renew, holder, lease=lease)

    async def record(self, outcomes: Sequence[Outcome]) -> set[UUID]:
        return await self._runner.write(work.record, outcomes) if outcomes else set()

    async def void(self, holders: Iterable[str]) -> int:
        holders, voided = list(holders), 0
        while holders and (some := await self._runner.write_lightly(upkeep.void, holders, limit=CHUNK)):
            voided += some
        return voided

    async def sweep(self, *, limit: int = 1000) -> int:
        half_erased = await self._runner.read(ending.half_erased)
        if half_erased is not None:
            await self._runner.write_lightly(ending.erase_products, half_erased, limit=limit)
        return await self._runner.write_lightly(upkeep.sweep, limit=limit)

    async def to_finish(self, *, limit: int = 100) -> list[UUID]:
        return await self._runner.read(ending.to_finish, limit=limit)

    # ── the end ───────────────────────────────────────────────────────────────────────────────────────────────────────

    async def finish(
        self,
        request_id: UUID,
        round: int,
        *,
        cancelled: bool,
        output_key: str,
        failed_key: str | None,
        deliveries: Sequence[Delivery],
    ) -> bool:
        counts = await self._runner.read(ending.tally, request_id, round)
        return counts is not None and await self._runner.write(
            ending.finish,
            request_id,
            round,
            counts,
            cancelled=cancelled,
            output_key=output_key,
            failed_key=failed_key,
            deliveries=deliveries,
        )

    async def cancel(self, request_id: UUID) -> bool:
        """One write cancels the request; its products' rows follow by the thousand, and mean nothing in the meantime."""
        cancelled = await self._runner.write(ending.cancel, request_id)
        if cancelled:
            await self._cancel_products(request_id)
        return cancelled

    async def retry(self, request_id: UUID) -> bool:
        """One write opens the request again and feeds the first of its products; what a killed `cancel` left undone comes first."""
        await self._cancel_products(request_id)
        return await self._runner.write(ending.retry, request_id)

    async def reopen(self, request_id: UUID, lost: Mapping[int, Sequence[ImageResult]]) -> bool:
        return await self._runner.write(ending.reopen, request_id, lost)

    async def _cancel_products(self, request_id: UUID) -> None:
        ids = await self._runner.read(ending.fed_products, request_id)
        for start in range(0, len(ids), CHUNK):
            await self._runner.write_lightly(ending.cancel_products, request_id, ids[start : start + CHUNK])

    async def erase(self, request_id: UUID) -> None:
        """One write hides the request; its rows are deleted by the thousand, by sweeps if this is cut short."""
        seq = await self._runner.write(ending.erase, request_id)
        while seq is not None and not await self._runner.write_lightly(ending.erase_products, seq, limit=CHUNK):
            pass

    async def expired(self, *, days: float, limit: int = 100) -> list[Request]:
        return await self._runner.read(looking.expired, days=days, limit=limit)

    # ── deliveries ────────────────────────────────────────────────────────────────────────────────────────────────────

    async def claim_deliveries(self, holder: str, n: int, *, lease: float) -> list[Delivery]:
        number = randbits(62)
        claim = partial(self._runner.write_lightly, outbox.claim, holder, number, n, lease=lease)
        return await self._claims.heard((holder, number), claim)

    async def _let_go(self, claim: tuple[str, int]) -> None:
        await self._runner.write(work.let_go, *claim)

    async def record_delivery(self, delivery: Delivery, *, state: DeliveryState, answer: str, delay: float = 0.0) -> None:
        await self._runner.write(outbox.record, delivery, state=state, answer=answer, delay=delay)

    async def redeliver(self, request_id: UUID, kind: DeliveryKind) -> bool:
        return await self._runner.write(outbox.redeliver, request_id, kind)

    # ── memory ────────────────────────────────────────────────────────────────────────────────────────────────────────

    async def recall(self, keys: Sequence[str]) -> dict[str, str]:
        return await self._runner.read(memory.recall, keys) if keys else {}

    async def remember(self, entries: Mapping[str, str], *, seconds: float) -> None:
        if entries:
            await self._runner.write_lightly(memory.remember, entries, seconds=seconds)

    # ── figures ───────────────────────────────────────────────────────────────────────────────────────────────────────

    async def figures(self) -> dict[str, int]:
        return await self._runner.read(upkeep.figures)
