"""Names of stored things. They follow from the request, the row and the place alone, so doing a thing twice writes it once.

On a server the names are unguessable: knowing the link of one image tells nothing of the next (each is an HMAC under
the request's own secret). On the command line they are readable: serial, product, position.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import unicodedata
from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

if TYPE_CHECKING:
    from halve.core.models import Product, Request

EXTENSIONS = {
    "jpeg": "jpg",
    "png": "png",
    "webp": "webp",
    "gif": "gif",
    "avif": "avif",
    "tiff": "tif",
    "heic": "heic",
    "bmp": "bmp",
    "ico": "ico",
}
"""Codec format → file name extension."""

CONTENT_TYPES = {
    "jpg": "image/jpeg",
    "png": "image/png",
    "webp": "image/webp",
    "gif": "image/gif",
    "avif": "image/avif",
    "tif": "image/tiff",
    "heic": "image/heic",
    "bmp": "image/bmp",
    "ico": "image/vnd.microsoft.icon",
    "csv": "text/csv",
    "tsv": "text/tab-separated-values",
    "txt": "text/plain",
    "gz": "application/gzip",
}
"""File name extension → media type."""

_FILE_ID = re.compile(r"([a-z0-9]{16})-([a-z0-9]{24}\.[a-z]{2,4})")
_BETWEEN_WORDS = re.compile(r"[\W_]+")


def new_folder() -> str:
    """A random folder name for a request's things: 16 hexadecimal digits."""
    return secrets.token_hex(8)


def new_secret() -> str:
    """A random secret for a request's names: 256 bits, in hexadecimal."""
    return secrets.token_hex(32)


def image_key(request: Request, product: Product, place: int, format: str) -> str:
    """Where the image at `place` (from 1) of a product is stored."""
    extension = EXTENSIONS[format]
    if request.secret:
        return f"{request.folder}/{_token(request, f'image/{product.row}/{place}')}.{extension}"
    return f"{request.folder}/{readable_name(product, place)}.{extension}"


def sheet_key(request: Request, which: str, extension: str = "csv") -> str:
    """Where a sheet of the request is stored; `which` is `input`, `output` or `failed`."""
    if request.secret:
        return f"{request.folder}/{_token(request, f'sheet/{which}')}.{extension}"
    return f".halve/input.{extension}" if which == "input" else f"{which}.{extension}"


def file_id(key: str) -> str:
    """The one path segment of `/image/{file_id}` for a stored key."""
    return key.replace("/", "-")


def key_of(file_id: str) -> str | None:
    """The stored key behind a `file_id`, or None where it cannot be one."""
    match = _FILE_ID.fullmatch(file_id)
    return f"{match[1]}/{match[2]}" if match else None


def link_token(request: Request) -> str:
    """What makes a link to the request's downloads work without an API key."""
    return _token(request, "link")


def content_type(key: str) -> str:
    """The media type of a stored key, by its extension."""
    return CONTENT_TYPES.get(key.rpartition(".")[2], "application/octet-stream")


def _token(request: Request, what: str) -> str:
    return hmac.new(bytes.fromhex(request.secret), what.encode(), hashlib.sha256).hexdigest()[:24]


def readable_name(product: Product, place: int) -> str:
    """Unique by its first part: the row's number, after the serial where that differs. No other part holds an underscore."""
    serial = _slug(product.serial, 24)
    row = str(product.row)
    head = row if serial in ("", row) else f"{serial}_{row}"
    stem = _slug(product.product_name, 60) or _slug(_original_stem(product.input_urls[place - 1]), 60) or "image"
    return f"{head}-{stem}-{place}"


def _original_stem(url: str) -> str:
    """In ASCII alone: unlike what stands in a cell as it is, what a URL has percent-encoded may have no place in the sheet."""
    return unquote(urlsplit(url).path).rpartition("/")[2].rpartition(".")[0].encode("ascii", "replace").decode()


@lru_cache(1024)  # an image's name is asked for two or three times within a moment
def _slug(text: str, longest: int) -> str:
    """Letters and digits of any script, the rest as single hyphens; safe as a part of a file name anywhere.

    At most `longest` characters, and twice as many bytes: file systems count these. Composed (NFC) and no further: NFKC would
    make the `µ` of a Windows-1252 sheet a letter that the sheet cannot hold, and so break the link in it.
    """
    text = unicodedata.normalize("NFC", text).lower()
    words = _BETWEEN_WORDS.sub("-", text)[:longest]
    return words.encode()[: 2 * longest].decode(errors="ignore").strip("-")
