"""Signatures of webhooks after Standard Webhooks 1.0.0 (symmetric, `v1`): HMAC-SHA256 over `id.timestamp.body`.

Several secrets, separated by spaces, are several signatures; that is how a secret is changed with no message lost.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
import secrets
import time
from collections.abc import Mapping

from halve.core.errors import HalveError, OptionRefused

TOLERANCE = 300
"""Seconds that a message's timestamp may be off, either way; older ones are replays (the specification's own libraries agree)."""

PREFIX = "whsec_"
SHORTEST, LONGEST = 24, 64
"""Bytes of a secret."""


class SignatureRefused(HalveError):
    """A message is not from whom it should be, or not from now. Answer 401 and forget it."""

    code = "bad_signature"


def new_secret() -> str:
    """A new secret of 256 bits."""
    return PREFIX + base64.b64encode(secrets.token_bytes(32)).decode("ascii")


def read_secrets(text: str, field: str = "HALVE_WEBHOOK_SECRET") -> tuple[bytes, ...]:
    """The keys in `whsec_…` or `whsec_new whsec_old`, the newest first. Raises OptionRefused for `field`."""
    keys = tuple(_key(word, field) for word in text.split())
    if not keys:
        raise OptionRefused(
            field, f"{field} must be {PREFIX} and {SHORTEST} to {LONGEST} bytes in Base64; leave it away to have one made."
        )
    return keys


def sign(secret: str, id: str, timestamp: int, body: bytes) -> str:
    """The `webhook-signature` of a message, one signature a secret, separated by spaces. `timestamp` in seconds since 1970."""
    if "." in id:
        raise ValueError("a webhook-id has no full stop: it would make two messages look alike")
    return " ".join(f"v1,{base64.b64encode(_mac(key, id, str(timestamp), body)).decode('ascii')}" for key in read_secrets(secret))


def verify(secret: str, headers: Mapping[str, str], body: bytes, *, now: float | None = None) -> None:
    """Raise SignatureRefused unless one of the message's signatures is made with one of the secrets, and the message is from now.

    `body` is exactly what came in, before any parsing; header names in any case. Compares in constant time.
    """
    found = {name.lower(): value for name, value in headers.items()}
    missing = [name for name in ("webhook-id", "webhook-timestamp", "webhook-signature") if not found.get(name)]
    if missing:
        raise SignatureRefused(f"The message has no {' and no '.join(missing)}.")
    id, timestamp = found["webhook-id"], found["webhook-timestamp"]
    if not re.fullmatch(r"[0-9]{1,12}", timestamp):
        raise SignatureRefused("The message's webhook-timestamp is no number of seconds.")
    age = (time.time() if now is None else now) - int(timestamp)
    if abs(age) > TOLERANCE:
        raise SignatureRefused(
            f"The message is {'too old' if age > 0 else 'from the future'}: {abs(age):.0f} s; {TOLERANCE} s are allowed."
        )
    expected = [_mac(key, id, timestamp, body) for key in read_secrets(secret, "secret")]
    good = False
    for word in found["webhook-signature"].split(" ")[:100]:
        version, _, text = word.partition(",")
        if version == "v1":
            signature = _decoded(text)
            for mac in expected:
                good |= hmac.compare_digest(mac, signature)
    if not good:
        raise SignatureRefused("None of the message's signatures is made with this secret.")


def _key(word: str, field: str) -> bytes:
    if word.startswith(PREFIX):
        text = word.removeprefix(PREFIX)
        try:
            key = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
        except (binascii.Error, ValueError):
            key = b""
        if SHORTEST <= len(key) <= LONGEST:
            return key
    raise OptionRefused(field, f"{field} must be {PREFIX} and {SHORTEST} to {LONGEST} bytes in Base64, such as {PREFIX}{'A' * 32}.")


def _mac(key: bytes, id: str, timestamp: str, body: bytes) -> bytes:
    told = f"{id}.{timestamp}.".encode(errors="surrogateescape")  # how servers hand on a header's bytes that are no text
    return hmac.digest(key, told + body, hashlib.sha256)


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""
