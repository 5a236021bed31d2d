"""Which Cloudinary account a URL names, and what its delivery URLs look like."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit, urlunsplit

from halve.core.errors import OptionRefused

_FLAGS = {"true": True, "false": False}

_DELIVERY = ("secure_distribution", "private_cdn", "secure_cdn_subdomain", "cname", "secure")
"""Options that say where an account's assets are delivered."""


@dataclass(frozen=True, slots=True)
class Account:
    """`options` is what the official client's calls take: cloud, key, secret, and what the URL's query adds."""

    options: Mapping[str, Any]

    def delivery_url(self, kind: str, access: str, public_id: str) -> str:
        """Where the newest version is. Each call has a version number of its own, older than any asset: no cache knows it.

        An image's URL goes without an extension: that delivers the format that was stored.
        """
        return self._url(kind, access, public_id, 100_000_000 + secrets.randbelow(900_000_000))

    def link(self, made: Mapping[str, Any]) -> str:
        """The link that people get, from the answer to an upload: as Cloudinary says, or under the account's own name."""
        if any(name in self.options for name in _DELIVERY) or not made.get("secure_url"):
            url = self._url(made["resource_type"], made["type"], made["public_id"], made["version"])
            return f"{url}.{made['format']}" if made.get("format") else url
        return str(made["secure_url"])

    def _url(self, kind: str, access: str, public_id: str, version: int) -> str:
        from cloudinary.utils import cloudinary_url

        options = {name: self.options[name] for name in _DELIVERY if name in self.options}
        url: str = cloudinary_url(
            public_id,
            resource_type=kind,
            type=access,
            version=version,
            sign_url=access != "upload",
            cloud_name=self.options["cloud_name"],
            api_secret=self.options["api_secret"],
            **{"secure": True, "private_cdn": False, "secure_distribution": None, "cname": None} | options,
        )[0]
        if options or not self._stand_in:
            return url
        return urlunsplit(urlsplit(url)._replace(scheme=self._stand_in[0], netloc=self._stand_in[1]))

    @property
    def _stand_in(self) -> tuple[str, str] | None:
        """Scheme and host of a server that stands in for Cloudinary, and delivers too."""
        prefix = urlsplit(self.options.get("upload_prefix") or "")
        if not prefix.hostname or prefix.hostname.endswith(".cloudinary.com"):
            return None
        return prefix.scheme, prefix.netloc


def read_account(url: str, environment: Mapping[str, str]) -> Account:
    """The account of `cloudinary://key:secret@cloud?option=…`, completed from `CLOUDINARY_URL` where that is the same cloud.

    OptionRefused where cloud, key or secret is in neither.
    """
    ours, theirs = _options(url), _options(environment.get("CLOUDINARY_URL", ""))
    if theirs.get("cloud_name") and ours.get("cloud_name", theirs["cloud_name"]) == theirs["cloud_name"]:
        ours = theirs | ours
    missing = [name for name in ("cloud_name", "api_key", "api_secret") if not ours.get(name)]
    if missing:
        raise OptionRefused(
            "HALVE_STORAGE_URL",
            "HALVE_STORAGE_URL must be cloudinary://key:secret@cloud, or cloudinary:// with the account in CLOUDINARY_URL.",
            code="bad_setting",
        )
    prefix = urlsplit(ours.get("upload_prefix") or "https://api.cloudinary.com")
    if prefix.scheme not in ("http", "https") or not prefix.hostname:
        raise OptionRefused("HALVE_STORAGE_URL", "upload_prefix must begin with https:// and name a host.", code="bad_setting")
    return Account(ours)


def _options(url: str) -> dict[str, Any]:
    """What a Cloudinary URL says, in the client's own words."""
    parts = urlsplit(url)
    if parts.scheme.lower() != "cloudinary":
        return {}
    credentials, _, cloud = parts.netloc.rpartition("@")
    key, _, secret = credentials.partition(":")
    said = {"cloud_name": unquote(cloud), "api_key": unquote(key), "api_secret": unquote(secret)}
    options: dict[str, Any] = {name: value for name, value in said.items() if value}
    if parts.path.strip("/"):
        options |= {"private_cdn": True, "secure_distribution": parts.path.strip("/")}
    for name, value in parse_qsl(parts.query):
        options[name] = _FLAGS.get(value.lower(), value)
    if "upload_prefix" in options:
        options["upload_prefix"] = str(options["upload_prefix"]).rstrip("/")
    return options
