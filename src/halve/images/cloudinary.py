"""Images in Cloudinary, whose own links go into the sheet.

Bytes are stored as they are: signed uploads without a transformation, a preset or another format. Images are public assets of
type `image/upload`, since links to them are the purpose; sheets are `raw/authenticated`, which only a signed link opens, and
nobody is given one. Uploads and deletions go through the official client, in threads of this module's own; reading goes the way
that every browser goes, over the delivery network, past its cache.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from halve.core.errors import ImageFailed, NotFound, OptionRefused, StoreFailed
from halve.core.naming import content_type as content_type_of
from halve.core.ports import Stored
from halve.images.cloudinary_account import read_account
from halve.images.cloudinary_delivery import ATTEMPTS, PAUSE, Gone, fetch_part
from halve.images.keys import checked_folder, checked_key, checked_range, nothing_under, possible_key
from halve.images.trial import gives_back
from halve.images.windows import Window, read_windows

try:
    import cloudinary
except ValueError as error:  # it reads CLOUDINARY_URL on being imported, wanted or not
    raise OptionRefused("CLOUDINARY_URL", "CLOUDINARY_URL must be cloudinary://key:secret@cloud.", code="bad_setting") from error
import cloudinary.api
import cloudinary.uploader
from cloudinary.exceptions import AuthorizationRequired, BadRequest, Error, NotAllowed, RateLimited
from cloudinary.exceptions import NotFound as NothingThere

T = TypeVar("T")

THREADS = 16
"""Uploads and reads under way at once; each waits for the network nearly all the time."""

PART = 8_000_000
"""Bytes of a part where a file is larger. Cloudinary takes parts of 5 MB and more."""

TIMEOUT = 60
"""Seconds to wait for a connection, and for each answer."""

ASSETS = (("image", "upload"), ("raw", "authenticated"))
"""Resource type and delivery type of what is stored here: images, and sheets."""


class CloudinaryImages:
    """Implements `core.ports.ImageStore` over `cloudinary://key:secret@cloud` (or `cloudinary://` and `CLOUDINARY_URL`).

    OptionRefused for an account that cannot be meant; whether it works is found out by `ready`.
    """

    def __init__(self, url: str) -> None:
        self._account = read_account(url, os.environ)
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="halve-cloudinary")
        self._running: set[asyncio.Future[Any]] = set()
        for connections in _connections():
            # The client keeps one connection; with so many threads nearly every upload would begin with a handshake.
            connections.connection_pool_kw["maxsize"] = THREADS

    async def put(self, key: str, data: bytes | Path, *, content_type: str) -> str | None:
        """Returns an image's link, which names this version of it and does not expire.

        Raises ImageFailed for an image that Cloudinary will not take, whatever the reason: it is damaged in Cloudinary's
        eyes, or larger than the account's plan allows.
        """
        kind, access, public_id = _asset(checked_key(key))
        try:
            made = await self._run(lambda: self._upload(kind, access, public_id, Path(key).name, data))
        except BadRequest as error:
            if kind == "image":
                raise ImageFailed(f"refused by Cloudinary: {_reason(error)}", code="store_refused") from error
            raise StoreFailed(f"Cloudinary refused a sheet: {_reason(error)}.") from error
        return self._account.link(made) if kind == "image" else None

    async def stat(self, key: str) -> Stored | None:
        try:
            window = await self._fetch(key, 0, 1, None)
        except NotFound:
            return None
        return Stored(window.total, window.etag or f"size-{window.total}", content_type_of(key))

    async def read(self, key: str, *, start: int = 0, length: int | None = None) -> AsyncIterator[bytes]:
        checked_range(start, length)
        if length == 0:
            await self._fetch(key, 0, 1, None)
            return

        async def fetch(first: int, stop: int, etag: str | None) -> Window:
            return await self._fetch(key, first, stop, etag)

        async for piece in read_windows(fetch, start, length):
            yield piece

    async def delete_folder(self, folder: str) -> None:
        checked_folder(folder)
        await self._run(lambda: self._delete_folder(folder))

    async def ready(self) -> None:
        if not await gives_back(self, self._delete):
            raise StoreFailed(
                "Cloudinary gave back other bytes than were sent to it: see that no preset or add-on changes raw files."
            )

    async def _delete(self, key: str) -> None:
        kind, access, public_id = _asset(key)
        await self._run(lambda: cloudinary.uploader.destroy(public_id, **self._options(kind, access), invalidate=True))

    async def close(self) -> None:
        """Waits for what runs."""
        await asyncio.gather(*self._running, return_exceptions=True)
        self._threads.shutdown()
        for connections in _connections():
            connections.clear()

    # ── in a thread ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _upload(self, kind: str, access: str, public_id: str, filename: str, data: bytes | Path) -> dict[str, Any]:
        options = self._options(kind, access) | {"public_id": public_id, "overwrite": True, "invalidate": True}
        try:
            if isinstance(data, Path) and data.stat().st_size > PART:
                made: dict[str, Any] = cloudinary.uploader.upload_large(str(data), filename=filename, chunk_size=PART, **options)
            else:
                content = data.read_bytes() if isinstance(data, Path) else data
                made = cloudinary.uploader.upload((filename, content), **options)
        except OSError as error:
            raise StoreFailed(f"{data!s} cannot be read: {error.strerror}.") from error
        return made

    def _delete_folder(self, folder: str) -> None:
        for kind, access in ASSETS:
            options = self._options(kind, access) | {"invalidate": True}
            while True:
                answer = cloudinary.api.delete_resources_by_prefix(f"{folder}/", **options)
                if not answer.get("partial") and not answer.get("next_cursor"):
                    break
                if answer.get("next_cursor"):
                    options["next_cursor"] = answer["next_cursor"]
        try:
            cloudinary.api.delete_folder(folder, **self._account.options, timeout=TIMEOUT)
        except (NothingThere, BadRequest):
            return  # accounts with dynamic folders have none of that name; and something else may be in it

    async def _fetch(self, key: str, first: int, stop: int, etag: str | None) -> Window:
        if not possible_key(key):
            raise nothing_under(key)
        url = self._account.delivery_url(*_asset(key))
        try:
            window = await self._run(lambda: fetch_part(url, first, stop, timeout=TIMEOUT))
        except Gone as error:
            raise nothing_under(key) from error
        if etag is not None and window.etag != etag:
            raise StoreFailed(f"{key} was replaced while it was being read; read it again.")
        return window

    def _options(self, kind: str, access: str) -> dict[str, Any]:
        return {**self._account.options, "resource_type": kind, "type": access, "timeout": TIMEOUT}

    async def _run(self, function: Callable[[], T]) -> T:
        running = asyncio.get_running_loop().run_in_executor(self._threads, _translated, function)
        self._running.add(running)
        running.add_done_callback(self._running.discard)
        return await asyncio.shield(running)


def _asset(key: str) -> tuple[str, str, str]:
    """Resource type, delivery type and public id. An image's format is no part of its public id, a raw file's is."""
    if content_type_of(key).startswith("image/"):
        return *ASSETS[0], key.rpartition(".")[0]
    return *ASSETS[1], key


def _translated(function: Callable[[], T]) -> T:
    """The client's errors in our words; what fails in passing is tried again."""
    for attempt in range(1, ATTEMPTS + 1):
        try:
            return function()
        except (BadRequest, NothingThere):
            raise
        except (AuthorizationRequired, NotAllowed) as error:
            raise StoreFailed(
                f"Cloudinary refused: {_reason(error)}. Check cloud, key and secret in HALVE_STORAGE_URL or CLOUDINARY_URL."
            ) from error
        except RateLimited as error:
            raise StoreFailed(
                f"Cloudinary's rate limit is reached: {_reason(error)}. It passes within the hour; a larger plan has a higher one."
            ) from error
        except Error as error:
            if attempt == ATTEMPTS:
                raise StoreFailed(f"Cloudinary cannot be reached or failed: {_reason(error)}. Check the network.") from error
            time.sleep(attempt * PAUSE)
    raise AssertionError("unreachable")


def _reason(error: BaseException) -> str:
    return str(error).partition("\n")[0][:300].strip().rstrip(".")


def _connections() -> list[Any]:
    """The client's connection pools: one for uploads, one for the rest."""
    from cloudinary.api_client import call_api

    found = (getattr(module, "_http", None) for module in (cloudinary.uploader, call_api))
    return [pool for pool in found if hasattr(pool, "connection_pool_kw")]
