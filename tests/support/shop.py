"""A small shop for tests: sheets of links to an origin's pictures, and the whole of `halve` around a folder of its own."""

from __future__ import annotations

import asyncio
import csv
import io
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

from halve.core.intake import accept, new_request
from halve.core.models import Mode, Request, SheetOptions
from halve.core.options import Options
from halve.settings import Settings, read_settings
from halve.wiring import Parts, open_parts, open_worker

HEADER = ("S. No.", "Product Name", "Input Image Urls")
BASE_URL = "http://shop.test"


def sheet_of(rows: Iterable[tuple[str, Sequence[str]]]) -> bytes:
    """A plain sheet of (product name, URLs), numbered from 1."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(HEADER)
    for number, (name, urls) in enumerate(rows, start=1):
        writer.writerow((number, name, ", ".join(urls)))
    return text.getvalue().encode()


def settings_for(folder: Path, **settings: Any) -> Settings:
    return read_settings(**{"data_dir": folder, "allow_private": "127.0.0.0/8", "concurrency": 1, **settings})


@asynccontextmanager
async def open_shop(folder: Path, *, worker: bool = True, poll: float | None = 0.02, **settings: Any) -> AsyncIterator[Parts]:
    """All parts for real, with a worker beside them. Nobody tells it of an upload, so it looks every `poll` seconds; None: as often
    as it would elsewhere.
    """
    async with open_parts(settings_for(folder, **settings)) as parts:
        if poll is not None:
            parts.states.poll = poll
        if not worker:
            yield parts
            return
        async with open_worker(parts):
            yield parts


async def upload(parts: Parts, sheet: bytes, *, options: Options | None = None, mode: Mode = Mode.STRICT, **more: Any) -> Request:
    path = parts.spool / "upload.csv"
    path.write_bytes(sheet)
    request = new_request(
        filename="catalogue.csv", options=options or Options(), sheet=SheetOptions(mode), base_url=BASE_URL, **more
    )
    return await accept(parts.states, parts.images, path, request, parts.sheet_limits)


async def the_end(parts: Parts, request_id: UUID, *, seconds: float = 30.0) -> Request:
    """Wait until the request is finished."""
    async with asyncio.timeout(seconds):
        while True:
            request = await parts.states.request(request_id)
            assert request is not None
            if request.finished:
                return request
            await asyncio.sleep(0.02)


async def stored(parts: Parts, key: str | None) -> bytes:
    assert key is not None
    return b"".join([piece async for piece in parts.images.read(key)])


async def output_rows(parts: Parts, request: Request) -> list[dict[str, str]]:
    """The output sheet as a reader of CSV sees it."""
    return list(csv.DictReader(io.StringIO((await stored(parts, request.output_key)).decode())))


async def image_behind(parts: Parts, link: str) -> bytes:
    """The bytes that a link of the output sheet leads to."""
    from halve.core.naming import key_of

    key = key_of(link.rpartition("/")[2])
    assert link.startswith(f"{BASE_URL}/image/")
    return await stored(parts, key)
