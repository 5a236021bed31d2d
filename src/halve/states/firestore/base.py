"""The collections, and how the database is reached: patience, reads at one moment, writes that hold only if nothing changed.

No transaction is ever begun: those of Firestore's server clients lock what they read, and many workers at the head of one queue
would wait for each other. Everything is read without locks and written on the condition that it is as it was read
(`update_time`): several documents by `commit`, all or none; documents that have nothing to do with each other by `each`.
"""

from __future__ import annotations

import asyncio
import random
import re
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeVar
from urllib.parse import unquote, urlsplit
from uuid import UUID

from google.api_core import exceptions
from google.api_core.retry import AsyncRetry, if_exception_type
from google.auth.exceptions import DefaultCredentialsError
from google.cloud.firestore_v1 import AsyncClient, AsyncDocumentReference
from google.cloud.firestore_v1.types import BatchWriteRequest, BatchWriteResponse, CommitRequest

from halve.core.errors import OptionRefused, StoreFailed
from halve.states.firestore.writes import Snapshot, Writes

T = TypeVar("T")

Document = dict[str, Any]
Query = Any
Collection = Any
"""The client's; its own types do not tell them apart."""

ANSWER_WITHIN = 30.0
"""Seconds that one call may take."""

PATIENCE = AsyncRetry(
    predicate=if_exception_type(
        exceptions.ServiceUnavailable,
        exceptions.InternalServerError,
        exceptions.ResourceExhausted,
        exceptions.DeadlineExceeded,
    ),
    initial=0.1,
    maximum=2.0,
    multiplier=2.0,
    timeout=10.0,
)
"""How often a call that failed in passing is made again. Contention is no such thing: what was read is to be read again."""

CALLS: dict[str, Any] = {"retry": PATIENCE, "timeout": ANSWER_WITHIN}

MOST_WRITES = 450
"""Writes of one call. Firestore took 500 at the most for years, and what stands in for it may still."""

MOST_BYTES = 4_000_000
"""Bytes that are written with one call; the limit of a request is 10 MiB."""

ATTEMPTS = 12
"""How often a step begins again because another changed what it had read. The pauses between them add up to some 5 s."""

CLOCK_AGES = 10.0
"""Seconds after which the server's clock is looked at again."""

PAGES_REMEMBERED = 32
"""Pages of rows that a process keeps at hand: they never change, and one serves some hundred claims."""

_PROJECT = re.compile(r"[a-z][a-z0-9:.-]{2,60}")
_DATABASE = re.compile(r"\(default\)|[a-z][a-z0-9-]{2,62}")


class Changed(Exception):
    """Another was quicker: a document is not what it was when it was read. Nothing was written."""


class Base:
    def __init__(self, url: str) -> None:
        project, database = _named(url)
        try:
            self.client = AsyncClient(project=project, database=database)
        except (DefaultCredentialsError, OSError) as error:
            raise StoreFailed(
                f"Firestore cannot be reached without credentials: {str(error).splitlines()[0]} Set "
                "GOOGLE_APPLICATION_CREDENTIALS to the key file of a service account, or FIRESTORE_EMULATOR_HOST for an emulator."
            ) from error
        self.project, self.database = str(self.client.project), database or "(default)"
        self.where = f"Firestore's database {self.database!r} of project {self.project!r}"
        self.requests = self.client.collection("requests")
        self.products = self.client.collection("products")
        self.deliveries = self.client.collection("deliveries")
        self.keys = self.client.collection("keys")
        self.secrets = self.client.collection("secrets")
        self.memory = self.client.collection("memory")
        self.meta = self.client.collection("meta")
        self.rows_of_pages: OrderedDict[tuple[str, int], dict[int, Any]] = OrderedDict()
        self._clock: tuple[datetime, float] | None = None

    def request(self, request_id: UUID | str) -> AsyncDocumentReference:
        return self.requests.document(str(request_id))

    def pages(self, request_id: UUID | str) -> Collection:
        return self.requests.document(str(request_id)).collection("pages")

    def parts(self, request_id: UUID | str) -> Collection:
        return self.requests.document(str(request_id)).collection("parts")

    async def close(self) -> None:
        """The client has no method of its own for it."""
        if self.client._firestore_api_internal is not None:
            await self.client._firestore_api.transport.close()

    # ── reading ───────────────────────────────────────────────────────────────────────────────────────────────────────

    async def get(self, *references: Any, fields: Iterable[str] | None = None, at: datetime | None = None) -> list[Snapshot]:
        """These documents, there or not, in this order; all as they were at one moment (`at`, or now)."""
        if not references:
            return []
        found: dict[str, Snapshot] = {}
        async for snapshot in self.client.get_all(list(references), fields, read_time=at, **CALLS):
            found[snapshot.reference.path] = snapshot
        if at is None:
            self._look_at_the_clock(next(iter(found.values())).read_time)
        return [found[reference.path] for reference in references]

    async def find(self, query: Query, *, at: datetime | None = None) -> list[Snapshot]:
        found = [snapshot async for snapshot in _stream(query, at)]
        if found and at is None:
            self._look_at_the_clock(found[0].read_time)
        return found

    async def count(self, query: Query) -> int:
        [[result]] = await query.count().get(**CALLS)
        return int(result.value or 0)

    async def sums(self, query: Query, fields: Sequence[str], *, at: datetime | None = None) -> list[int]:
        """Each field's sum over all documents that have it, as they were at one moment. One query for each: several in one would
        need an index that has all of them.
        """
        results = await asyncio.gather(*(query.sum(field).get(read_time=at, **CALLS) for field in fields))
        return [int(result.value or 0) for [[result]] in results]

    async def now(self) -> datetime:
        """The server's clock. It comes with whatever is read or committed; between two looks at it, this process counts on."""
        if self._clock is None or time.monotonic() - self._clock[1] > CLOCK_AGES:
            await self.get(self.meta.document("schema"))
        assert self._clock is not None
        return self._clock[0] + timedelta(seconds=time.monotonic() - self._clock[1])

    def _look_at_the_clock(self, told: datetime) -> None:
        """An answer takes its time to come, so of two looks the later time is nearer to the truth."""
        here = time.monotonic()
        if self._clock is not None and here - self._clock[1] < CLOCK_AGES:
            counted_on = self._clock[0] + timedelta(seconds=here - self._clock[1])
            if counted_on >= told:
                return
        self._clock = told, here

    # ── writing ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def writes(self) -> Writes:
        return Writes(f"{self.client._database_string}/documents")

    async def commit(self, writes: Writes) -> None:
        """Write all of it or nothing. Raises Changed where a condition does not hold."""
        request = CommitRequest.pb()(database=self.client._database_string, writes=writes.messages)
        try:
            answer = await self.client._firestore_api.commit(
                CommitRequest.wrap(request), **CALLS, metadata=self.client._rpc_metadata
            )
        except _QUICKER as error:
            if _of_the_database(error):
                raise
            raise Changed from error
        self._look_at_the_clock(answer.commit_time)

    async def each(self, writes: Writes, *, once: bool = False) -> list[bool]:
        """Write whichever of them can be; tells which were. `once`: an answer that is lost on the way is an error."""
        done: list[bool] = []
        for first in range(0, len(writes.messages), MOST_WRITES):
            some = writes.messages[first : first + MOST_WRITES]
            try:
                answer = await self.client._firestore_api.batch_write(
                    BatchWriteRequest.wrap(BatchWriteRequest.pb()(database=self.client._database_string, writes=some)),
                    **(CALLS | {"retry": None} if once else CALLS),
                    metadata=self.client._rpc_metadata,
                )
            except exceptions.Aborted:
                done += [False] * len(some)
                continue
            for status in BatchWriteResponse.pb(answer).status:
                if status.code in _WILL_NEVER_DO:
                    raise _WILL_NEVER_DO[status.code](status.message)  # type: ignore[no-untyped-call]
                done.append(status.code == 0)
        return done

    async def again(self, step: Callable[[], Awaitable[T]]) -> T:
        """Do a step that reads and then commits, again from the start as long as others are quicker."""
        for attempt in range(ATTEMPTS):
            try:
                return await step()
            except Changed:
                await pause(attempt)
        raise StoreFailed(
            f"{self.where} is too busy: others changed the same document {ATTEMPTS} times meanwhile. Try again later."
        )


_QUICKER = (exceptions.FailedPrecondition, exceptions.AlreadyExists, exceptions.NotFound, exceptions.Aborted)
"""What is raised where a condition does not hold, or two commits got in each other's way."""

_WILL_NEVER_DO = {3: exceptions.InvalidArgument, 7: exceptions.PermissionDenied}
"""Codes of a write for which trying again does not help."""


async def pause(attempt: int) -> None:
    """Of 5 ms at first, of a second later; never the same for two."""
    await asyncio.sleep(random.uniform(0.5, 1.0) * min(1.0, 0.005 * 2**attempt))  # noqa: S311


async def _stream(query: Query, at: datetime | None) -> AsyncIterator[Snapshot]:
    async for snapshot in query.stream(read_time=at, **CALLS):
        yield snapshot


def _of_the_database(error: Exception) -> bool:
    """Whether that is said of the database rather than of a document."""
    return "database" in str(error).lower() and "does not exist" in str(error).lower()


def _named(url: str) -> tuple[str | None, str | None]:
    """Project and database; None: the environment's, the default one."""
    parts = urlsplit(url)
    project, database = unquote(parts.netloc), unquote(parts.path.strip("/"))
    if (project and not _PROJECT.fullmatch(project)) or (database and not _DATABASE.fullmatch(database)) or parts.query:
        raise OptionRefused(
            "HALVE_DATABASE_URL",
            "HALVE_DATABASE_URL must name a Google Cloud project, and a database unless it is the default one: "
            "firestore://project/database.",
            code="bad_setting",
        )
    return project or None, database or None
