"""What parent and child say to one another: frames of a small JSON header and a body of bytes, each length bounded.

    4 bytes  length of the header, big endian
    8 bytes  length of the body
    header, body

A body that fits there lies in memory which both see (`shared`), and does not follow its header. The child first says
`{"hello": …}`. Then each job is answered by one reply, in their order; a job may be sent before the one before it is answered.
End of file ends the child.
Neither side believes the other's lengths or words: whatever does not fit raises `BadFrame`.
"""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass

from halve.codec.sniff import Kind
from halve.core.compressed import Compressed
from halve.core.errors import HalveError
from halve.core.options import DEFAULT_QUALITY, Format, MaxBytes, Options
from halve.core.visible import legible

AHEAD = 2
"""Jobs that a child may have at once: one at work, and the next, if both are brief."""
LENGTHS = struct.Struct(">IQ")
MAX_HEADER = 16 * 1024
AT_ONCE = 4 * 1024 * 1024
"""Bytes that a socket should hold, so that a frame crosses it in one go; and bytes to read at once."""
FORMATS = frozenset(Kind)
MAX_EDGE = 2**31


class BadFrame(Exception):
    """The other side said something that is not of this protocol."""


@dataclass(frozen=True, slots=True)
class Failure:
    """The child could not do the image and says why. `retire`: it would rather be replaced, for it ran out of memory."""

    code: str
    message: str
    retire: bool = False


def frame(header: dict[str, object], body_length: int) -> bytes:
    """The start of a frame, up to its body."""
    encoded = json.dumps(header, separators=(",", ":")).encode()
    if len(encoded) > MAX_HEADER:
        raise BadFrame("header too long")
    return LENGTHS.pack(len(encoded), body_length) + encoded


def lengths(prefix: bytes, *, max_body: int) -> tuple[int, int]:
    """Lengths of header and body, from a frame's first 12 bytes."""
    header_length, body_length = LENGTHS.unpack(prefix)
    if header_length > MAX_HEADER or body_length > max_body:
        raise BadFrame(f"a frame of {header_length} + {body_length} bytes")
    return header_length, body_length


def header(encoded: bytes) -> dict[str, object]:
    try:
        read = json.loads(encoded)
    except ValueError:
        raise BadFrame("a header that is not JSON") from None
    if not isinstance(read, dict):
        raise BadFrame("a header that is not an object")
    return read


# ── jobs ──────────────────────────────────────────────────────────────────────────────────────────────────────────────────


def job_header(options: Options) -> dict[str, object]:
    bound = options.max_bytes
    return {
        "quality": options.quality,
        "share": bound.share if bound else None,
        "count": bound.count if bound else None,
        "format": options.format.value,
        "max_size": options.max_size,
    }


def job_options(header: dict[str, object]) -> Options:
    quality, share, count, max_size = (header.get(name) for name in ("quality", "share", "count", "max_size"))
    bound = None
    if isinstance(share, float):
        bound = MaxBytes(share=share)
    elif isinstance(count, int):
        bound = MaxBytes(count=count)
    return Options(
        quality="auto" if quality == "auto" else quality if isinstance(quality, int) else None if bound else DEFAULT_QUALITY,
        max_bytes=bound,
        format=Format(str(header.get("format"))),
        max_size=max_size if isinstance(max_size, int) else None,
    )


# ── replies ───────────────────────────────────────────────────────────────────────────────────────────────────────────────


def done_header(done: Compressed) -> dict[str, object]:
    return {"format": done.format, "width": done.width, "height": done.height, "quality": done.quality, "kept": done.kept}


def failure_header(error: HalveError, *, retire: bool = False) -> dict[str, object]:
    return {"error": error.code, "message": str(error), "retire": retire}


def reply(header: dict[str, object], body: bytes) -> Compressed | Failure:
    """Read a reply; every field is checked, for a child that was taken over may say anything."""
    if "error" in header:
        code, message = header["error"], header.get("message")
        if not (isinstance(code, str) and code.isidentifier() and len(code) <= 40 and isinstance(message, str)):
            raise BadFrame("a malformed failure")
        words = legible(message, " ").split()  # JSON has half letters, which no database takes
        return Failure(code, " ".join(words)[:300], header.get("retire") is True)
    format, quality, kept = header.get("format"), header.get("quality"), header.get("kept")
    width, height = header.get("width"), header.get("height")
    if (
        isinstance(format, str)
        and format in FORMATS
        and isinstance(width, int)
        and isinstance(height, int)
        and 0 < width < MAX_EDGE
        and 0 < height < MAX_EDGE
        and (quality is None or (isinstance(quality, int) and 1 <= quality <= 100))
        and isinstance(kept, bool)
        and body
    ):
        return Compressed(data=body, format=format, width=width, height=height, quality=quality, kept=kept)
    raise BadFrame("a malformed reply")
