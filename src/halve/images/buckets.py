"""Which bucket a URL names, and what the environment says of the way there. The words that people need to mend it stand here.

Credentials and endpoints come from where the services' own tools look for them: the environment. obstore reads most of it;
what it does not know of (Azure's connection string, Google's name for an emulator) is put into its terms here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from obstore.exceptions import BaseError
from obstore.store import AzureStore, GCSStore, S3Store

from halve.core.errors import OptionRefused

if TYPE_CHECKING:
    from obstore.store import ClientConfig, RetryConfig

    Bucket = AzureStore | GCSStore | S3Store

RETRIES: RetryConfig = {
    "max_retries": 4,
    "retry_timeout": timedelta(seconds=60),
    "backoff": {"init_backoff": timedelta(milliseconds=100), "max_backoff": timedelta(seconds=5), "base": 2},
}
"""For 5xx, 429 and broken connections. Longer waits are the worker's business: it comes back to what a store refused."""

CLIENT: ClientConfig = {"connect_timeout": "10s", "timeout": "60s"}
"""One request moves at most 8 MiB: 60 s are enough for a line of 1.2 Mbit/s."""


@dataclass(frozen=True, slots=True)
class Service:
    """What a service and its bucket are called, and the settings to look at when it refuses or is not there."""

    name: str
    container: str
    credentials: str
    endpoint: str


SERVICES = {
    "s3": Service(
        "S3",
        "bucket",
        "AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_REGION",
        "AWS_ENDPOINT_URL and AWS_REGION",
    ),
    "gs": Service(
        "Google Cloud Storage",
        "bucket",
        "GOOGLE_APPLICATION_CREDENTIALS",
        "the network, or STORAGE_EMULATOR_HOST",
    ),
    "az": Service(
        "Azure Blob Storage",
        "container",
        "AZURE_STORAGE_ACCOUNT_NAME and AZURE_STORAGE_ACCOUNT_KEY, or AZURE_STORAGE_CONNECTION_STRING",
        "AZURE_STORAGE_ACCOUNT_NAME and AZURE_STORAGE_ENDPOINT",
    ),
}


def open_bucket(url: str, environment: Mapping[str, str]) -> tuple[Bucket, Service, str]:
    """The bucket behind `s3://bucket/prefix`, `gs://…` or `az://container/prefix`, what to call it, and its own name.

    Nothing is connected yet. OptionRefused for a URL or an environment that cannot be meant.
    """
    parts = urlsplit(url)
    scheme, name = parts.scheme.lower(), unquote(parts.netloc)
    service = SERVICES[scheme]
    if "@" in name:
        raise OptionRefused(
            "HALVE_STORAGE_URL",
            f"HALVE_STORAGE_URL must not hold credentials: {service.name} takes them from {service.credentials}.",
            code="bad_setting",
        )
    if not name or ":" in name or parts.query or parts.fragment:
        raise OptionRefused(
            "HALVE_STORAGE_URL",
            f"HALVE_STORAGE_URL must be {scheme}://{service.container}, or {scheme}://{service.container}/prefix.",
            code="bad_setting",
        )
    prefix = unquote(parts.path).strip("/") or None
    make, config = _MAKERS[scheme]
    try:
        return _open(make, name, prefix, config(environment)), service, name
    except (BaseError, ValueError) as error:
        reason = str(error).partition("\n")[0].partition("error: ")[2] or str(error).partition("\n")[0]
        raise OptionRefused(
            "HALVE_STORAGE_URL",
            f"{service.name} cannot be set up: {reason.rstrip('.')}. Check HALVE_STORAGE_URL, {service.credentials}.",
            code="bad_setting",
        ) from error


def _open(make: type[Bucket], name: str, prefix: str | None, config: dict[str, Any]) -> Bucket:
    """`allow_http` goes with an endpoint that says `http://`: whoever writes that down means it."""
    options: ClientConfig = {**CLIENT, "allow_http": True} if config.pop("plain", False) else CLIENT
    return make(name, prefix=prefix, config=config, client_options=options, retry_config=RETRIES)  # type: ignore[arg-type]


def _s3(environment: Mapping[str, str]) -> dict[str, Any]:
    endpoint = environment.get("AWS_ENDPOINT_URL_S3") or environment.get("AWS_ENDPOINT_URL") or environment.get("AWS_ENDPOINT")
    config: dict[str, Any] = {"plain": _plain(endpoint)}
    if endpoint:
        config["endpoint"] = endpoint.rstrip("/")
    region = environment.get("AWS_REGION") or environment.get("AWS_DEFAULT_REGION")
    if region:
        config["region"] = region
    return config


def _gcs(environment: Mapping[str, str]) -> dict[str, Any]:
    emulator = environment.get("STORAGE_EMULATOR_HOST")
    if emulator:
        base = emulator if "://" in emulator else f"http://{emulator}"
        return {"base_url": base.rstrip("/"), "skip_signature": True, "plain": _plain(base)}
    return {"plain": _plain(environment.get("GOOGLE_BASE_URL"))}


_CONNECTION = {
    "accountname": "account_name",
    "accountkey": "account_key",
    "blobendpoint": "endpoint",
    "sharedaccesssignature": "sas_key",
}
"""Word of a connection string, in small letters → obstore's."""

_ALIASES = {"AZURE_STORAGE_ACCOUNT": "account_name", "AZURE_STORAGE_KEY": "account_key"}
"""What the `az` command line calls them."""


def _azure(environment: Mapping[str, str]) -> dict[str, Any]:
    config: dict[str, Any] = {ours: environment[theirs] for theirs, ours in _ALIASES.items() if environment.get(theirs)}
    connection = environment.get("AZURE_STORAGE_CONNECTION_STRING")
    if connection:
        config |= _connection(connection)
    endpoint = config.get("endpoint") or environment.get("AZURE_STORAGE_ENDPOINT") or environment.get("AZURE_ENDPOINT")
    emulated = config.get("use_emulator") or environment.get("AZURE_STORAGE_USE_EMULATOR", "").lower() in ("1", "true")
    return config | {"plain": bool(emulated) or _plain(endpoint)}


def _connection(text: str) -> dict[str, Any]:
    """An Azure Storage connection string: `Name=value` joined by semicolons; values may hold `=`."""
    words = {}
    for pair in filter(None, (pair.strip() for pair in text.split(";"))):
        name, equals, value = pair.partition("=")
        if not equals:
            raise ValueError("AZURE_STORAGE_CONNECTION_STRING is not of the form Name=value;Name=value")
        words[name.strip().lower()] = value.strip()
    if words.get("usedevelopmentstorage", "").lower() == "true":
        return {"use_emulator": True}
    config: dict[str, Any] = {ours: words[theirs] for theirs, ours in _CONNECTION.items() if words.get(theirs)}
    if "endpoint" not in config and words.get("endpointsuffix") and "account_name" in config:
        protocol = words.get("defaultendpointsprotocol", "https")
        config["endpoint"] = f"{protocol}://{config['account_name']}.blob.{words['endpointsuffix']}"
    return config


def _plain(endpoint: str | None) -> bool:
    return bool(endpoint) and endpoint.lower().startswith("http://")  # type: ignore[union-attr]


_MAKERS: dict[str, tuple[type[Bucket], Any]] = {"s3": (S3Store, _s3), "gs": (GCSStore, _gcs), "az": (AzureStore, _azure)}
