"""What the story needs from the outside, as protocols. An adapter is whatever keeps the promise written here; the contract
suites under `tests/contract/` hold every adapter to it.

All coroutines may raise StoreFailed where their backend is out of reach, and leave nothing half done then.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable
from uuid import UUID

from halve.core.compressed import Compressed
from halve.core.finding import Finding
from halve.core.models import (
    Delivery,
    DeliveryKind,
    DeliveryState,
    ImageResult,
    Outcome,
    Page,
    Product,
    Request,
    Row,
)
from halve.core.options import Options


class StateStore(Protocol):
    """Where requests, products and deliveries live; the truth. Its own clock decides what is due.

    Any number of processes may use one at once. Instances belong to the event loop they were made in.
    """

    poll: float
    """Seconds between looks for something to do where there was nothing: longer where each look is paid for."""

    async def migrate(self) -> None:
        """Create or upgrade the tables. Repeatable, also by two processes at once."""

    async def ready(self) -> None:
        """Return if the store answers and its tables are current; raise StoreFailed, saying what to do, if not."""

    async def close(self) -> None: ...

    async def secret(self, name: str, make: Callable[[], str]) -> str:
        """The secret of that name; made once, the same for every process ever after."""

    # ── a sheet comes in ──────────────────────────────────────────────────────────────────────────────────────────────

    async def create(self, request: Request) -> None:
        """Begin a request, invisible to everything but `add_products`, `publish` and `erase`."""

    async def add_products(self, request_id: UUID, rows: Sequence[Row]) -> None:
        """Add rows to a request that is not published. Rows come in rising order; up to 5,000 a call."""

    async def publish(
        self,
        request_id: UUID,
        *,
        input_key: str,
        total_images: int,
        total_rows: int,
        failed_rows: int,
        repairs: Sequence[Finding],
    ) -> Request:
        """Make the request visible and its products claimable, in one step. Status `pending`.

        Where its owner already published one under the same idempotency key, this one is erased and that one returned
        (the caller compares fingerprints).
        """

    async def by_idempotency_key(self, owner: str, key: str) -> Request | None:
        """The published request of that owner under that key."""

    # ── looking ───────────────────────────────────────────────────────────────────────────────────────────────────────

    async def request(self, request_id: UUID) -> Request | None:
        """The published request, or None."""

    async def requests(self, owner: str | None, *, limit: int, cursor: str | None = None) -> Page[Request]:
        """Published requests, newest first; of one owner, or of all where `owner` is None. OptionRefused for a bad cursor."""

    async def products(
        self, request_id: UUID, *, after_row: int = 0, limit: int = 1000, failed_only: bool = False
    ) -> list[Product]:
        """Products with `row > after_row`, in the order of rows; with `failed_only`, those with a failed image."""

    async def deliveries(self, request_id: UUID) -> list[Delivery]:
        """All deliveries of the request, oldest first."""

    async def open_requests(self, owner: str) -> int:
        """How many published requests of that owner are not finished."""

    # ── work ──────────────────────────────────────────────────────────────────────────────────────────────────────────

    async def claim(self, holder: str, n: int, *, lease: float) -> list[Product]:
        """Lease up to `n` ready products to `holder` for `lease` seconds, each with a new fence.

        The first places of all requests come before the second ones, so a small sheet never waits behind a huge one; one claim
        in four serves the oldest request first. A request's first claim turns it from `pending` to `processing`.
        No product is leased to two at once.
        """

    async def renew(self, holder: str, *, lease: float) -> None:
        """Put off the end of all leases of `holder` to `lease` seconds from now. Those already lost stay lost."""

    async def record(self, outcomes: Sequence[Outcome]) -> set[UUID]:
        """Write outcomes, all in one transaction where there are transactions. Returns requests that have none open now.

        An outcome whose fence is stale, or whose product is not leased, changes nothing. The request's counters move by the
        difference between the product's images recorded now and before, so that repeating counts nothing twice.
        """

    async def void(self, holders: Iterable[str]) -> int:
        """End the leases of holders that are known to be dead, at once. Nothing is charged for it: somebody killed them, and all
        that they held are bystanders. Returns how many leases ended.
        """

    async def sweep(self, *, limit: int = 1000) -> int:
        """Put back to `ready`: waiting products past `due_at`; leased ones past it (their `lost` grows by one); any due
        more than a day ahead (clocks jump). At most `limit` of each. Returns how many. Deliveries likewise, to `due`.
        """

    async def to_finish(self, *, limit: int = 100) -> list[UUID]:
        """Published requests that are not finished and have no open product."""

    # ── the end ───────────────────────────────────────────────────────────────────────────────────────────────────────

    async def finish(
        self,
        request_id: UUID,
        round: int,
        *,
        cancelled: bool,
        output_key: str,
        failed_key: str | None,
        deliveries: Sequence[Delivery],
    ) -> bool:
        """End the request if it is of that round, cancelled or not as the caller knew it to be (what it owes depends on that),
        unfinished and has no open product: its status (`cancelled` stays; else `completed` with at least one success, else
        `failed`), exact counters, keys, time, deliveries. One conditional write; True for the one caller that made it.
        """

    async def cancel(self, request_id: UUID) -> bool:
        """Stop an unfinished request: status `cancelled`, its open products `cancelled` and never claimed again, records made
        under their leases void. False if it is over, cancelled or unknown. The sheet follows through `finish`.
        """

    async def retry(self, request_id: UUID) -> bool:
        """Open a finished request with failed or cancelled images again: `round` grows, those products are `ready` with `lost` 0,
        status `processing`, no keys and no end. Successes stay; failures count for nothing until their images fail again, or the
        retry is cancelled and ends. False if unfinished, unknown or nothing is to be done.
        """

    async def erase(self, request_id: UUID) -> None:
        """Forget the request, its products and deliveries. Repeatable."""

    async def expired(self, *, days: float, limit: int = 100) -> list[Request]:
        """Requests that finished more than `days` ago; and those never published that were begun more than a day ago."""

    # ── deliveries ────────────────────────────────────────────────────────────────────────────────────────────────────

    async def claim_deliveries(self, holder: str, n: int, *, lease: float) -> list[Delivery]:
        """Lease up to `n` due deliveries, with a new fence and `attempts` one higher."""

    async def record_delivery(self, delivery: Delivery, *, state: DeliveryState, answer: str, delay: float = 0.0) -> None:
        """Write how an attempt went: DELIVERED, FAILED, or DUE again in `delay` seconds. A stale fence changes nothing."""

    async def redeliver(self, request_id: UUID, kind: DeliveryKind) -> bool:
        """Make the newest delivery of that kind due again at once under its old id, attempts from 0. False if there is none."""

    # ── memory ────────────────────────────────────────────────────────────────────────────────────────────────────────

    async def recall(self, keys: Sequence[str]) -> dict[str, str]:
        """What was remembered under these keys and has not expired; what was not is left out. Up to 500 keys."""

    async def remember(self, entries: Mapping[str, str], *, seconds: float) -> None:
        """Keep each value under its key for so long, in place of what was there: up to 500 of them, keys of up to 64 characters,
        values of up to 1,000. A hint and no record: a power cut may undo it. Sweeps take away what has expired.
        """

    # ── figures ───────────────────────────────────────────────────────────────────────────────────────────────────────

    async def figures(self) -> dict[str, int]:
        """Counts for monitoring: `requests.<status>`, `products.ready`, `products.waiting`, `products.leased`, `deliveries.due`."""


@runtime_checkable
class Reopening(Protocol):
    """What a StateStore can do in addition, where outputs lie in their user's hands: in the folder of `halve run`."""

    async def reopen(self, request_id: UUID, lost: Mapping[int, Sequence[ImageResult]]) -> bool:
        """Open a finished request again as `retry` does, with products (by row) that have lost some of their outputs: of each, the
        results that it has left, those lost being pending. One write, so a kill leaves it finished or open.
        """


@dataclass(frozen=True, slots=True)
class Stored:
    """A stored thing: its size in bytes, its strong entity tag without quotes, its media type."""

    size: int
    etag: str
    content_type: str


class ImageStore(Protocol):
    """Where bytes live: images, and sheets too. Keys are `folder/name` or `name`, of letters, digits and `-_.`."""

    async def put(self, key: str, data: bytes | Path, *, content_type: str) -> str | None:
        """Store bytes, or a file's content, durably and whole before returning. Repeatable; the last one wins.

        Returns the public link if the store has one of its own, else None. StoreFailed where the disk is full or the store
        out of reach.
        """

    async def stat(self, key: str) -> Stored | None: ...

    def read(self, key: str, *, start: int = 0, length: int | None = None) -> AsyncIterator[bytes]:
        """The bytes from `start`, `length` of them (None: to the end), in pieces of at most 1 MiB. NotFound if there is none."""

    async def delete_folder(self, folder: str) -> None:
        """Delete everything in the folder. Repeatable."""

    async def ready(self) -> None:
        """Return if the store can be written to; raise StoreFailed, saying what to do, if not."""

    async def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Adoption:
    """What is stored at the address `source` shall be stored under `key` too, if it has that `digest` (`core.digests`)."""

    key: str
    source: str
    digest: str


@runtime_checkable
class Adopting(Protocol):
    """What an ImageStore can do in addition, where it need not read and write bytes to have them once more."""

    async def adopt(self, wanted: Sequence[Adoption]) -> list[bool]:
        """Do so, durably and whole as `put` does. False for those whose source is gone or has other content. Repeatable."""


class Body(Protocol):
    """A downloaded body, held outside memory where it is large. Valid within the `async with` that made it."""

    @property
    def size(self) -> int: ...

    def read(self) -> bytes:
        """All of it. Blocks for at most a file's read."""


@dataclass(frozen=True, slots=True)
class Validators:
    """What an origin said of the version of a body: its entity tag, its date, as they came. `place` stands for the URL, at the end
    of all redirects, that said so.
    """

    place: str
    etag: str | None
    last_modified: str | None


class Fetched(Body, Protocol):
    """A body, and what is known of its version. `digest`: of the bytes that `read` gives (`core.digests`); empty where
    none was asked for. `validators`: None where the origin said nothing to ask by.
    """

    @property
    def digest(self) -> str: ...

    @property
    def validators(self) -> Validators | None: ...


class Fetcher(Protocol):
    def fetch(self, url: str) -> AbstractAsyncContextManager[Fetched]:
        """One guarded download. Raises ImageFailed (`transient` where trying later may help) on entering. Does not retry."""

    def fetch_if_changed(self, url: str, known: Validators) -> AbstractAsyncContextManager[Fetched | None]:
        """As `fetch`; None where the origin says that it still has the known version. It need not keep count of versions: then
        the body comes all the same.
        """

    async def close(self) -> None: ...


class Codec(Protocol):
    async def compress(self, source: Body, options: Options) -> Compressed:
        """Compress one image in isolation. Raises ImageFailed; CodecCrashed where the child died or hung over it."""

    async def start(self) -> None:
        """Get ready in the background for images that are about to come. Costs nothing where it is; need not be called."""

    async def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Answer:
    """How an attempt at a delivery went. `over`: do not try again (410 of a webhook, a refused recipient)."""

    delivered: bool
    text: str
    over: bool = False
    retry_after: float | None = None


class WebhookSender(Protocol):
    async def send(self, delivery: Delivery, body: bytes) -> Answer: ...

    async def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Mail:
    """What an e-mail tells: the request, a few failures as `(product, place, message)`, links, the sheet if small enough."""

    request: Request
    failures: tuple[tuple[str, int, str], ...]
    output_url: str
    failed_url: str | None
    attachment: bytes | None


class Mailer(Protocol):
    async def send(self, delivery: Delivery, mail: Mail) -> Answer: ...
