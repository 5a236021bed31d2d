"""Images as objects in a bucket: Amazon S3 and what speaks like it, Google Cloud Storage, Azure Blob Storage.

obstore does the talking (one library for all three, its own threads, no Python held while bytes move). Here is what the three
have in common beyond it: attributes, windows, and errors in words that name the setting to mend.
"""

from __future__ import annotations

import os
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import obstore
from obstore.exceptions import (
    BaseError,
    GenericError,
    PermissionDeniedError,
    PreconditionError,
    UnauthenticatedError,
)

from halve.core.errors import StoreFailed
from halve.core.naming import content_type as content_type_of
from halve.core.ports import Stored
from halve.images.buckets import open_bucket
from halve.images.keys import checked_folder, checked_key, checked_range, nothing_under, possible_key
from halve.images.trial import gives_back
from halve.images.windows import Window, read_windows

PART = 8 << 20
"""Bytes of one part of a multipart upload, and the most that is sent in one request. S3 takes 10,000 parts of a file: 80 GB."""

PARTS_AT_ONCE = 2
"""Parts of one file on their way at once; with `PART` the memory that an upload of any size takes: 16 MiB."""

LISTED = 1000
"""Objects listed at once, and deleted at once; S3's limit for both."""

IMAGE_CACHE = "public, max-age=31536000, immutable"
SHEET_CACHE = "private, no-store"
"""`Cache-Control` (RFC 9111, RFC 8246). The name of an image is never used for another one; a sheet is written anew by a retry."""

_NO_CONTAINER = ("NoSuchBucket", "ContainerNotFound", "The specified bucket does not exist")
_REFUSALS = ("status code: 401", "status code: 403", "<Code>ExpiredToken<", "<Code>InvalidToken<")
"""The last two S3 says with 400."""

_SKEWED = "<Code>RequestTimeTooSkewed<"
_OVERRUN = ("<Code>SlowDown<", "<Code>ServerBusy<", "status code: 429")
_NO_CREDENTIALS = ("169.254.169.254", "169.254.170.2", "metadata.google.internal", "metadata/identity")
_REASON = re.compile(r"<Code>([^<]*)</Code>(?:\s*<Message>([^<\n]*))?", re.IGNORECASE)
_STATUS = re.compile(r"status code: (\d{3} [A-Za-z ]+)")
_REQUEST = re.compile(r"performing [A-Z]+ (\w+://[^/\s]+)\S* in .* - (?:HTTP error: )?(.+)")
_CAUSE = re.compile(r'(?:message|error): "([^"]+)"')


class ObjectImages:
    """Implements `core.ports.ImageStore` over `s3://bucket/prefix`, `gs://bucket/prefix` or `az://container/prefix`.

    OptionRefused where the URL or the environment cannot be meant; whether it works is found out by `ready`.
    """

    def __init__(self, url: str) -> None:
        self._bucket, self._service, self._name = open_bucket(url, os.environ)

    async def put(self, key: str, data: bytes | Path, *, content_type: str) -> None:
        """No object store has links that last and need no bucket open to the world: `HALVE_PUBLIC_URL` says where that is."""
        checked_key(key)
        attributes = {
            "Content-Type": content_type,
            "Cache-Control": IMAGE_CACHE if content_type.startswith("image/") else SHEET_CACHE,
        }
        size = len(data) if isinstance(data, bytes) else _size(data)
        with self._translated("written"):
            try:
                await obstore.put_async(
                    self._bucket,
                    key,
                    data,
                    attributes=attributes,
                    use_multipart=size > PART,
                    chunk_size=PART,
                    max_concurrency=PARTS_AT_ONCE,
                )
            except FileNotFoundError as error:
                raise StoreFailed(self._no_container()) from error

    async def stat(self, key: str) -> Stored | None:
        if not possible_key(key):
            return None
        with self._translated("read"):
            try:
                found = await obstore.get_async(self._bucket, key, options={"head": True})
                await found.bytes_async()  # there are none; unread, they keep their connection from ever being closed
            except FileNotFoundError:
                return None
        meta = found.meta
        return Stored(
            size=meta["size"],
            etag=_etag(meta["e_tag"]) or f"{meta['last_modified'].timestamp():.0f}-{meta['size']}",
            content_type=found.attributes.get("Content-Type") or content_type_of(key),
        )

    async def read(self, key: str, *, start: int = 0, length: int | None = None) -> AsyncIterator[bytes]:
        checked_range(start, length)
        if length == 0:
            await self._size_of(key)
            return
        if not possible_key(key):
            raise nothing_under(key)

        async def fetch(first: int, stop: int, etag: str | None) -> Window:
            return await self._window(key, first, stop, etag)

        async for piece in read_windows(fetch, start, length):
            yield piece

    async def delete_folder(self, folder: str) -> None:
        checked_folder(folder)
        with self._translated("deleted from"):
            async for page in obstore.list(self._bucket, prefix=folder, chunk_size=LISTED):
                await self._delete([meta["path"] for meta in page])

    async def ready(self) -> None:
        if not await gives_back(self, self._delete_one):
            raise StoreFailed(f"The {self._service.container} {self._name!r} gave back other bytes than were written to it.")

    async def close(self) -> None:
        """Let go of the connections; obstore closes them with the last that holds the bucket."""
        del self._bucket

    async def _window(self, key: str, first: int, stop: int, etag: str | None) -> Window:
        with self._translated("read"):
            try:
                found = await obstore.get_async(
                    self._bucket, key, options={"range": (first, stop), "if_match": etag} if etag else {"range": (first, stop)}
                )
                data = memoryview(await found.bytes_async())
            except FileNotFoundError as error:
                if any(word in str(error) for word in _NO_CONTAINER):
                    raise
                raise nothing_under(key) from error
            except PreconditionError as error:
                raise StoreFailed(f"{key} was replaced while it was being read; read it again.") from error
            except GenericError:
                # No byte lies in that range (416), which is no error of ours: the thing ends before, or is empty.
                size = await self._size_of(key)
                if first < size:
                    raise
                return Window(memoryview(b""), size, etag)
        return Window(data, found.meta["size"], found.meta["e_tag"])

    async def _size_of(self, key: str) -> int:
        stored = await self.stat(key)
        if stored is None:
            raise nothing_under(key)
        return stored.size

    async def _delete_one(self, key: str) -> None:
        with self._translated("deleted from"):
            await self._delete([key])

    async def _delete(self, keys: list[str]) -> None:
        """Delete objects, some of which may be gone already: S3 does not mind, the others name the first that is."""
        try:
            await obstore.delete_async(self._bucket, keys)
        except FileNotFoundError:
            for key in keys:
                try:
                    await obstore.delete_async(self._bucket, key)
                except FileNotFoundError:
                    continue

    @contextmanager
    def _translated(self, done: str) -> Iterator[None]:
        """The library's errors in our words; `done` says what was to be done with the bucket."""
        service, where = self._service, f"The {self._service.container} {self._name!r} could not be {done}"
        try:
            yield
        except (PermissionDeniedError, UnauthenticatedError) as error:
            raise StoreFailed(self._refused(where, error)) from error
        except FileNotFoundError as error:
            raise StoreFailed(self._no_container()) from error
        except BaseError as error:
            text = str(error)
            if any(word in text for word in _NO_CONTAINER):
                raise StoreFailed(self._no_container()) from error
            if any(word in text for word in _NO_CREDENTIALS):
                raise StoreFailed(f"{where}: no credentials were found. Set {service.credentials}.") from error
            if any(word in text for word in _REFUSALS):
                raise StoreFailed(self._refused(where, error)) from error
            if any(word in text for word in _OVERRUN):
                raise StoreFailed(
                    f"{where}: {_reason(error)}. It is asked for more than it bears: lower HALVE_IN_FLIGHT, or start fewer workers."
                ) from error
            raise StoreFailed(f"{where}: {_reason(error)}. Check {service.endpoint}.") from error

    def _refused(self, where: str, error: BaseException) -> str:
        service = self._service
        hint = f"Check {service.credentials}, and what they may do there."
        if _SKEWED in str(error):
            hint = "Set the clock of this machine right."
        return f"{where}: {service.name} refused ({_reason(error)}). {hint}"

    def _no_container(self) -> str:
        return f"{self._service.name} has no {self._service.container} {self._name!r}: create it, or mend HALVE_STORAGE_URL."


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError as error:
        raise StoreFailed(f"{path} cannot be read: {error.strerror}.") from error


def _etag(given: str | None) -> str | None:
    return given.removeprefix("W/").strip('"') if given else None


def _reason(error: BaseException) -> str:
    """What the service itself gave as its reason, in one line."""
    text = str(error)
    if found := _REASON.search(text):
        return ": ".join(part.strip().rstrip(".") for part in found.groups() if part and part.strip())
    if status := _STATUS.search(text):
        return status[1].strip()
    first = text.partition("\n")[0].strip().rstrip(".")
    if request := _REQUEST.search(first):
        cause = _CAUSE.search(text)
        return f"{request[1]}: {cause[1] if cause else request[2]}"
    return first
