"""Requests and outcomes for tests of state stores, in a line each."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

from halve.backends import open_states
from halve.core.models import (
    Delivery,
    DeliveryKind,
    ImageResult,
    ImageState,
    Outcome,
    Product,
    ProductState,
    Request,
    Row,
    SheetOptions,
    Status,
)
from halve.core.options import Options
from halve.core.ports import StateStore
from halve.settings import read_settings

LEASE = 600.0

DONE = ImageResult(
    state=ImageState.DONE,
    attempts=1,
    key="folder/name.jpg",
    url="https://halve.test/image/folder-name.jpg",
    bytes_in=1000,
    bytes_out=400,
    width=640,
    height=480,
    format="jpeg",
    quality=50,
)
KEPT = replace(DONE, state=ImageState.KEPT, bytes_in=100, bytes_out=99, quality=None)
FAILED = ImageResult(state=ImageState.FAILED, attempts=1, error_code="not_found", error="not found (404)")
PENDING = ImageResult()


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[StateStore]:
    """The store behind a URL, through a handle of its own."""
    states = await open_states(read_settings(database_url=url))
    try:
        yield states
    finally:
        await states.close()


def draft(**changes: Any) -> Request:
    """A request as `accept` would begin it."""
    plain = Request(uuid4(), "", "products.csv", uuid4().hex[:16], uuid4().hex * 2, Options(), SheetOptions())
    return replace(plain, **changes)


def rows(count: int, images: int = 1, *, first: int = 1) -> list[Row]:
    return [
        Row(row, row + 1, f"S{row}", f"Product {row}", tuple(f"https://shop.test/{row}/{place}.jpg" for place in range(images)))
        for row in range(first, first + count)
    ]


async def publish(states: StateStore, request: Request, *, images: int) -> Request:
    return await states.publish(
        request.id, input_key=f"{request.folder}/input.csv", total_images=images, total_rows=1, failed_rows=0, repairs=()
    )


async def upload(states: StateStore, products: int = 3, images: int = 1, **changes: Any) -> Request:
    """A published request of that many products of that many images each."""
    request = draft(**changes)
    await states.create(request)
    for first in range(1, products + 1, 5000):
        await states.add_products(request.id, rows(min(5000, products + 1 - first), images, first=first))
    return await publish(states, request, images=products * images)


def outcome(product: Product, *results: ImageResult, state: ProductState | None = None, delay: float = 0.0) -> Outcome:
    """What a worker would say; the state follows from the results, each of which is of the product's round."""
    whole = tuple(replace(result, round=product.round) for result in results)
    if state is None:
        state = ProductState.DONE if all(result.succeeded for result in whole) else ProductState.FAILED
    return Outcome(product.request_id, product.row, product.fence, whole, state, delay)


async def work_off(states: StateStore, *results: ImageResult, holder: str = "worker") -> list[Product]:
    """Claim all that can be claimed and record these results for each."""
    worked: list[Product] = []
    while claimed := await states.claim(holder, 100, lease=LEASE):
        await states.record([outcome(product, *results) for product in claimed])
        worked += claimed
    return worked


async def finish(
    states: StateStore, request_id: UUID, round: int = 0, *, failed_key: str | None = None, deliveries: Sequence[Delivery] = ()
) -> bool:
    """As a caller does that has just looked at it."""
    request = await states.request(request_id)
    cancelled = request is not None and request.status is Status.CANCELLED
    return await states.finish(
        request_id, round, cancelled=cancelled, output_key="folder/output.csv", failed_key=failed_key, deliveries=deliveries
    )


def notice(request: Request, kind: DeliveryKind = DeliveryKind.WEBHOOK) -> Delivery:
    return Delivery(uuid4(), request.id, kind, "https://shop.test/hook" if kind is DeliveryKind.WEBHOOK else "me@shop.test")


async def known(states: StateStore, request_id: UUID) -> Request:
    """The request, which is there."""
    request = await states.request(request_id)
    assert request is not None
    return request


def where(products: Sequence[Product]) -> list[tuple[UUID, int]]:
    return [(product.request_id, product.row) for product in products]
