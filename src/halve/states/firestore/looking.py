"""What people and programs look at: requests, their products, what is old. What belongs together is read as of one moment."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from google.cloud.firestore_v1.base_query import FieldFilter

from halve.core.models import Page, Product, Request
from halve.states import refusals
from halve.states.firestore import documents, lots
from halve.states.firestore.base import PAGES_REMEMBERED, Base, Document
from halve.states.firestore.packing import PAGE_ROWS, unpack
from halve.states.firestore.writes import Snapshot

_CURSOR = re.compile(r"[0-9]{16}-[0-9a-f]{8}")

_PAGES_AT_ONCE = 10
"""Pages that one query reads, so that it stays below some megabytes."""

_LOTS_AT_ONCE = 10
"""Lots that one query asks for."""


async def request(base: Base, request_id: UUID) -> Request | None:
    [snapshot] = await base.get(base.request(request_id))
    return await whole(base, snapshot) if (snapshot.to_dict() or {}).get("stage") == "published" else None


async def known(base: Base, request_id: UUID) -> Request:
    found = await request(base, request_id)
    if found is None:
        raise refusals.erased(request_id)
    return found


async def whole(base: Base, snapshot: Snapshot) -> Request:
    counted = await lots.with_counts(base, snapshot.id, snapshot.to_dict() or {}, snapshot.read_time)
    return documents.request(snapshot.id, counted)


async def requests(base: Base, owner: str | None, *, limit: int, cursor: str | None) -> Page[Request]:
    """The cursor is the age of the last request that was shown."""
    if cursor is not None and not _CURSOR.fullmatch(cursor):
        raise refusals.no_cursor()
    query: Any = base.requests.order_by("age", direction="DESCENDING")
    if owner is not None:
        key = documents.owner_key(owner)
        query = _within(base.requests, "owned", f"{key}/", f"{key}/{cursor or '~'}").order_by("owned", direction="DESCENDING")
    elif cursor is not None:
        query = base.requests.where(filter=FieldFilter("age", "<", cursor)).order_by("age", direction="DESCENDING")
    found = await base.find(query.limit(limit + 1))
    following = str(found[limit - 1].get("age")) if len(found) > limit else None
    return Page(tuple(await asyncio.gather(*(whole(base, snapshot) for snapshot in found[:limit]))), following)


async def open_requests(base: Base, owner: str) -> int:
    key = documents.owner_key(owner)
    return await base.count(_within(base.requests, "open", f"{key}/", f"{key}/~"))


async def expired(base: Base, *, days: float, limit: int) -> list[Request]:
    now = await base.now()
    found: list[Snapshot] = []
    for field, before in (("completed_at", now - timedelta(days=days)), ("drafted_at", now - timedelta(days=1))):
        query = base.requests.where(filter=FieldFilter(field, "<", before)).order_by(field)
        found += await base.find(query.limit(limit))
    return [documents.request(snapshot.id, snapshot.to_dict() or {}) for snapshot in found[:limit]]


def _within(collection: Any, field: str, first: str, before: str) -> Any:
    return collection.where(filter=FieldFilter(field, ">=", first)).where(filter=FieldFilter(field, "<", before))


# ── products ──────────────────────────────────────────────────────────────────────────────────────────────────────────


async def products(base: Base, request_id: UUID, *, after_row: int, limit: int, failed_only: bool) -> list[Product]:
    """What is at work has a document of its own, and a page says the rest; both as they were when the request was read."""
    [snapshot] = await base.get(base.request(request_id), fields=["stage", "status", "round", "lots"])
    found = snapshot.to_dict()
    if found is None or found["stage"] != "published" or limit <= 0:
        return []
    look = _Look(base, snapshot.id, found, snapshot.read_time)
    if failed_only:
        return await look.failed(after_row, limit)
    return await look.all(after_row, limit)


class _Look:
    """At the products of one request at one moment."""

    def __init__(self, base: Base, request_id: str, request: Document, at: datetime) -> None:
        self._base, self._id, self._at = base, request_id, at
        self._round, self._cancelled = request["round"], request["status"] == "cancelled"
        self._open = set(request["lots"])

    async def all(self, after_row: int, limit: int) -> list[Product]:
        shown: list[Product] = []
        while len(shown) < limit and (pages := await self._pages("last", after_row, limit - len(shown))):
            at_work = await self._at_work("lot", [page["last"] for page in pages if page["last"] in self._open])
            for page in pages:
                ended = lots.results_of(page)
                for row, said in (await self._rows(page)).items():
                    if row > after_row:
                        shown.append(self._product(row, said, at_work.get(row) or ended.get(row)))
            after_row = pages[-1]["last"]
        return shown[:limit]

    async def failed(self, after_row: int, limit: int) -> list[Product]:
        """Failures of pages that are at work are among their products, those of the others on a list of pages that have some."""
        shown: list[Product] = []
        for row, where in (await self._at_work("flaw", sorted(self._open))).items():
            if row > after_row:
                rows = await rows_of(self._base, self._id, where["page"])
                shown.append(self._product(row, rows[row], where))
        found, after_page = 0, after_row
        while found < limit and (pages := await self._pages("flawed", after_page, limit)):
            for page in pages:
                if page["last"] in self._open:
                    continue
                rows = await self._rows(page)
                for row, ended in lots.results_of(page).items():
                    if row > after_row and any(result.get("state") == "failed" for result in ended["results"]):
                        shown.append(self._product(row, rows[row], ended))
                        found += 1
            after_page = pages[-1]["last"]
        return sorted(shown, key=lambda product: product.row)[:limit]

    async def _pages(self, field: str, after: int, limit: int) -> list[Document]:
        query = self._base.pages(self._id).where(filter=FieldFilter(field, ">", after)).order_by(field)
        found = await self._base.find(query.limit(min(_PAGES_AT_ONCE, 1 + limit // PAGE_ROWS)), at=self._at)
        return [snapshot.to_dict() or {} for snapshot in found]

    async def _at_work(self, field: str, pages: list[int]) -> dict[int, Document]:
        """By row."""
        found: list[Snapshot] = []
        for first in range(0, len(pages), _LOTS_AT_ONCE):
            wanted = [documents.lot(self._id, page) for page in pages[first : first + _LOTS_AT_ONCE]]
            found += await self._base.find(self._base.products.where(filter=FieldFilter(field, "in", wanted)), at=self._at)
        return {snapshot.get("row"): snapshot.to_dict() or {} for snapshot in found}

    async def _rows(self, page: Document) -> dict[int, Any]:
        return await _unpacked(self._base, self._id, page)

    def _product(self, row: int, said: Any, where: Document | None) -> Product:
        return documents.product(self._id, row, said, where, self._round, cancelled=self._cancelled)


async def rows_of(base: Base, request_id: str, last_row: int) -> dict[int, Any]:
    """Row → serial, name and URLs, for the rows of a page. They never change: a process reads a page once. Empty: it was erased."""
    key = request_id, last_row
    if key in base.rows_of_pages:
        base.rows_of_pages.move_to_end(key)
        return base.rows_of_pages[key]
    [snapshot] = await base.get(base.pages(request_id).document(documents.page_id(last_row)), fields=["last", "rows", "parts"])
    page = snapshot.to_dict()
    if page is None:
        return {}
    rows = await _unpacked(base, request_id, page)
    base.rows_of_pages[key] = rows
    while len(base.rows_of_pages) > PAGES_REMEMBERED:
        base.rows_of_pages.popitem(last=False)
    return rows


async def _unpacked(base: Base, request_id: str, page: Document) -> dict[int, Any]:
    numbers: Iterable[int] = range(1, page["parts"] + 1)
    more = [base.parts(request_id).document(f"{documents.page_id(page['last'])}-{number}") for number in numbers]
    pieces = [page["rows"]]
    for part in more:  # one at a time: each may be half a megabyte
        pieces += [snapshot.get("piece") for snapshot in await base.get(part)]
    return {row: said for row, *said in unpack(b"".join(pieces))}
