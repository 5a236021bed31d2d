"""The words of the trade: requests, products, images, deliveries. Plain frozen data; nothing here does anything."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Generic, TypeVar
from uuid import UUID

from halve.core.finding import Finding
from halve.core.options import Options

T = TypeVar("T")


class Status(StrEnum):
    """Where a request stands. `completed`: every image tried, at least one succeeded. `failed`: none did."""

    PENDING = "pending"
    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


class ImageState(StrEnum):
    """Where one image stands. `kept`: it could not be made smaller, so the original is handed out, without its metadata."""

    PENDING = "pending"
    DONE = "done"
    KEPT = "kept"
    FAILED = "failed"
    CANCELLED = "cancelled"


class ProductState(StrEnum):
    """Where a product (a row of a sheet) stands.

    `ready`: to be claimed. `waiting`: not before `due_at`. `leased`: somebody works on it, until `due_at`.
    `done`: every image succeeded. `failed`: every image was tried, at least one failed. `cancelled`: given up unfinished.
    """

    READY = "ready"
    WAITING = "waiting"
    LEASED = "leased"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Mode(StrEnum):
    """`strict`: one finding refuses the sheet. `lenient`: good rows run, bad ones go to `failed.csv`."""

    STRICT = "strict"
    LENIENT = "lenient"


@dataclass(frozen=True, slots=True)
class SheetOptions:
    """How a sheet is to be read. `preset` None: found by the headers. `columns`: field (`serial`, `name`, `images`) → header."""

    mode: Mode = Mode.STRICT
    preset: str | None = None
    columns: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Row:
    """A good row of a sheet, as planned. `row` counts the sheet's records below the header from 1, blank lines left out."""

    row: int
    line: int
    serial: str
    product_name: str
    input_urls: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ImageResult:
    """What became of one image. Sizes in bytes, width and height in pixels as a viewer shows it.

    `attempts` counts downloads begun, `crashes` the codec children it took down, `round` the retries asked for by the user
    when it ended: a failure of an earlier round than its product's is to be tried again.
    `key` is the place in the image store, `url` the link for the sheet. `format` is `jpeg`, `png`, `webp`, `gif`, `avif` …
    """

    state: ImageState = ImageState.PENDING
    round: int = 0
    attempts: int = 0
    crashes: int = 0
    error_code: str | None = None
    error: str | None = None
    key: str | None = None
    url: str | None = None
    bytes_in: int = 0
    bytes_out: int = 0
    width: int = 0
    height: int = 0
    format: str | None = None
    quality: int | None = None

    @property
    def succeeded(self) -> bool:
        return self.state in (ImageState.DONE, ImageState.KEPT)


@dataclass(frozen=True, slots=True)
class Product:
    """One row of a sheet and its images; the unit of work. `results` has one entry per input URL, in order.

    `fence` grows with every claim: a record made under an older one changes nothing. `lost` counts leases that ran
    out because their holder hung or vanished. `round` is the request's.
    """

    request_id: UUID
    row: int
    serial: str
    product_name: str
    input_urls: tuple[str, ...]
    results: tuple[ImageResult, ...]
    state: ProductState = ProductState.READY
    fence: int = 0
    lost: int = 0
    round: int = 0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a worker has to say of a product it holds: the images' results so far, and the state that follows.

    `state` LEASED: still at work, count what is there. WAITING: try again after `delay` seconds. READY: handed back untouched.
    DONE, FAILED: over. Counters move by the difference to what was recorded before, so saying a thing twice counts it once.
    """

    request_id: UUID
    row: int
    fence: int
    results: tuple[ImageResult, ...]
    state: ProductState
    delay: float = 0.0


@dataclass(frozen=True, slots=True)
class Request:
    """One sheet to be done. Counters count images by their places in the sheet; `bytes_in` and `bytes_out` those that succeeded.

    `owner` is the name of the API key that uploaded it (empty: no keys in use). `folder` and `secret` are random; names of
    stored things derive from them, see `core.naming`. `secret` empty: readable names. `base_url` is what links start with
    (empty: links are relative paths). `input_key` is None until the sheet is stored, `output_key` and `completed_at` until it
    is over, `failed_key` where nothing failed. `failed_rows` counts rows refused in lenient mode, `round` the user's retries.
    """

    id: UUID
    owner: str
    filename: str
    folder: str
    secret: str
    options: Options
    sheet: SheetOptions
    base_url: str = ""
    email: str | None = None
    webhook_url: str | None = None
    idempotency_key: str | None = None
    fingerprint: str | None = None
    status: Status = Status.PENDING
    round: int = 0
    total_images: int = 0
    done_images: int = 0
    failed_images: int = 0
    total_rows: int = 0
    failed_rows: int = 0
    bytes_in: int = 0
    bytes_out: int = 0
    repairs: tuple[Finding, ...] = ()
    input_key: str | None = None
    output_key: str | None = None
    failed_key: str | None = None
    created_at: datetime | None = None
    completed_at: datetime | None = None

    @property
    def finished(self) -> bool:
        """Whether the output sheet is there. A cancelled request is finished a moment after it is cancelled."""
        return self.completed_at is not None

    @property
    def percent(self) -> int:
        tried = self.done_images + self.failed_images
        return 100 * tried // self.total_images if self.total_images else 100


class DeliveryKind(StrEnum):
    WEBHOOK = "webhook"
    EMAIL = "email"


class DeliveryState(StrEnum):
    """`due`: to be sent at `due_at`. `leased`: being sent. `delivered`; `failed`: given up."""

    DUE = "due"
    LEASED = "leased"
    DELIVERED = "delivered"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Delivery:
    """One notification. `id` is the `webhook-id`, or the left part of the Message-ID, the same at every attempt."""

    id: UUID
    request_id: UUID
    kind: DeliveryKind
    target: str
    state: DeliveryState = DeliveryState.DUE
    attempts: int = 0
    fence: int = 0
    due_at: datetime | None = None
    last_answer: str | None = None


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """A slice of a long list; `next` is the cursor of the following one, None at the end."""

    items: tuple[T, ...]
    next: str | None
