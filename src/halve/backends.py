"""Databases, image stores and brokers by their URLs. Which scheme means which class stands here and nowhere else."""

from __future__ import annotations

import importlib
import importlib.util
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from halve.core.errors import ExtraMissing, OptionRefused
from halve.core.ports import ImageStore, StateStore
from halve.settings import Settings, name_in_force

STATE_SCHEMES: dict[str, tuple[str, str, str | None]] = {
    "sqlite": ("halve.states.sql", "SqlStates", None),
    "postgresql": ("halve.states.sql.server", "PostgresStates", "postgres"),
    "mongodb": ("halve.states.mongo", "MongoStates", "mongo"),
    "firestore": ("halve.states.firestore", "FirestoreStates", "firestore"),
}
"""Scheme of `HALVE_DATABASE_URL` → module, class, the extra that brings its library."""

IMAGE_SCHEMES: dict[str, tuple[str, str, str | None]] = {
    "file": ("halve.images.files", "FileImages", None),
    "s3": ("halve.images.objects", "ObjectImages", "s3"),
    "gs": ("halve.images.objects", "ObjectImages", "gcs"),
    "az": ("halve.images.objects", "ObjectImages", "azure"),
    "gridfs": ("halve.images.gridfs", "GridFsImages", "mongo"),
    "cloudinary": ("halve.images.cloudinary", "CloudinaryImages", "cloudinary"),
}
"""Scheme of `HALVE_STORAGE_URL` → module, class, the extra that brings its library."""

BROKER_SCHEMES: dict[str, str] = {
    "redis": "redis",
    "rediss": "rediss",
    "valkey": "redis",
    "valkeys": "rediss",
    "amqp": "amqp",
    "amqps": "amqps",
}
"""Scheme of `HALVE_BROKER_URL` → the scheme that Celery knows it by; TLS where it ends in s."""

OTHER_NAMES = {"postgres": "postgresql"}
"""Schemes that say the same as another."""

_READ_BY_ITS_OWN = ("sqlite", "postgresql")
"""Databases whose library reads the URL in a way of its own, in which a password may hold anything."""


async def open_states(settings: Settings) -> StateStore:
    """The database's store; its tables are `migrate`'s. Raises OptionRefused, ExtraMissing, StoreFailed."""
    url = database_url(settings)
    states: StateStore = await _class_for(url, STATE_SCHEMES, "database_url").open(url)
    return states


def open_images(settings: Settings) -> ImageStore:
    """The image store; whether it works is found out by its `ready`. Raises OptionRefused, ExtraMissing."""
    url = storage_url(settings)
    make = _class_for(url, IMAGE_SCHEMES, "storage_url")
    images: ImageStore = make(_path(url), link=settings.memory == "link") if scheme(url) == "file" else make(url)
    return images


def database_url(settings: Settings) -> str:
    """The database's URL; where none is named, that of the embedded one."""
    return settings.database_url or f"sqlite:///{(settings.data_dir / 'halve.db').absolute()}"


def storage_url(settings: Settings) -> str:
    """The image store's URL; a bare folder's path, relative or not, is made one. Raises OptionRefused where it must be named."""
    if settings.storage_url is None:
        if scheme(database_url(settings)) == "firestore":
            raise OptionRefused(
                "HALVE_STORAGE_URL",
                "HALVE_DATABASE_URL is firestore://, and files belong in a bucket beside it: set HALVE_STORAGE_URL to "
                "gs://bucket/prefix (or, on a single machine, to a folder).",
                code="bad_setting",
            )
        return (settings.data_dir / "images").absolute().as_uri()
    named = ":" in settings.storage_url and scheme(settings.storage_url) in IMAGE_SCHEMES  # `s3:/bucket` is no folder called `s3:`
    if "://" not in settings.storage_url and not named:
        return Path(settings.storage_url).absolute().as_uri()
    return settings.storage_url


def broker_url(settings: Settings) -> str | None:
    """The broker's URL as Celery wants it; None where there is none. Raises OptionRefused, ExtraMissing."""
    url = settings.broker_url
    if url is None:
        return None
    named, colon, rest = url.partition("://")
    known = BROKER_SCHEMES.get(named.lower())
    _check_brackets(url, "HALVE_BROKER_URL")
    if known is None or not colon or not _host_and_port(rest):
        schemes = ", ".join(f"{name}://" for name in BROKER_SCHEMES)
        raise OptionRefused(
            "HALVE_BROKER_URL",
            f"HALVE_BROKER_URL must be such as redis://host:6379/0 or amqp://user:password@host:5672/vhost, with one of {schemes}.",
            code="bad_setting",
        )
    if importlib.util.find_spec("celery") is None:
        raise ExtraMissing("HALVE_BROKER_URL needs an extra that is not installed: pip install 'halve[celery]'.")
    return f"{known}://{rest}"


def scheme(url: str) -> str:
    """By which a URL is looked up in the tables above."""
    named = url.partition(":")[0].partition("+")[0].lower()
    return OTHER_NAMES.get(named, named)


def _class_for(url: str, schemes: dict[str, tuple[str, str, str | None]], field: str) -> Any:
    which = scheme(url)
    setting = name_in_force(field)  # DATABASE_URL, say, which may be there for another program
    if which not in schemes:
        known = ", ".join(f"{name}://" for name in schemes)
        fault = f"begins with {which or '?'}://, which is none of" if "://" in url else "must be a URL, beginning with one of"
        raise OptionRefused(setting, f"{setting} {fault} {known}.", code="bad_setting")
    if which not in _READ_BY_ITS_OWN:
        _check_brackets(url, setting)
    module, name, extra = schemes[which]
    try:
        return getattr(importlib.import_module(module), name)
    except ModuleNotFoundError as error:
        if extra is None:
            raise
        raise ExtraMissing(f"{which}:// needs an extra that is not installed: pip install 'halve[{extra}]'.") from error


def _check_brackets(url: str, setting: str) -> None:
    try:
        urlsplit(url)
    except ValueError as error:
        raise OptionRefused(
            setting,
            f"{setting} cannot be read: [ and ] stand around an IPv6 address; in a password they are written %5B and %5D.",
            code="bad_setting",
        ) from error


def _host_and_port(rest: str) -> bool:
    """Whether what stands behind `scheme://` names a host, and a port that there can be, if any."""
    try:
        parts = urlsplit(f"//{rest}")
        return bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _path(url: str) -> Path:
    return Path(unquote(urlsplit(url).path))
