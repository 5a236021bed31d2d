"""Every setting. A field's description is its documentation: the table in the README is made from here.

Read from the environment and from `.env` in the working directory; the environment wins. An empty value counts as not set.
"""

# ruff: noqa: RUF009 - `setting` makes a dataclass's field
from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal

from halve.core.errors import OptionRefused
from halve.settings.readers import AboveZero, Network, Whole, database, folder, folder_or_url, keys, link, networks, one_of
from halve.settings.sources import Unreadable, first, sources

__all__ = ["Network", "Settings", "misspelt", "name_in_force", "names_of", "read_settings"]

DAY = 86_400
"""Seconds: nobody waits longer for a picture."""

CENTURY = 36_500
"""Days: nothing is to be kept for longer, and dates can still be reckoned with."""

_OURS = "HALVE_"


def setting(default: Any, description: str, *, read: Callable[[str], Any] = str, also: str | None = None) -> Any:
    """A field of Settings. `read`: what stands in the environment → its value. `also`: a customary name of it, beside ours."""
    facts = {"description": description, "read": read, "also": also}
    return field(default_factory=dict, metadata=facts) if default == {} else field(default=default, metadata=facts)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Where things live, who may do what, and how much of it."""

    data_dir: Path = setting(Path("halve-data"), "Folder of the embedded default: database, images, spool.", read=folder)
    database_url: str | None = setting(
        None,
        "Where requests and products live: `sqlite:///…`, `postgresql://…/db`, `mongodb://…/db`, "
        "`firestore://project[/database]` (see docs/backends). Default: `halve.db` in the data folder.",
        read=database,
        also="DATABASE_URL",
    )
    storage_url: str | None = setting(
        None,
        "Where images and sheets live: a folder's path or `file://…`, `s3://bucket/prefix`, `gs://…`, `az://…`, "
        "`gridfs://…/db`, `cloudinary://key:secret@cloud` (see docs/backends). Default: `images` in the data folder.",
        read=folder_or_url,
        also="PROCESSED_IMAGES_DIR",
    )
    broker_url: str | None = setting(
        None,
        "Broker of a Celery cluster: `redis://…`, `valkey://…`, `amqp://…`, with TLS `rediss://…`, `amqps://…` (see "
        "docs/backends/celery.md). Default: none, workers take their work from the database.",
    )
    public_url: str | None = setting(
        None, "Where the store's images are public, such as a CDN; links in sheets start with it. Default: `/image`.", read=link
    )
    base_url: str | None = setting(
        None, "Public address of this server, for links. Default: the address that the upload came to.", read=link
    )
    host: str = setting("127.0.0.1", "Address that `halve serve` listens on.")
    port: int = setting(8000, "Port that `halve serve` listens on; 0 takes a free one.", read=Whole(0, 65_535))
    api_keys: dict[str, str] = setting(
        {}, "`name:key,name:key`. With keys, every request needs one and sees only its own. Default: open.", read=keys
    )
    allow_private: tuple[Network, ...] = setting(
        (), "CIDRs, comma-separated, of private addresses that may be fetched from and posted to. Default: none.", read=networks
    )
    webhook_secret: str | None = setting(
        None, "`whsec_…`, signs webhooks (Standard Webhooks). Default: generated once, kept in the database."
    )
    smtp_url: str | None = setting(None, "`smtp://user:pass@host:587?starttls=1` or `smtps://…`. Default: no e-mail.")
    mail_from: str | None = setting(None, "Sender of e-mails. Needed with `HALVE_SMTP_URL`.")
    max_upload_bytes: int = setting(
        100_000_000, "Largest sheet, in bytes, compressed or not (gz may unpack to 10 times this).", read=Whole(1)
    )
    max_rows: int = setting(1_000_000, "Most rows of a sheet.", read=Whole(1))
    max_urls_per_row: int = setting(100, "Most images of a row.", read=Whole(1))
    max_source_bytes: int = setting(50_000_000, "Largest image to download, in bytes.", read=Whole(1))
    max_pixels: int = setting(
        100_000_000, "Largest image to decode, in pixels, all frames of an animation together.", read=Whole(1)
    )
    fetch_timeout: float = setting(60.0, "Seconds that all of one download may take, redirects included.", read=AboveZero(DAY))
    fetch_retries: int = setting(
        3, "How often a download that failed in passing (408, 429, 5xx, broken connection) is tried again.", read=Whole(0, 20)
    )
    per_host: int = setting(64, "Connections to one host at once.", read=Whole(1))
    concurrency: int | None = setting(
        None, "Codec children, each one core. Default: as many as there are cores.", read=Whole(1, 256)
    )
    in_flight: int = setting(96, "Images in work at once in one process, downloads included.", read=Whole(1, 4096))
    max_open_requests: int = setting(1000, "Unfinished requests of one key; more uploads are answered 429.", read=Whole(1))
    keep_days: float = setting(
        30.0, "Days after which a finished request, its sheets and images are erased.", read=AboveZero(CENTURY)
    )
    memory: Literal["link", "copy", "off"] = setting(
        "link",
        "Whether what was fetched and compressed before is recognised (see docs/again.md). `link`: in folders, an "
        "output that serves again is a hard link to the file that is there; `copy`: a file of its own; `off`.",
        read=one_of("link", "copy", "off"),
    )
    cache_dir: Path | None = setting(
        None, "Where `halve run` remembers earlier runs. Default: `halve` in `$XDG_CACHE_HOME` or in `~/.cache`.", read=folder
    )
    url: str = setting(
        "http://127.0.0.1:8000",
        "Server that `halve submit`, `status`, `cancel`, `retry` and `download` speak to. A proxy before it may want a user and a "
        "password: `https://user:pass@host`.",
    )
    api_key: str | None = setting(None, "Key that they show to it. Default: none.")
    log_level: Literal["debug", "info", "warning", "error"] = setting(
        "info",
        "`debug`, `info`, `warning` or `error`; logs are JSON lines on stderr unless that is a terminal.",
        read=one_of("debug", "info", "warning", "error"),
    )

    @property
    def cache_folder(self) -> Path:
        """Absolute, whether it is there or not."""
        if self.cache_dir is not None:
            return self.cache_dir.absolute()
        above = Path(os.environ.get("XDG_CACHE_HOME", ""))
        if not above.is_absolute():  # the folder of a user that has none, as in some containers, stays `~`, and is no place
            above = folder("~/.cache")
        return above / "halve" if above.is_absolute() else Path(os.devnull, "halve")


def names_of(name: str) -> tuple[str, ...]:
    """What a field is called in the environment, our name first."""
    also = next(setting.metadata["also"] for setting in fields(Settings) if setting.name == name)
    return (f"HALVE_{name.upper()}", also) if also else (f"HALVE_{name.upper()}",)


def name_in_force(name: str) -> str:
    """Under which of its names a field is set, ours if under none: people look for what they wrote. Raises Unreadable."""
    return first(sources(), names_of(name))[0]


def misspelt() -> dict[str, str | None]:
    """Names in the environment and in `.env` that look like a setting's and are none → the nearest that is, if one is near."""
    known = {setting.name.upper() for setting in fields(Settings)}
    there = {name.removeprefix(_OURS) for source in sources() for name in source if name.startswith(_OURS)}
    return {
        _OURS + name: next((_OURS + near for near in get_close_matches(name, known, 1)), None) for name in sorted(there - known)
    }


def read_settings(**overrides: Any) -> Settings:
    """The settings in force; `overrides` (by field name, words as the environment has them or values) win over it. None counts as
    not given, and so does an empty word: `--url "$SERVER"` of a script whose variable is not set names nothing.

    Raises OptionRefused, naming the first environment variable with an impossible value.
    """
    try:
        found = sources()
    except Unreadable as error:
        raise OptionRefused(".env", f"The file .env in this folder {error}.", code="bad_setting") from None
    values = {name: value for name, value in overrides.items() if value is not None and value != ""}
    for setting in fields(Settings):
        names = names_of(setting.name)
        name, word = (names[0], values[setting.name]) if setting.name in values else first(found, names)
        if isinstance(word, str):
            try:
                values[setting.name] = setting.metadata["read"](word)
            except ValueError as error:
                raise OptionRefused(name, f"{name}: {error}.", code="bad_setting") from None
    return Settings(**values)
