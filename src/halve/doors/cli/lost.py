"""Outputs that a run made and somebody took away since: nothing but their files tells, for the database still has them as done."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

from halve.core.models import ImageResult, Product, Request
from halve.core.ports import Reopening, StateStore

PAGE = 2_000
"""Products looked at together."""


async def reopen_for_lost(states: StateStore, request: Request, folder: Path) -> int:
    """Put images of an ended run whose files are gone back to be done, and what failed with them; returns how many are gone."""
    if not isinstance(states, Reopening):
        return 0
    lost: dict[int, tuple[ImageResult, ...]] = {}
    count = row = 0
    while products := await states.products(request.id, after_row=row, limit=PAGE):
        for product, left in await asyncio.to_thread(_with_losses, products, folder):
            lost[product.row] = left
            count += sum(was.succeeded and not now.succeeded for was, now in zip(product.results, left, strict=True))
        row = products[-1].row
    if lost:
        await states.reopen(request.id, lost)
    return count


def _with_losses(products: Sequence[Product], folder: Path) -> list[tuple[Product, tuple[ImageResult, ...]]]:
    """Those of these products that have lost outputs, with the results that they have left."""
    found = []
    for product in products:
        left = tuple(_left(result, folder) for result in product.results)
        if left != product.results:
            found.append((product, left))
    return found


def _left(result: ImageResult, folder: Path) -> ImageResult:
    gone = result.succeeded and result.key is not None and not (folder / result.key).is_file()
    return ImageResult(round=result.round) if gone else result
