"""What went wrong on the way, in words: the HTTP client's errors and a server's refusals, as ImageFailed.

The webhook sender takes the words and whether trying again may help; codes are for images.
"""

from __future__ import annotations

import errno
import os
import socket
import ssl
from collections.abc import Mapping

from halve.core.errors import ImageFailed, StoreFailed
from halve.outbound.connecting import CONNECT_SECONDS
from halve.outbound.guard import SocketRefused
from halve.outbound.http_fault import HttpFault, NoAnswer, TooSlow
from halve.outbound.retry_after import retry_after

LONGEST_RETRY_AFTER = 300.0
"""Seconds. Whoever asks for more than this is asked again after this."""

_WORDS = {
    errno.ECONNREFUSED: "refused",
    errno.ECONNRESET: "reset by the server",
    errno.EPIPE: "reset by the server",
    errno.ETIMEDOUT: "no answer",
    errno.EHOSTUNREACH: "host unreachable",
    errno.ENETUNREACH: "network unreachable",
    errno.EADDRNOTAVAIL: "network unreachable",
}

_SPENT = {
    errno.EMFILE: "more files be open (`ulimit -n`)",
    errno.ENFILE: "more files be open (`ulimit -n`)",
    errno.EAGAIN: "more threads run (`ulimit -u`, or a container's limit of processes)",
}
"""What this machine has no more of, and what lets it have more."""

_BROKEN_OFF = "closed by the server"

_REFUSALS = {
    401: ("unauthorized", "login required (401)"),
    403: ("forbidden", "forbidden (403)"),
    404: ("not_found", "not found (404)"),
    410: ("gone", "gone (410)"),
}


def refusal(status: int, headers: Mapping[str, str]) -> ImageFailed:
    """What a status that is not 2xx says. Transient: 408, 429 and 5xx."""
    if status in _REFUSALS:
        code, message = _REFUSALS[status]
        return ImageFailed(message, code=code)
    if status < 500 and status not in (408, 429):
        return ImageFailed(f"HTTP {status}", code="http_error")
    wait = retry_after(headers, longest=LONGEST_RETRY_AFTER)
    if status == 408:
        return ImageFailed("HTTP 408", code="http_error", transient=True, retry_after=wait)
    if status == 429:
        return ImageFailed("too many requests (429)", code="rate_limited", transient=True, retry_after=wait)
    return ImageFailed(f"server error ({status})", code="server_error", transient=True, retry_after=wait)


def fault(error: HttpFault | OSError, host: str) -> ImageFailed | StoreFailed:
    """What an error of the HTTP client says, up to the headers of the answer. The host is one that the sheet names. StoreFailed
    where it is this machine that has no more to give: no image is to be charged with that.
    """
    if isinstance(error, SocketRefused):
        return ImageFailed(f"address not allowed: {error.target}", code="address_not_allowed")
    if isinstance(error, socket.gaierror):
        return _lookup(error, host)
    if isinstance(error, ssl.SSLError) or (isinstance(error, ConnectionResetError) and error.errno is None):
        return _tls(error)  # the latter: it ended while TLS was being agreed on
    if isinstance(error, TooSlow):
        return ImageFailed(f"no connection within {CONNECT_SECONDS:g} s", code="timeout", transient=True)
    if isinstance(error, OSError | NoAnswer):
        return _no_connection(error)
    return ImageFailed("not a proper HTTP answer", code="bad_answer")


def _no_connection(error: NoAnswer | OSError) -> ImageFailed | StoreFailed:
    if isinstance(error, OSError) and error.errno in _SPENT:
        advice = f"Let {_SPENT[error.errno]}, or set a smaller HALVE_IN_FLIGHT."
        return StoreFailed(f"No more connections can be opened: {error.strerror}. {advice}")
    return ImageFailed(f"connection failed: {_words(error)}", code="connection_failed", transient=True)


def _tls(error: OSError) -> ImageFailed:
    """A certificate that is wrong stays wrong; a handshake that broke off may go through next time."""
    if isinstance(error, ssl.SSLCertVerificationError):
        reason = error.verify_message or "bad certificate"
    else:
        reason = (getattr(error, "reason", None) or _BROKEN_OFF).replace("_", " ").lower()
    return ImageFailed(f"TLS failed: {reason}", code="tls_failed", transient=reason == _BROKEN_OFF or "eof" in reason)


def _lookup(error: socket.gaierror, host: str) -> ImageFailed:
    """A name server that is busy or out of reach may answer later; one that says there is no such name has answered."""
    if error.errno in (socket.EAI_AGAIN, socket.EAI_SYSTEM, socket.EAI_MEMORY):
        return ImageFailed(f"name server does not answer for {host}", code="dns_failed", transient=True)
    return ImageFailed(f"no such host: {host}", code="dns_failed")


def _words(error: NoAnswer | OSError) -> str:
    if isinstance(error, NoAnswer):
        return "closed without an answer"
    if error.errno is None:  # several addresses, each with another error
        return "no address answers"
    return _WORDS.get(error.errno) or os.strerror(error.errno).lower()
