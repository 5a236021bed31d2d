"""Images in MongoDB, as GridFS keeps files: any GridFS client reads what is written here, and this reads what they wrote.

Reading goes through PyMongo's GridFS. Writing follows the GridFS specification's layout by hand: PyMongo's own writer asks after
its two indexes anew for every file, five trips to the server where two do, and two and a half times the CPU time.

Every put is a revision of its own under its own `_id`, complete before its file document makes it visible; those it replaces go
afterwards. So a reader finds the old bytes or the new ones, a put that was cut short is never seen, and two that put the same
thing at once do each other no harm. The `_id` begins with the key, so that a folder is one range of both indexes, with all
left-overs.
"""

from __future__ import annotations

import asyncio
import functools
import hashlib
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from bson import Binary, Int64, ObjectId
from gridfs.asynchronous.grid_file import AsyncGridOut
from gridfs.errors import CorruptGridFile
from pymongo import ASCENDING, DESCENDING
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import ConnectionFailure, OperationFailure, PyMongoError
from pymongo.read_concern import ReadConcern
from pymongo.read_preferences import ReadPreference
from pymongo.write_concern import WriteConcern

from halve.core.errors import StoreFailed
from halve.core.naming import content_type as content_type_of
from halve.core.ports import Stored
from halve.core.threads import to_its_end
from halve.images.keys import checked_folder, checked_key, checked_range, nothing_under, possible_key
from halve.images.trial import gives_back
from halve.images.windows import PIECE
from halve.mongodb import Document, client_of, reason, refused

CHUNK = PIECE
"""Bytes of one chunk document. Nearly every image is one; MongoDB's limit for a document is 16 MiB."""

DELETED = 500
"""Files deleted by one command, which then ends long before anybody's patience does."""

BUCKET = "fs"
"""GridFS's own default: the collections `fs.files` and `fs.chunks`, where other tools look first."""

T = TypeVar("T")
P = ParamSpec("P")


class GridFsImages:
    """Implements `core.ports.ImageStore` over `gridfs://user:password@host:port/database?options` (or `gridfs+srv://`).

    The options are MongoDB's own. OptionRefused for a URL that cannot be meant; nothing is connected before it is needed.
    """

    def __init__(self, url: str) -> None:
        self._client, database = client_of(url, setting="HALVE_STORAGE_URL", scheme="gridfs")
        self._where = f"MongoDB's database {database!r}"
        # Written by a majority and in their journals before `put` returns; read from the primary, where that is seen at once.
        self._bucket = self._client[database].get_collection(
            BUCKET,
            write_concern=WriteConcern("majority", j=True),
            read_concern=ReadConcern("majority"),
            read_preference=ReadPreference.PRIMARY,
        )
        self._files: AsyncCollection[Document] = self._bucket.files
        self._chunks: AsyncCollection[Document] = self._bucket.chunks
        self._indexed: asyncio.Task[None] | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="halve-gridfs")

    async def put(self, key: str, data: bytes | Path, *, content_type: str) -> None:
        """What is there already, to the byte, is left as it is."""
        checked_key(key)
        in_thread = isinstance(data, Path) or len(data) > PIECE
        size, digest = await self._run(_measure, data) if in_thread else _measure(data)
        metadata = {"contentType": content_type, "sha256": digest}
        async with self._translated("written to"):
            await self._have_indexes()
            before = [file async for file in self._revisions(key)]
            if before and before[0]["length"] == size and before[0].get("metadata") == metadata:
                return
            own_id = f"{key}@{ObjectId()}"
            try:
                written = 0
                async for piece in self._pieces(data):
                    await to_its_end(
                        self._chunks.insert_one(
                            {"_id": ObjectId(), "files_id": own_id, "n": written // CHUNK, "data": Binary(piece)}
                        )
                    )
                    written += len(piece)
                if written != size:
                    raise StoreFailed(f"{data!s} changed while it was being stored; store it again.")
                await self._files.insert_one(
                    {
                        "_id": own_id,
                        "filename": key,
                        "length": Int64(size),
                        "chunkSize": CHUNK,
                        "uploadDate": datetime.now(UTC),
                        "metadata": metadata,
                    }
                )
            except BaseException:
                with suppress(PyMongoError):
                    await asyncio.shield(self._remove([own_id]))
                raise
            if before:
                await self._remove([file["_id"] for file in before])

    async def stat(self, key: str) -> Stored | None:
        if not possible_key(key):
            return None
        async with self._translated("read"):
            file = await self._newest(key)
        if file is None:
            return None
        metadata: Mapping[str, Any] = file.get("metadata") or {}
        etag = metadata.get("sha256") or hashlib.sha256(f"{file['_id']} {file['uploadDate']}".encode()).hexdigest()
        return Stored(int(file["length"]), etag[:32], metadata.get("contentType") or content_type_of(key))

    async def read(self, key: str, *, start: int = 0, length: int | None = None) -> AsyncIterator[bytes]:
        checked_range(start, length)
        async with self._translated("read"):
            begun = False
            for last_try in (False, True):
                file = await self._newest(key) if possible_key(key) else None
                if file is None:
                    raise nothing_under(key)
                try:
                    async for piece in self._part(file, start, length):
                        begun = True
                        yield piece
                except CorruptGridFile as error:  # its chunks are gone: another revision took its place just now
                    if begun or last_try:
                        raise StoreFailed(
                            f"{key} was replaced while it was being read, or lacks a chunk; read it again."
                        ) from error
                else:
                    return

    async def delete_folder(self, folder: str) -> None:
        checked_folder(folder)
        inside = {"$gte": f"{folder}/", "$lt": f"{folder}0"}  # "0" is the character after "/"
        async with self._translated("deleted from"):
            while files := await self._files.find({"_id": inside}, {"_id": 1}).limit(DELETED).to_list():
                await self._remove(file["_id"] for file in files)
            await self._chunks.delete_many({"files_id": inside})  # what crashes left

    async def ready(self) -> None:
        if not await gives_back(self, self._delete):
            raise StoreFailed(f"{self._where} gave back other bytes than were written to it.")

    async def close(self) -> None:
        if self._indexed is not None:
            self._indexed.cancel()
            await asyncio.gather(self._indexed, return_exceptions=True)
        await self._client.close()
        self._thread.shutdown()

    async def _run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """What reads a file or computes for long, beside the event loop."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, functools.partial(function, *args, **kwargs))

    async def _pieces(self, data: bytes | Path) -> AsyncIterator[bytes]:
        """In chunks, all but the last of the full length."""
        if isinstance(data, bytes):
            for at in range(0, len(data), CHUNK):
                yield data[at : at + CHUNK]
            return
        try:
            with data.open("rb") as file:
                while piece := await self._run(file.read, CHUNK):
                    yield piece
        except OSError as error:
            raise StoreFailed(f"{data} cannot be read: {error.strerror}.") from error

    async def _part(self, file: Document, start: int, length: int | None) -> AsyncIterator[bytes]:
        end = file["length"] if length is None else min(file["length"], start + length)
        if start >= end:
            return
        out = AsyncGridOut(self._bucket, file_document=file)
        try:
            await out.seek(start)
            while start < end and (piece := await out.read(min(PIECE, end - start))):
                yield piece
                start += len(piece)
        finally:
            await out.close()

    def _revisions(self, key: str) -> Any:
        """File documents under that name, the newest first; more than one only for a moment, or after a crash."""
        return self._files.find({"filename": key}).sort([("uploadDate", DESCENDING), ("_id", DESCENDING)])

    async def _newest(self, key: str) -> Document | None:
        files: list[Document] = await self._revisions(key).limit(1).to_list()
        return files[0] if files else None

    async def _remove(self, ids: Iterable[Any]) -> None:
        """File documents first: what lacks one is never read."""
        chosen = {"$in": list(ids)}
        await self._files.delete_many({"_id": chosen})
        await self._chunks.delete_many({"files_id": chosen})

    async def _delete(self, key: str) -> None:
        async with self._translated("deleted from"):
            await self._remove([file["_id"] async for file in self._revisions(key)])

    async def _have_indexes(self) -> None:
        """Make the two indexes that the specification asks for, once a process."""
        if self._indexed is None or (self._indexed.done() and (self._indexed.cancelled() or self._indexed.exception())):
            self._indexed = asyncio.create_task(self._make_indexes())
        await asyncio.shield(self._indexed)

    async def _make_indexes(self) -> None:
        await self._files.create_index([("filename", ASCENDING), ("uploadDate", ASCENDING)])
        await self._chunks.create_index([("files_id", ASCENDING), ("n", ASCENDING)], unique=True)

    @asynccontextmanager
    async def _translated(self, done: str) -> AsyncIterator[None]:
        """The driver's errors in our words."""
        try:
            yield
        except ConnectionFailure as error:
            raise StoreFailed(
                f"{self._where} cannot be reached: {reason(error)}. Check host, port and options in HALVE_STORAGE_URL, and that "
                "MongoDB runs there."
            ) from error
        except OperationFailure as error:
            if refused(error):
                raise StoreFailed(
                    f"{self._where} could not be {done}: MongoDB refused ({reason(error)}). Check user and password in "
                    "HALVE_STORAGE_URL (and authSource), and that the user has the role readWrite there."
                ) from error
            raise StoreFailed(f"{self._where} could not be {done}: {reason(error)}.") from error
        except PyMongoError as error:
            raise StoreFailed(f"{self._where} could not be {done}: {reason(error)}. Check HALVE_STORAGE_URL.") from error


def _measure(data: bytes | Path) -> tuple[int, str]:
    """Size in bytes, and SHA-256 in hexadecimal."""
    if isinstance(data, bytes):
        return len(data), hashlib.sha256(data).hexdigest()
    try:
        with data.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            return file.tell(), digest
    except OSError as error:
        raise StoreFailed(f"{data} cannot be read: {error.strerror}.") from error
