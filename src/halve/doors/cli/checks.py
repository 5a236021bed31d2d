"""What `halve doctor` looks at: each part by a small real thing. A check returns what it found; it never raises."""

from __future__ import annotations

import asyncio
import os
import platform
import resource
import shutil
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from halve import __version__
from halve.backends import broker_url, database_url, open_images, open_states, scheme, storage_url
from halve.core.errors import HalveError
from halve.core.intake import new_request
from halve.core.models import SheetOptions
from halve.core.naming import new_folder
from halve.core.options import Options
from halve.core.ports import ImageStore, StateStore
from halve.core.sizes import in_words
from halve.doors.cli.terminal import without_password
from halve.settings import Settings, misspelt, name_in_force, names_of

LEAST_SPACE = 1_000_000_000
"""Bytes free in the data folder below which a warning is given."""

PATIENCE = 20.0
"""Seconds that one check may take."""


class State(StrEnum):
    FINE = "fine"
    WARNING = "warning"
    WRONG = "wrong"


@dataclass(frozen=True, slots=True)
class Check:
    """What was looked at, how it is, and what mends it: the setting's name first, where one does."""

    name: str
    state: State
    detail: str


Found = tuple[State, str]


async def all_checks(settings: Settings) -> list[Check]:
    """All of them, in the order in which one would mend things."""
    looks: list[tuple[str, Callable[[Settings], Awaitable[Found]], str | None]] = [
        ("Python", _python, None),
        ("settings", _settings, None),
        ("data folder", _data_folder, "data_dir"),
        ("database", _database, "database_url"),
        ("image store", _store, "storage_url"),
        ("codec", _codec, None),
        ("e-mail", _mail, "smtp_url"),
        ("webhooks", _webhooks, None),
        ("links", _links, None),
        ("API keys", _keys, None),
        ("private addresses", _private, None),
        ("open files", _open_files, None),
        ("broker", broker, "broker_url"),
    ]
    return [await _looked_at(name, look, settings, field) for name, look, field in looks]


async def _looked_at(name: str, look: Callable[[Settings], Awaitable[Found]], settings: Settings, field: str | None) -> Check:
    try:
        async with asyncio.timeout(PATIENCE):
            return Check(name, *await look(settings))
    except TimeoutError:
        told = f"no answer within {PATIENCE:.0f} s"
    except (HalveError, OSError) as error:
        told = str(error)
    return Check(name, State.WRONG, _with_setting(told, field) if field else told)


def _with_setting(told: str, field: str) -> str:
    """What mends it, named as it is set: the parts know our names alone, and say none where a run, which has none, may read it."""
    ours, theirs = names_of(field)[0], name_in_force(field)
    told = told.replace(ours, theirs)
    return told if theirs in told or "HALVE_" in told else f"{told.removesuffix('.')}. {theirs} names another"


async def _python(settings: Settings) -> Found:
    return State.FINE, f"{platform.python_version()}, halve {__version__}, {platform.system()} {platform.machine()}"


async def _settings(settings: Settings) -> Found:
    names = misspelt()
    if not names:
        return State.FINE, "none that is not known"
    told = [f"{name} (is {near} meant?)" if near else name for name, near in names.items()]
    return State.WARNING, f"not known, and of no effect: {', '.join(told)}"


async def _data_folder(settings: Settings) -> Found:
    folder = settings.data_dir.absolute()
    trial = folder / f".doctor-{os.getpid()}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        trial.write_bytes(b"halve")
        trial.unlink()
    except OSError as error:
        return State.WRONG, f"{folder} cannot be written to: {error.strerror}. HALVE_DATA_DIR names another"
    free = shutil.disk_usage(folder).free
    told = f"{folder}, {in_words(free)} free"
    if free < LEAST_SPACE:
        return State.WARNING, f"{told}: that may not last. HALVE_DATA_DIR names another"
    return State.FINE, told


async def _database(settings: Settings) -> Found:
    states = await open_states(settings)
    try:
        if scheme(database_url(settings)) == "sqlite":
            await states.migrate()
        await states.ready()
        where = without_password(database_url(settings))
        return State.FINE, f"{where}, written, read and erased in {await _milliseconds(_use, states)}"
    finally:
        await states.close()


async def _use(states: StateStore) -> None:
    """A request that is never published: no worker sees it. Its name has letters that only a database in UTF-8 can hold."""
    trial = new_request(filename="doctor-医生.csv", options=Options(), sheet=SheetOptions())
    await states.create(trial)
    try:
        await states.requests(None, limit=1)
    finally:
        await states.erase(trial.id)


async def _store(settings: Settings) -> Found:
    images = open_images(settings)
    try:
        told = f"{without_password(storage_url(settings))}, written, read and erased in {await _milliseconds(_fill, images)}"
    finally:
        await images.close()
    if scheme(database_url(settings)) == "firestore" and scheme(storage_url(settings)) == "file":
        return State.WARNING, f"{told}. Workers on other machines do not see it: HALVE_STORAGE_URL should be gs://bucket/prefix"
    return State.FINE, told


async def _fill(images: ImageStore) -> None:
    folder, content = new_folder(), os.urandom(100_000)
    key = f"{folder}/{new_folder()}doctor01.jpg"
    await images.put(key, content, content_type="image/jpeg")
    try:
        if b"".join([piece async for piece in images.read(key)]) != content:
            raise HalveError("what was read is not what was written. HALVE_STORAGE_URL names another store")
    finally:
        await images.delete_folder(folder)


async def _codec(settings: Settings) -> Found:
    from halve.codec import CodecLimits, CodecPool, native
    from halve.codec.pool import default_children
    from halve.demo.shop import PHOTOS

    codec = CodecPool(1, CodecLimits(max_pixels=settings.max_pixels))
    try:
        photo = _Photo(PHOTOS / "espresso-cup.jpg")
        await codec.compress(photo, Options())
        start = time.perf_counter()
        small = await codec.compress(photo, Options())
        took = 1000 * (time.perf_counter() - start)
        cores = settings.concurrency or default_children()
        weights = f"{in_words(photo.size)} → {in_words(len(small.data))}"
        if native.available():
            way = "JPEGs without their pixels"
        else:
            way = "JPEGs through their pixels, slower: install a C compiler, then halve once more (docs/requantiser.md)"
        return State.FINE, f"{weights} in {took:.0f} ms, in a process of its own; {cores} at once; {way}"
    finally:
        await codec.close()


@dataclass(frozen=True, slots=True)
class _Photo:
    path: Path

    @property
    def size(self) -> int:
        return self.path.stat().st_size

    def read(self) -> bytes:
        return self.path.read_bytes()


async def _mail(settings: Settings) -> Found:
    if settings.smtp_url is None:
        return State.FINE, "off: HALVE_SMTP_URL and HALVE_MAIL_FROM turn it on"
    if settings.mail_from is None:
        return State.WRONG, "HALVE_MAIL_FROM must name the sender"
    from halve.outbound.email import SmtpMailer
    from halve.outbound.smtp_check import greet

    SmtpMailer(settings.smtp_url, settings.mail_from)
    return State.FINE, await greet(settings.smtp_url, settings.mail_from)


async def _webhooks(settings: Settings) -> Found:
    if settings.webhook_secret is None:
        return State.FINE, "signed with a secret that the database keeps; HALVE_WEBHOOK_SECRET names another"
    from halve.outbound.signing import read_secrets

    secrets = read_secrets(settings.webhook_secret)
    return State.FINE, "signed" if len(secrets) == 1 else f"signed with {len(secrets)} secrets, the newest first"


async def _links(settings: Settings) -> Found:
    if settings.base_url is None:
        return State.FINE, "begin with the address that the upload came to; HALVE_BASE_URL names another"
    return State.FINE, f"begin with {settings.base_url}"


async def _keys(settings: Settings) -> Found:
    if settings.api_keys:
        return State.FINE, f"{len(settings.api_keys)} set"
    if settings.host in ("127.0.0.1", "::1", "localhost"):
        return State.FINE, "none: whoever reaches this machine's loopback may use it"
    return State.WARNING, f"none, and HALVE_HOST is {settings.host}: whoever reaches it may use it. HALVE_API_KEYS sets some"


async def _private(settings: Settings) -> Found:
    if not settings.allow_private:
        return State.FINE, "never fetched from or posted to"
    told = "may be fetched from and posted to: " + ", ".join(map(str, settings.allow_private))
    if any(network.prefixlen < 8 for network in settings.allow_private):
        return State.WARNING, f"{told}. That is nearly everything; name in HALVE_ALLOW_PRIVATE only what is needed"
    return State.FINE, told


async def _open_files(settings: Settings) -> Found:
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = 4 * settings.in_flight + 256
    if soft != resource.RLIM_INFINITY and soft < needed:
        return State.WARNING, f"{soft}, and {needed} may be needed: ulimit -n {needed}, or a smaller HALVE_IN_FLIGHT"
    return State.FINE, "no limit" if soft == resource.RLIM_INFINITY else f"up to {soft:,}"


async def broker(settings: Settings) -> Found:
    url = broker_url(settings)
    if url is None:
        return State.FINE, "none needed: workers take their work from the database"
    from halve.engine.broker_check import try_out

    where = without_password(url)
    try:
        tried = await asyncio.to_thread(try_out, url)
    except HalveError as error:
        return State.WRONG, f"{where} cannot be used: {error}. HALVE_BROKER_URL names it"
    told = f"{where}, published and consumed in {1000 * tried.seconds:.0f} ms"
    if scheme(database_url(settings)) == "sqlite":
        but = "SQLite is a file here: for workers on other machines, HALVE_DATABASE_URL must name a server"
        return State.WARNING, f"{told}; but {but}"
    if scheme(storage_url(settings)) == "file":
        but = "images are in a folder, which workers on other machines must have, too: see HALVE_STORAGE_URL"
        return State.WARNING, f"{told}; but {but}"
    if not tried.workers:
        return State.WARNING, f"{told}; but no worker answers. Start one with the same settings: halve worker"
    return State.FINE, f"{told}; {tried.workers} at work"


async def _milliseconds(use: Callable[..., Awaitable[None]], part: object) -> str:
    start = time.perf_counter()
    await use(part)
    return f"{1000 * (time.perf_counter() - start):.0f} ms"
