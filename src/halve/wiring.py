"""Settings → parts, open and put together: all that a door or a worker needs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from halve import __version__
from halve.backends import broker_url, database_url, open_images, open_states, scheme
from halve.core.errors import OptionRefused, StoreFailed
from halve.core.links import Links
from halve.core.making import Maker
from halve.core.memory import Memory
from halve.core.pipeline import Pace, Pipeline
from halve.core.ports import Codec, ImageStore, StateStore
from halve.core.sheet import SheetLimits
from halve.settings import Settings

if TYPE_CHECKING:
    from halve.engine.worker import Worker
    from halve.outbound.guard import Guard


@dataclass(frozen=True, slots=True)
class Parts:
    """All that a door or a worker needs, open and ready. `spool`: this process's own folder for what is on its way."""

    settings: Settings
    states: StateStore
    images: ImageStore
    links: Links
    guard: Guard
    pipeline: Pipeline
    sheet_limits: SheetLimits
    spool: Path

    @property
    def mail_available(self) -> bool:
        return self.settings.smtp_url is not None


@asynccontextmanager
async def open_parts(
    settings: Settings, *, images: ImageStore | None = None, memory: Memory | None = None, codec: Codec | None = None
) -> AsyncIterator[Parts]:
    """Everything that the settings name, closed again at the end. The embedded database is created or migrated.

    `images`: a store to use instead of the one that the settings name. `memory`: one to use instead of the database's own.
    `codec`: one to use instead of a new one; whoever made it closes it.
    Raises OptionRefused for an impossible setting, ExtraMissing, StoreFailed.
    """
    from halve.codec import CodecLimits, CodecPool
    from halve.engine.spool import own_spool
    from halve.outbound.fetch import FetchLimits, HttpFetcher
    from halve.outbound.guard import Guard
    from halve.outbound.schedule import retry_delay
    from halve.outbound.signing import new_secret
    from halve.outbound.webhook import HttpWebhooks

    mailer = None
    if settings.smtp_url is not None:
        if settings.mail_from is None:
            raise OptionRefused(
                "HALVE_MAIL_FROM", "HALVE_SMTP_URL is set, so HALVE_MAIL_FROM must name the sender.", code="bad_setting"
            )
        from halve.outbound.email import SmtpMailer  # brings the letters' templates, which take a while to import

        mailer = SmtpMailer(settings.smtp_url, settings.mail_from)
    guard = Guard(settings.allow_private)
    async with AsyncExitStack() as stack:
        spool = stack.enter_context(own_spool(settings.data_dir / "spool"))
        states = await open_states(settings)
        stack.push_async_callback(states.close)
        if scheme(database_url(settings)) == "sqlite":
            await states.migrate()
        images = images or open_images(settings)
        stack.push_async_callback(images.close)
        webhook_secret = settings.webhook_secret or await states.secret("webhook", new_secret)
        webhooks = HttpWebhooks(guard, webhook_secret)
        stack.push_async_callback(webhooks.close)
        fetcher = HttpFetcher(
            guard,
            FetchLimits(
                max_bytes=settings.max_source_bytes, timeout=settings.fetch_timeout, per_host=settings.per_host, spool=spool
            ),
            digests=settings.memory != "off",
        )
        stack.push_async_callback(fetcher.close)
        if memory is None and settings.memory != "off":
            memory = Memory(states, days=settings.keep_days, codec=__version__)
            stack.push_async_callback(memory.close)
        if codec is None:
            codec = pool = CodecPool(settings.concurrency, CodecLimits(max_pixels=settings.max_pixels))
            stack.push_async_callback(pool.close)
        links = Links(public_url=settings.public_url and settings.public_url.rstrip("/"), tokens=bool(settings.api_keys))
        pace = Pace(retries=settings.fetch_retries, in_flight=settings.in_flight, retry_delay=retry_delay)
        pipeline = Pipeline(
            states=states,
            images=images,
            maker=Maker(images=images, fetcher=fetcher, codec=codec, links=links, memory=memory),
            webhooks=webhooks,
            mailer=mailer,
            links=links,
            spool=spool,
            pace=pace,
        )
        yield Parts(settings, states, images, links, guard, pipeline, sheet_limits(settings), spool)


@asynccontextmanager
async def open_worker(
    parts: Parts,
    *,
    keep: bool = False,
    grace: float | None = None,
    on_failure: Callable[[StoreFailed], None] | None = None,
    on_ended: Callable[[], None] = lambda: None,
) -> AsyncIterator[Worker]:
    """A worker in the background of this event loop; on leaving, it ends what is in work or hands it back.

    `keep`: finished requests are kept however old they get. `grace`: seconds that images in work have to end on leaving. The others
    are the worker's own.
    """
    keep_days = None if keep else parts.settings.keep_days
    async with _running(parts, keep_days=keep_days, grace=grace, on_failure=on_failure, on_ended=on_ended) as worker:
        yield worker


@asynccontextmanager
async def open_cluster_worker(parts: Parts, *, on_due: Callable[[], None], grace: float | None = None) -> AsyncIterator[Worker]:
    """As `open_worker`, but it claims nothing unless it is asked for a stint. `on_due` is told when something became ready."""
    from halve.engine.stints import Stints
    from halve.engine.tempo import AMONG_MANY

    more = {"stints": Stints(), "on_due": on_due, "tempo": AMONG_MANY}
    async with _running(parts, keep_days=parts.settings.keep_days, grace=grace, **more) as worker:
        yield worker


@dataclass(frozen=True, slots=True)
class Engine:
    """Beside a server. `nudge`: there is something to do. `stop`: begin no more; what is in work ends, or is handed back."""

    nudge: Callable[[], None]
    stop: Callable[[], None]


@asynccontextmanager
async def open_engine(parts: Parts) -> AsyncIterator[Engine]:
    """What a server needs beside it.

    Without a broker that is a worker. With one, images are left to the workers of the cluster: wishes are sent to them, and what
    else there is to mind (sweeping, ending and telling of requests) is done here as well.
    """
    url = broker_url(parts.settings)
    if url is None:
        async with open_worker(parts) as worker:
            yield Engine(worker.nudge, worker.stop)
        return
    from halve.engine.wishes import Wishes

    wishes = Wishes(url)
    try:
        async with open_cluster_worker(parts, on_due=wishes.send) as worker:
            yield Engine(wishes.send, worker.stop)
    finally:
        await asyncio.to_thread(wishes.close)


@asynccontextmanager
async def _running(parts: Parts, *, grace: float | None, **more: Any) -> AsyncIterator[Worker]:
    from halve.engine.holder import Holder
    from halve.engine.worker import GRACE, Worker

    with Holder(parts.settings.data_dir / "workers") as holder:
        worker = Worker(
            parts.states,
            parts.images,
            parts.pipeline,
            holder,
            in_flight=parts.settings.in_flight,
            grace=GRACE if grace is None else grace,
            **more,
        )
        running = asyncio.create_task(worker.run())
        try:
            yield worker
        finally:
            worker.stop()
            await running


def sheet_limits(settings: Settings) -> SheetLimits:
    """How much of a sheet is taken in."""
    return SheetLimits(max_rows=settings.max_rows, max_urls_per_row=settings.max_urls_per_row, max_bytes=settings.max_upload_bytes)
