"""The story, top to bottom: fetch → compress → store → record, and when nothing remains: report → notify.

(The first three, for one image, stand in `core.making`. What comes before, the sheet turned into products, is `core.intake`; who
calls this and when, is `engine`.)
"""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from operator import attrgetter
from pathlib import Path
from uuid import UUID

from halve.core.attempts import LOST_BEFORE_POISON, after_failure, poisoned, settled
from halve.core.compact import compact
from halve.core.digests import key_of
from halve.core.errors import HalveError, ImageFailed, NotFound, StoreFailed
from halve.core.links import Links
from halve.core.log import Log
from halve.core.making import Maker, Task
from halve.core.models import (
    Delivery,
    DeliveryKind,
    DeliveryState,
    ImageResult,
    ImageState,
    Outcome,
    Product,
    ProductState,
    Request,
    Status,
)
from halve.core.naming import content_type, sheet_key
from halve.core.notice import ATTACHMENT_LIMIT, FAILURES_NAMED, deliveries_owed, mail_facts, target_of, webhook_body
from halve.core.once import Once
from halve.core.ports import Answer, ImageStore, Mailer, StateStore, WebhookSender
from halve.core.report import ReportWriter
from halve.core.sheet import open_sheet
from halve.core.sheet.limits import ACCEPTED
from halve.core.tally import Tally
from halve.core.threads import in_thread

log = Log(__name__)

PROGRESS_EVERY = 1.0
"""Seconds after which a product with many images says how far it is."""

PAGE = 500
"""Products read at once for the report, 1.7 kB each; more of them at once were no quicker."""

URLS_REMEMBERED = 50_000
"""URLs whose outcome a worker remembers, 0.3 kB each, so that one that stands in a sheet many times is fetched once."""

Attempt = tuple[ImageResult, float]
"""What became of an image, and the seconds to wait if it is to be tried again."""

_columns = attrgetter(*(column.name for column in fields(ImageResult)))

_OVER = (ProductState.DONE, ProductState.FAILED, ProductState.CANCELLED)


@dataclass(frozen=True, slots=True)
class Pace:
    """`retries`: further attempts at a download that failed in passing. `in_flight`: images in work at once.

    `retry_delay`: attempts made at a delivery → seconds to the next, None to give up.
    """

    retries: int
    in_flight: int
    retry_delay: Callable[[int], float | None]


class _StillOpen(Exception):
    """A product that was to be reported is not over."""


class Pipeline:
    def __init__(
        self,
        *,
        states: StateStore,
        images: ImageStore,
        maker: Maker,
        webhooks: WebhookSender,
        mailer: Mailer | None,
        links: Links,
        spool: Path,
        pace: Pace,
    ) -> None:
        self._states = states
        self._images = images
        self._maker = maker
        self._webhooks = webhooks
        self._mailer = mailer
        self._links = links
        self._spool = spool
        self._pace = pace
        self.tally = Tally()
        self._slots = asyncio.Semaphore(pace.in_flight)
        self._requests: Once[Request | None] = Once(256)
        self._urls: Once[Attempt] = Once(URLS_REMEMBERED, pack=_packed, unpack=_unpacked)
        self._without_sheet: set[UUID] = set()  # met once, and taken to be erased at this moment

    # ── one product: fetch, compress, store ───────────────────────────────────────────────────────────────────────────

    async def process(self, product: Product, tell: Callable[[Outcome], None]) -> Outcome:
        """Do what is left to do of a product. Returns what is to be recorded; `tell` hears of progress on the way there.

        Raises StoreFailed where a store did, NotFound where the request was erased meanwhile; nothing is lost then.
        """
        request, _ = await self._requests.get(product.request_id, lambda: self._in_sight(product.request_id))
        if request is None:
            raise NotFound(f"Request {product.request_id} was erased.")
        to_do = [place for place, result in enumerate(product.results) if not settled(result, product.round)]
        if len(to_do) == 1:  # nearly always: it needs no task of its own, and nobody to be told on the way
            attempts = {to_do[0]: await self._image(request, product, to_do[0])}
            self.tally.add(attempts[to_do[0]][0])
        else:
            attempts = await self._several(request, product, to_do, tell)
        results = _with(product, attempts)
        if any(result.state is ImageState.PENDING for result in results):
            return _outcome(product, results, ProductState.WAITING, max(wait for _, wait in attempts.values()))
        all_well = all(result.succeeded for result in results)
        return _outcome(product, results, ProductState.DONE if all_well else ProductState.FAILED)

    async def _in_sight(self, request_id: UUID) -> Request | None:
        """The request, or None where it was erased. Whoever does not see its sheet looks into another store than those who took it
        in: images put there would be links to nothing.
        """
        request = await self._states.request(request_id)
        if request is None:
            return None
        assert request.input_key is not None, "a published request has its sheet"
        if await self._images.stat(request.input_key) is None:
            raise _out_of_sight(request_id)
        return replace(request, repairs=())  # up to a thousand, no business of an image, and 256 requests are kept

    async def _several(
        self, request: Request, product: Product, to_do: list[int], tell: Callable[[Outcome], None]
    ) -> dict[int, Attempt]:
        """Images of one product side by side."""
        places = {asyncio.create_task(self._image(request, product, place)): place for place in to_do}
        attempts: dict[int, Attempt] = {}
        pending = set(places)
        try:
            while pending:
                done, pending = await asyncio.wait(pending, timeout=PROGRESS_EVERY)
                for task in done:
                    attempts[places[task]] = task.result()
                    self.tally.add(task.result()[0])
                if done and pending:
                    tell(_outcome(product, _with(product, attempts), ProductState.LEASED))
        finally:
            await _cancelled(places)
        return attempts

    async def _image(self, request: Request, product: Product, index: int) -> Attempt:
        before = product.results[index]
        if before.state is ImageState.FAILED:
            before = ImageResult(round=product.round)  # the user asked for another round: attempts start anew
        if product.lost >= LOST_BEFORE_POISON:
            return poisoned(before, round=product.round, times=product.lost), 0.0
        url, place = product.input_urls[index], index + 1
        async with self._slots:
            task = Task(request, product, place, before)
            link = key_of(str(request.id), str(product.round), url)
            (result, wait), own = await self._urls.get(link, lambda: self._attempt(task))
            if own or not result.succeeded:
                return result, wait
            copied = await self._maker.copied(task, result)
            return (copied, 0.0) if copied is not None else await self._attempt(task)

    async def _attempt(self, task: Task) -> Attempt:
        """One image, and what a failure means for it."""
        round = task.product.round
        try:
            return await self._maker.make(task), 0.0
        except ImageFailed as error:
            return after_failure(task.before, error, round=round, retries=self._pace.retries)
        except HalveError:
            raise
        except Exception:
            log.exception("image failed unexpectedly", request_id=str(task.request.id), row=task.product.row, place=task.place)
            internal = ImageFailed("internal error, see the log", code="internal")
            return after_failure(task.before, internal, round=round, retries=0)

    # ── the end: report, notify ───────────────────────────────────────────────────────────────────────────────────────

    async def finish(self, request_id: UUID) -> bool:
        """Write the output sheets and end the request, if nothing of it is open. Repeatable; True for the call that ended it."""
        request = await self._states.request(request_id)
        if request is None or request.finished:
            return False
        try:
            output_key, failed_key = await self.report(request)
        except _StillOpen:
            return False
        except NotFound as error:
            now = await self._states.request(request_id)
            erased = now is None or now.status is Status.CANCELLED  # it is cancelled first, then its files go, and at last itself
            if not erased or request_id in self._without_sheet:
                raise _out_of_sight(request_id) from error
            self._without_sheet.add(request_id)
            log.info("request erased before its end", request_id=str(request_id))
            return False
        return await self._states.finish(
            request.id,
            request.round,
            cancelled=request.status is Status.CANCELLED,
            output_key=output_key,
            failed_key=failed_key,
            deliveries=deliveries_owed(request),
        )

    async def report(self, request: Request) -> tuple[str, str | None]:
        """Write the output sheet and, where something failed, the failures' sheet; returns where they are stored."""
        assert request.input_key is not None, "a published request has its sheet"
        output_key, failed_key = sheet_key(request, "output"), sheet_key(request, "failed")
        with self._work_folder() as work:
            output, failed = work / "output", work / "failed"
            await self._load(request.input_key, work / "input")
            await self._write_sheets(request, work / "input", output, failed)
            await self._images.put(output_key, output, content_type=content_type(output_key))
            if not failed.exists():
                return output_key, None
            await self._images.put(failed_key, failed, content_type=content_type(failed_key))
            return output_key, failed_key

    async def _write_sheets(self, request: Request, sheet_path: Path, output: Path, failed: Path) -> None:
        """Raises _StillOpen where a product turns out to be."""
        sheet = await in_thread(open_sheet, sheet_path, request.filename, request.sheet, ACCEPTED)
        with sheet, ReportWriter(sheet, output, failed) as writer:
            row = 0
            while products := await self._states.products(request.id, after_row=row, limit=PAGE):
                if any(product.state not in _OVER for product in products):
                    raise _StillOpen
                await in_thread(writer.feed, products)
                row = products[-1].row
            await in_thread(writer.close)

    async def notify(self, delivery: Delivery) -> None:
        """Make one attempt at a delivery, and write down how it went and what follows."""
        request = await self._states.request(delivery.request_id)
        if request is None or not request.finished:
            answer = Answer(delivered=False, text="the request is no longer there, or runs again", over=True)
        elif target_of(request, delivery.kind) is None:  # owed by an earlier round, and this one was cancelled
            answer = Answer(delivered=False, text="the request was cancelled", over=True)
        else:
            answer = await self._send(request, delivery)
        delay = self._pace.retry_delay(delivery.attempts)
        if answer.delivered:
            state, delay = DeliveryState.DELIVERED, 0.0
        elif answer.over or delay is None:
            state, delay = DeliveryState.FAILED, 0.0
        else:
            state, delay = DeliveryState.DUE, max(delay, answer.retry_after or 0.0)
        log.info("notified", request_id=str(delivery.request_id), kind=delivery.kind, state=state, answer=answer.text)
        await self._states.record_delivery(delivery, state=state, answer=answer.text, delay=delay)

    async def _send(self, request: Request, delivery: Delivery) -> Answer:
        try:
            if delivery.kind is DeliveryKind.WEBHOOK:
                return await self._webhooks.send(delivery, webhook_body(request, self._links))
            return await self._send_mail(request, delivery)
        except StoreFailed:
            raise
        except Exception:
            log.exception("notifying failed unexpectedly", request_id=str(request.id), kind=delivery.kind)
            return Answer(delivered=False, text="internal error, see the log")

    async def _send_mail(self, request: Request, delivery: Delivery) -> Answer:
        if self._mailer is None or request.output_key is None:
            return Answer(delivered=False, text="no mail server is configured: set HALVE_SMTP_URL and HALVE_MAIL_FROM")
        failed = await self._states.products(request.id, limit=FAILURES_NAMED, failed_only=True)
        stored = await self._images.stat(request.output_key)
        attachment = None
        if stored is not None and stored.size <= ATTACHMENT_LIMIT:
            attachment = b"".join([piece async for piece in self._images.read(request.output_key)])
        return await self._mailer.send(delivery, mail_facts(request, self._links, failed, attachment))

    # ── small change ──────────────────────────────────────────────────────────────────────────────────────────────────

    async def _load(self, key: str, path: Path) -> None:
        with path.open("wb") as file:
            async for piece in self._images.read(key):
                await in_thread(file.write, piece)

    @contextmanager
    def _work_folder(self) -> Iterator[Path]:
        try:
            self._spool.mkdir(parents=True, exist_ok=True)  # some systems clean up what was not used for a while
            with tempfile.TemporaryDirectory(dir=self._spool, prefix="report-") as work:
                yield Path(work)
        except OSError as error:
            raise StoreFailed(f"The folder {self._spool} cannot be written to: {error.strerror}.") from error


def _out_of_sight(request_id: UUID) -> StoreFailed:
    return StoreFailed(
        f"The sheet of request {request_id} is not where images are stored, so none of it is done here. Unless it was"
        " erased just now, HALVE_STORAGE_URL (or HALVE_DATA_DIR) is not the same for all servers and workers."
    )


def _packed(attempt: Attempt) -> str | None:
    """The result in less than half of the memory, for there are many; None where the image is to be tried again."""
    result, _ = attempt
    if result.state is ImageState.PENDING:
        return None
    return compact(_columns(result))


def _unpacked(packed: str) -> Attempt:
    state, *others = json.loads(packed)
    return ImageResult(ImageState(state), *others), 0.0


def _outcome(product: Product, results: list[ImageResult], state: ProductState, delay: float = 0.0) -> Outcome:
    return Outcome(product.request_id, product.row, product.fence, tuple(results), state, delay)


def _with(product: Product, attempts: Mapping[int, Attempt]) -> list[ImageResult]:
    """The product's results so far."""
    return [attempts[place][0] if place in attempts else before for place, before in enumerate(product.results)]


async def _cancelled(tasks: Iterable[asyncio.Task[Attempt]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
