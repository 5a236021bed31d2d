"""Whatever text a sheet holds comes back as it was."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from halve.core.finding import Finding
from halve.core.models import (
    DeliveryKind,
    DeliveryState,
    ImageResult,
    ImageState,
    Outcome,
    ProductState,
    Request,
    Row,
    SheetOptions,
)
from halve.core.ports import StateStore
from tests.contract.sample import LEASE, draft, finish, known, notice

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40)
"""No halves of surrogate pairs, which are no text, and no NUL, which no sheet of text has and PostgreSQL does not take."""

COUNTS = st.integers(0, 2**50)
RESULTS = st.builds(
    ImageResult,
    state=st.sampled_from([ImageState.DONE, ImageState.KEPT, ImageState.FAILED]),
    attempts=st.integers(0, 100),
    crashes=st.integers(0, 100),
    error_code=st.none() | TEXT,
    error=st.none() | TEXT,
    key=st.none() | TEXT,
    url=st.none() | TEXT,
    bytes_in=COUNTS,
    bytes_out=COUNTS,
    width=st.integers(0, 70_000),
    height=st.integers(0, 70_000),
    format=st.none() | TEXT,
    quality=st.none() | st.integers(1, 100),
)

Cells = list[tuple[str, str, list[tuple[str, ImageResult]]]]


async def test_text_and_numbers_come_back_as_they_were(states: StateStore) -> None:
    loop = asyncio.get_running_loop()

    @settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
    @given(
        request=st.builds(
            draft,
            owner=TEXT,
            filename=TEXT,
            base_url=TEXT,
            email=st.none() | TEXT,
            webhook_url=st.none() | TEXT,
            fingerprint=st.none() | TEXT,
            sheet=st.builds(SheetOptions, preset=st.none() | TEXT, columns=st.dictionaries(TEXT, TEXT, max_size=3)),
        ),
        cells=st.lists(st.tuples(TEXT, TEXT, st.lists(st.tuples(TEXT, RESULTS), min_size=1, max_size=3)), min_size=1, max_size=3),
        repairs=st.lists(st.builds(Finding, st.integers(0, 2**31), TEXT, TEXT, TEXT), max_size=3),
        answer=TEXT,
    )
    def hold(request: Request, cells: Cells, repairs: list[Finding], answer: str) -> None:
        asyncio.run_coroutine_threadsafe(held(states, request, cells, repairs, answer), loop).result(60)

    await asyncio.to_thread(hold)


async def held(states: StateStore, request: Request, cells: Cells, repairs: list[Finding], answer: str) -> None:
    given = replace(request, id=draft().id)
    rows = [Row(n, n, serial, name, tuple(url for url, _ in images)) for n, (serial, name, images) in enumerate(cells, 1)]
    await states.create(given)
    await states.add_products(given.id, rows)
    await states.publish(given.id, input_key="in", total_images=9, total_rows=1, failed_rows=0, repairs=repairs)
    request_back = await known(states, given.id)
    for name in ("owner", "filename", "base_url", "email", "webhook_url", "fingerprint", "sheet"):
        assert getattr(request_back, name) == getattr(given, name)
    assert request_back.repairs == tuple(repairs)

    products = await states.claim("worker", 9, lease=LEASE)
    assert [(p.row, p.serial, p.product_name, p.input_urls) for p in products] == [
        (row.row, row.serial, row.product_name, row.input_urls) for row in rows
    ]
    results = [tuple(result for _, result in images) for _, _, images in cells]
    for product, those in zip(products, results, strict=True):
        await states.record([Outcome(given.id, product.row, product.fence, those, ProductState.FAILED)])
    assert [product.results for product in await states.products(given.id)] == results

    await finish(states, given.id, deliveries=[replace(notice(given), target=answer), notice(given, DeliveryKind.EMAIL)])
    for delivery in await states.claim_deliveries("worker", 2, lease=LEASE):
        await states.record_delivery(delivery, state=DeliveryState.FAILED, answer=answer)
    told = await states.deliveries(given.id)
    assert told[0].target == answer
    assert [delivery.last_answer for delivery in told] == [answer] * 2
    await states.erase(given.id)
