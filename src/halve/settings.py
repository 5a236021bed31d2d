"""Every setting. A field's description is its documentation: the table in the README is made from here.

Read from the environment and from `.env` in the working directory; the environment wins. An empty value counts as not set.
"""

from __future__ import annotations

import ipaddress
import os
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AliasChoices, Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from halve.core.errors import OptionRefused

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class Settings(BaseSettings):
    """Where things live, who may do what, and how much of it."""

    model_config = SettingsConfigDict(
        env_prefix="HALVE_", env_file=".env", env_ignore_empty=True, extra="ignore", frozen=True, populate_by_name=True
    )

    data_dir: Path = Field(Path("halve-data"), description="Folder of the embedded default: database, images, spool.")
    database_url: str | None = Field(
        None,
        validation_alias=AliasChoices("HALVE_DATABASE_URL", "DATABASE_URL"),
        description="Where requests and products live: `sqlite:///…`, `postgresql://…/db`, `mongodb://…/db`, "
        "`firestore://project[/database]` (see docs/backends). Default: `halve.db` in the data folder.",
    )
    storage_url: str | None = Field(
        None,
        validation_alias=AliasChoices("HALVE_STORAGE_URL", "PROCESSED_IMAGES_DIR"),
        description="Where images and sheets live: a folder's path or `file://…`, `s3://bucket/prefix`, `gs://…`, `az://…`, "
        "`gridfs://…/db`, `cloudinary://key:secret@cloud` (see docs/backends). Default: `images` in the data folder.",
    )
    broker_url: str | None = Field(
        None,
        description="Broker of a Celery cluster: `redis://…`, `valkey://…`, `amqp://…`, with TLS `rediss://…`, `amqps://…` (see "
        "docs/backends/celery.md). Default: none, workers take their work from the database.",
    )
    public_url: str | None = Field(
        None, description="Where the store's images are public, such as a CDN; links in sheets start with it. Default: `/image`."
    )
    base_url: str | None = Field(
        None, description="Public address of this server, for links. Default: the address that the upload came to."
    )
    host: str = Field("127.0.0.1", description="Address that `halve serve` listens on.")
    port: int = Field(8000, ge=0, le=65535, description="Port that `halve serve` listens on; 0 takes a free one.")

    api_keys: Annotated[dict[str, str], NoDecode] = Field(
        default_factory=dict,
        description="`name:key,name:key`. With keys, every request needs one and sees only its own. Default: open.",
    )
    allow_private: Annotated[tuple[Network, ...], NoDecode] = Field(
        (), description="CIDRs, comma-separated, of private addresses that may be fetched from and posted to. Default: none."
    )
    webhook_secret: str | None = Field(
        None, description="`whsec_…`, signs webhooks (Standard Webhooks). Default: generated once, kept in the database."
    )
    smtp_url: str | None = Field(None, description="`smtp://user:pass@host:587?starttls=1` or `smtps://…`. Default: no e-mail.")
    mail_from: str | None = Field(None, description="Sender of e-mails. Needed with `HALVE_SMTP_URL`.")

    max_upload_bytes: int = Field(
        100_000_000, ge=1, description="Largest sheet, in bytes, compressed or not (gz may unpack to 10 times this)."
    )
    max_rows: int = Field(1_000_000, ge=1, description="Most rows of a sheet.")
    max_urls_per_row: int = Field(100, ge=1, description="Most images of a row.")
    max_source_bytes: int = Field(50_000_000, ge=1, description="Largest image to download, in bytes.")
    max_pixels: int = Field(
        100_000_000, ge=1, description="Largest image to decode, in pixels, all frames of an animation together."
    )
    fetch_timeout: float = Field(60.0, gt=0, description="Seconds that all of one download may take, redirects included.")
    fetch_retries: int = Field(
        3, ge=0, le=20, description="How often a download that failed in passing (408, 429, 5xx, broken connection) is tried again."
    )
    per_host: int = Field(64, ge=1, description="Connections to one host at once.")
    concurrency: int | None = Field(
        None, ge=1, le=256, description="Codec children, each one core. Default: as many as there are cores."
    )
    in_flight: int = Field(96, ge=1, le=4096, description="Images in work at once in one process, downloads included.")
    max_open_requests: int = Field(1000, ge=1, description="Unfinished requests of one key; more uploads are answered 429.")
    keep_days: float = Field(30.0, gt=0, description="Days after which a finished request, its sheets and images are erased.")
    memory: Literal["link", "copy", "off"] = Field(
        "link",
        description="Whether what was fetched and compressed before is recognised (see docs/again.md). `link`: in folders, an "
        "output that serves again is a hard link to the file that is there; `copy`: a file of its own; `off`.",
    )
    cache_dir: Path | None = Field(
        None, description="Where `halve run` remembers earlier runs. Default: `halve` in `$XDG_CACHE_HOME` or in `~/.cache`."
    )
    log_level: str = Field(
        "info", description="`debug`, `info`, `warning` or `error`; logs are JSON lines on stderr unless that is a terminal."
    )

    @property
    def cache_folder(self) -> Path:
        """Absolute, whether it is there or not."""
        if self.cache_dir is not None:
            return self.cache_dir.absolute()
        above = Path(os.environ.get("XDG_CACHE_HOME", ""))
        if not above.is_absolute():  # the folder of a user that has none, as in some containers, stays `~`, and is no place
            above = Path(os.path.expanduser("~/.cache"))  # noqa: PTH111  # Path's own raises there
        return above / "halve" if above.is_absolute() else Path(os.devnull, "halve")

    @field_validator("public_url", "base_url")
    @classmethod
    def _check_link(cls, value: str | None) -> str | None:
        """What links begin with must be a URL itself: a mistake would be in every sheet that goes out."""
        if value is None:
            return None
        parts = urlsplit(value)
        goes_on = not (parts.query or parts.fragment) and value.isprintable() and " " not in value
        if not (parts.scheme in ("http", "https") and parts.hostname and goes_on):
            raise ValueError(f"must be such as https://shop.example/images, not {value[:80]!r}")
        return value

    @field_validator("storage_url")
    @classmethod
    def _check_folder(cls, value: str | None) -> str | None:
        """What looks like `file://images` names a host, and a folder at the root of the disk."""
        if value is not None and value.lower().startswith("file:"):
            parts = urlsplit(value)
            if parts.netloc not in ("", "localhost") or not parts.path.startswith("/") or parts.path == "/":
                raise ValueError(f"must be such as file:///srv/images, or a folder's path without file://, not {value[:80]!r}")
        return value

    @field_validator("api_keys", mode="before")
    @classmethod
    def _read_keys(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        keys: dict[str, str] = {}
        for pair in filter(None, (p.strip() for p in value.split(","))):
            name, colon, key = pair.partition(":")
            if not (colon and name.strip() and key.strip()):
                raise ValueError("must be name:key,name:key")
            if name.strip() in keys or key.strip() in keys.values():
                raise ValueError(f"has the name {name.strip()!r} or its key twice")
            if not key.isascii():
                raise ValueError(f"has a key of {name.strip()!r} that is not ASCII, which no header can carry")
            keys[name.strip()] = key.strip()
        if not keys:  # set, so it is not meant to be open
            raise ValueError("must be name:key,name:key; leave it away, or empty, for a server that is open to all")
        return keys

    @field_validator("allow_private", mode="before")
    @classmethod
    def _read_networks(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        return tuple(ipaddress.ip_network(part.strip(), strict=False) for part in value.split(",") if part.strip())


def read_settings(**overrides: object) -> Settings:
    """The settings in force; `overrides` (by field name, None left out) win over the environment.

    Raises OptionRefused, naming the first environment variable with an impossible value.
    """
    try:
        return Settings(**{name: value for name, value in overrides.items() if value is not None})  # type: ignore[arg-type]
    except UnicodeDecodeError:
        raise OptionRefused(".env", "The file .env in this folder is not UTF-8. Save it as UTF-8.", code="bad_setting") from None
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0]) if first["loc"] else "settings"
        name = name if name.isupper() else f"HALVE_{name.upper()}"
        raise OptionRefused(name, f"{name}: {first['msg'].removeprefix('Value error, ')}.", code="bad_setting") from None
