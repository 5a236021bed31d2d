"""The state store on MongoDB. No transactions, so that a single mongod will do: every step is one conditional write of one
document, and what follows from it can be done again by whoever comes next. The steps stand in the modules beside this one.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from typing import Any, TypeVar
from uuid import UUID

from bson import ObjectId

from halve.core.finding import Finding
from halve.core.models import (
    Delivery,
    DeliveryKind,
    DeliveryState,
    Outcome,
    Page,
    Product,
    Request,
    Row,
)
from halve.states.claims import Claims
from halve.states.mongo import deliveries as outbox
from halve.states.mongo import ending, intake, looking, memory, schema, upkeep, work
from halve.states.mongo.base import Base
from halve.states.mongo.errors import translated

T = TypeVar("T")


class MongoStates:
    """The contract is `core.ports.StateStore`. An instance belongs to the event loop it was opened in."""

    poll = 0.5

    def __init__(self, base: Base) -> None:
        self._base = base
        self._claims = Claims(self._let_go)
        self._checked = False

    @classmethod
    async def open(cls, url: str) -> MongoStates:
        """Ready to connect to `mongodb://user:password@host:port/database?options` (or `mongodb+srv://`); that happens when it is
        needed. Indexes are `migrate`'s. Raises OptionRefused for a URL that cannot be.
        """
        return cls(Base(url))

    async def migrate(self) -> None:
        await self._do(schema.migrate(self._base))

    async def ready(self) -> None:
        await self._do(schema.check(self._base))

    async def close(self) -> None:
        await self._base.client.close()

    async def secret(self, name: str, make: Callable[[], str]) -> str:
        found = await self._do(upkeep.secret(self._base, name))
        return found if found is not None else await self._do(upkeep.keep_secret(self._base, name, make()))

    async def _do(self, step: Coroutine[Any, Any, T]) -> T:
        with translated(self._base.where):
            return await step

    # ── a sheet comes in ──────────────────────────────────────────────────────────────────────────────────────────────

    async def create(self, request: Request) -> None:
        if not self._checked:  # without its index, an idempotency key could be used twice
            await self.ready()
            self._checked = True
        await self._do(intake.create(self._base, request))

    async def add_products(self, request_id: UUID, rows: Sequence[Row]) -> None:
        await self._do(intake.add_products(self._base, request_id, rows))

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
        published = await self._do(
            intake.publish(
                self._base,
                request_id,
                input_key=input_key,
                total_images=total_images,
                total_rows=total_rows,
                failed_rows=failed_rows,
                repairs=repairs,
            )
        )
        if published.id != request_id:
            await self.erase(request_id)
        return published

    async def by_idempotency_key(self, owner: str, key: str) -> Request | None:
        return await self._do(intake.by_idempotency_key(self._base, owner, key))

    # ── looking ───────────────────────────────────────────────────────────────────────────────────────────────────────

    async def request(self, request_id: UUID) -> Request | None:
        return await self._do(looking.request(self._base, request_id))

    async def requests(self, owner: str | None, *, limit: int, cursor: str | None = None) -> Page[Request]:
        return await self._do(looking.requests(self._base, owner, limit=limit, cursor=cursor))

    async def products(
        self, request_id: UUID, *, after_row: int = 0, limit: int = 1000, failed_only: bool = False
    ) -> list[Product]:
        return await self._do(looking.products(self._base, request_id, after_row=after_row, limit=limit, failed_only=failed_only))

    async def deliveries(self, request_id: UUID) -> list[Delivery]:
        return await self._do(outbox.of_request(self._base, request_id))

    async def open_requests(self, owner: str) -> int:
        return await self._do(looking.open_requests(self._base, owner))

    # ── work ──────────────────────────────────────────────────────────────────────────────────────────────────────────

    async def claim(self, holder: str, n: int, *, lease: float) -> list[Product]:
        """At most 200 at once."""
        token, oldest = ObjectId(), self._claims.next_is_for_the_oldest()
        return await self._claims.heard(
            token, lambda: self._do(work.claim(self._base, token, holder, n, lease=lease, oldest=oldest))
        )

    async def renew(self, holder: str, *, lease: float) -> None:
        await self._do(work.renew(self._base, holder, lease=lease))

    async def record(self, outcomes: Sequence[Outcome]) -> set[UUID]:
        return await self._do(work.record(self._base, outcomes)) if outcomes else set()

    async def void(self, holders: Iterable[str]) -> int:
        named = list(holders)
        return await self._do(upkeep.void(self._base, named)) if named else 0

    async def sweep(self, *, limit: int = 1000) -> int:
        await self._do(upkeep.mend(self._base))
        return await self._do(upkeep.sweep(self._base, limit=limit))

    async def to_finish(self, *, limit: int = 100) -> list[UUID]:
        return await self._do(ending.to_finish(self._base, limit=limit))

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
        return await self._do(
            ending.finish(
                self._base,
                request_id,
                round,
                cancelled=cancelled,
                output_key=output_key,
                failed_key=failed_key,
                deliveries=deliveries,
            )
        )

    async def cancel(self, request_id: UUID) -> bool:
        return await self._do(ending.cancel(self._base, request_id))

    async def retry(self, request_id: UUID) -> bool:
        return await self._do(ending.retry(self._base, request_id))

    async def erase(self, request_id: UUID) -> None:
        await self._do(ending.erase(self._base, request_id))

    async def expired(self, *, days: float, limit: int = 100) -> list[Request]:
        return await self._do(looking.expired(self._base, days=days, limit=limit))

    # ── deliveries ────────────────────────────────────────────────────────────────────────────────────────────────────

    async def claim_deliveries(self, holder: str, n: int, *, lease: float) -> list[Delivery]:
        token = ObjectId()
        return await self._claims.heard(token, lambda: self._do(outbox.claim(self._base, token, holder, n, lease=lease)))

    async def _let_go(self, token: ObjectId) -> None:
        await self._do(work.let_go(self._base, token))
        await self._do(outbox.let_go(self._base, token))

    async def record_delivery(self, delivery: Delivery, *, state: DeliveryState, answer: str, delay: float = 0.0) -> None:
        await self._do(outbox.record(self._base, delivery, state=state, answer=answer, delay=delay))

    async def redeliver(self, request_id: UUID, kind: DeliveryKind) -> bool:
        return await self._do(outbox.redeliver(self._base, request_id, kind))

    # ── memory ────────────────────────────────────────────────────────────────────────────────────────────────────────

    async def recall(self, keys: Sequence[str]) -> dict[str, str]:
        return await self._do(memory.recall(self._base, keys)) if keys else {}

    async def remember(self, entries: Mapping[str, str], *, seconds: float) -> None:
        if entries:
            await self._do(memory.remember(self._base, entries, seconds=seconds))

    # ── figures ───────────────────────────────────────────────────────────────────────────────────────────────────────

    async def figures(self) -> dict[str, int]:
        return await self._do(upkeep.figures(self._base))
