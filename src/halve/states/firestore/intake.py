"""A sheet comes in: draft, rows packed into pages, and one write that makes all of it visible."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from uuid import UUID

from google.cloud.firestore_v1 import DELETE_FIELD

from halve.core.finding import Finding
from halve.core.models import Request, Row
from halve.states import plain, refusals
from halve.states.firestore import documents, looking, lots
from halve.states.firestore.base import MOST_BYTES, MOST_WRITES, Base, Changed, Document
from halve.states.firestore.packing import Page, cut, into_pages, pack


async def create(base: Base, request: Request) -> None:
    """Repeatable."""
    writes = base.writes()
    writes.create(base.request(request.id), documents.request_document(request))
    with suppress(Changed):
        await base.commit(writes)


async def add_products(base: Base, request_id: UUID, planned: Sequence[Row]) -> None:
    """Repeatable: what was counted already is passed over, and what was only written is written over."""
    found = await _draft(base, request_id)
    fresh = [row for row in planned if row.row > found["last_row"]]
    for pages in _portions(into_pages(fresh, found["rows"] + 1)):
        await base.again(lambda pages=pages: _add(base, request_id, pages))  # type: ignore[misc]


Written = tuple[Page, list[bytes]]
"""A page, and what of it fits one document each."""


def _portions(pages: Iterator[Page]) -> Iterator[list[Written]]:
    """Pages that are written with one call: few enough, and few enough bytes."""
    portion: list[Written] = []
    size = 0
    for page in pages:
        pieces = cut(pack([[row.row, row.serial, row.product_name, list(row.input_urls)] for row in page.rows]))
        if portion and (size + len(pieces[0]) > MOST_BYTES or len(portion) == MOST_WRITES - 1):
            yield portion
            portion, size = [], 0
        portion.append((page, pieces))
        size += len(pieces[0])
    if portion:
        yield portion


async def _add(base: Base, request_id: UUID, pages: Sequence[Written]) -> None:
    [snapshot] = await base.get(base.request(request_id))
    found = _drafted(snapshot.to_dict(), request_id)
    if pages[-1][0].last <= found["last_row"]:
        return
    writes = base.writes()
    for page, pieces in pages:
        for number, piece in enumerate(pieces[1:], 1):  # of a row larger than a document: what hangs on goes first
            part = base.writes()
            part.set(base.parts(request_id).document(f"{documents.page_id(page.last)}-{number}"), {"piece": piece})
            await base.commit(part)
        writes.set(base.pages(request_id).document(documents.page_id(page.last)), _page(page, pieces))
    last, _ = pages[-1]
    counted = {"rows": last.first_place + len(last.rows) - 1, "last_row": last.last}
    writes.update(snapshot, counted)
    await base.commit(writes)


def _page(page: Page, pieces: Sequence[bytes]) -> Document:
    """`todo` is the page's number as long as anything of it is not done."""
    return {
        "last": page.last,
        "todo": page.last,
        "left": len(page.rows),
        "first_place": page.first_place,
        "numbers": pack([row.row for row in page.rows]),
        "rows": pieces[0],
        "parts": len(pieces) - 1,
    }


async def publish(
    base: Base,
    request_id: UUID,
    *,
    input_key: str,
    total_images: int,
    total_rows: int,
    failed_rows: int,
    repairs: Sequence[Finding],
) -> Request:
    """Publish a draft and return it; or return, unchanged, the request that its owner published under the same key before: a
    document named after the key holds it.
    """

    async def step() -> Request:
        [snapshot] = await base.get(base.request(request_id))
        found = snapshot.to_dict()
        if found is None or found["stage"] == "erased":
            raise refusals.erased(request_id)
        if found["stage"] == "published":
            return await looking.whole(base, snapshot)
        writes, said = base.writes(), documents.given(found)
        if said["idempotency_key"] is not None:
            key = base.keys.document(documents.idempotency_id(said["owner"], said["idempotency_key"]))
            [taken] = await base.get(key)
            if taken.exists:
                earlier = await looking.request(base, UUID(taken.get("request")))
                if earlier is not None:
                    return earlier
                writes.update(taken, {"request": str(request_id)})
            else:
                writes.create(key, {"request": str(request_id)})
        age = documents.age(str(request_id), found["created_at"])
        owned = f"{documents.owner_key(said['owner'])}/{age}"
        change: Document = {
            "stage": "published",
            "status": "pending",
            "drafted_at": DELETE_FIELD,
            "age": age,
            "owned": owned,
            "open": owned,
            "fed": 0,
            "input_key": input_key,
            "total_images": total_images,
            "total_rows": total_rows,
            "failed_rows": failed_rows,
            "repairs": pack(plain.written_findings(repairs)),
        }
        change |= {"unfed": found["rows"]} if found["rows"] else {"ending": age}
        writes.update(snapshot, change)
        await base.commit(writes)
        await lots.feed(base, str(request_id), round=0, fed=0)
        return await looking.known(base, request_id)

    return await base.again(step)


async def by_idempotency_key(base: Base, owner: str, key: str) -> Request | None:
    [taken] = await base.get(base.keys.document(documents.idempotency_id(owner, key)))
    return await looking.request(base, UUID(taken.get("request"))) if taken.exists else None


async def _draft(base: Base, request_id: UUID) -> Document:
    [snapshot] = await base.get(base.request(request_id))
    return _drafted(snapshot.to_dict(), request_id)


def _drafted(found: Document | None, request_id: UUID) -> Document:
    if found is None or found["stage"] == "erased":
        raise refusals.erased(request_id)
    if found["stage"] != "draft":
        raise refusals.published(request_id)
    return found
