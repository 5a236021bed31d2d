"""A sheet comes in: it is read once, its rows go to the state store as they are found good, and either all of it runs or none."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterator
from pathlib import Path, PurePath
from uuid import uuid4

from halve.core.models import Request, Row, SheetOptions
from halve.core.naming import content_type, new_folder, new_secret, sheet_key
from halve.core.options import Options
from halve.core.ports import ImageStore, StateStore
from halve.core.sheet import SheetLimits, open_sheet
from halve.core.threads import in_thread

CHUNK = 5_000
"""Rows that go to the state store at once: enough to be quick, few enough that other writers get their turn."""

READABLE_FOLDER = "images"


def new_request(
    *,
    filename: str,
    options: Options,
    sheet: SheetOptions,
    owner: str = "",
    base_url: str = "",
    email: str | None = None,
    webhook_url: str | None = None,
    idempotency_key: str | None = None,
    fingerprint: str | None = None,
    readable: bool = False,
) -> Request:
    """A request that nobody knows of yet. `readable`: stored things get names for people, in a folder of the user's own."""
    return Request(
        id=uuid4(),
        owner=owner,
        filename=filename,
        folder=READABLE_FOLDER if readable else new_folder(),
        secret="" if readable else new_secret(),
        options=options,
        sheet=sheet,
        base_url=base_url.rstrip("/"),
        email=email,
        webhook_url=webhook_url,
        idempotency_key=idempotency_key,
        fingerprint=fingerprint,
    )


async def accept(states: StateStore, images: ImageStore, path: Path, request: Request, limits: SheetLimits) -> Request:
    """Read the sheet at `path` and publish the request; its products can be claimed from then on.

    Raises SheetRefused with all findings, and leaves nothing behind then; the image store has not heard of it. Returns another
    request (its `id` differs) if the owner published one under the same idempotency key before.
    """
    await states.create(request)
    stored = False
    try:
        with await in_thread(open_sheet, path, request.filename, request.sheet, limits) as sheet:
            rows = sheet.rows()
            while chunk := await in_thread(_take, rows):
                await states.add_products(request.id, chunk)
            sheet.check()
        input_key = sheet_key(request, "input", _extension(request.filename))
        stored = True  # or begun to be
        await images.put(input_key, path, content_type=content_type(input_key))
        published = await states.publish(
            request.id,
            input_key=input_key,
            total_images=sheet.total_images,
            total_rows=sheet.total_rows,
            failed_rows=sheet.failed_rows,
            repairs=sheet.repairs,
        )
    except BaseException:
        await asyncio.shield(_forget(states, images, request) if stored else states.erase(request.id))
        raise
    if published.id != request.id:
        await _forget(states, images, request)
    return published


async def _forget(states: StateStore, images: ImageStore, request: Request) -> None:
    await states.erase(request.id)
    if request.secret:
        await images.delete_folder(request.folder)


def _take(rows: Iterator[Row]) -> list[Row]:
    return list(itertools.islice(rows, CHUNK))


def _extension(filename: str) -> str:
    suffix = PurePath(filename).suffix.lower().lstrip(".")
    return suffix if suffix in ("csv", "tsv", "txt", "gz") else "csv"
