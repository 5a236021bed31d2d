"""The original without its metadata: what is handed out where nothing smaller can be made."""

from __future__ import annotations

from halve.codec.sniff import Kind
from halve.codec.strip import least_left, strip
from halve.core.compressed import Compressed
from halve.core.errors import ImageFailed


def original(data: bytes, kind: Kind, width: int, height: int) -> Compressed:
    """`width` and `height` as a viewer shows it. Raises ImageFailed where it is too odd to cut anything out of."""
    return Compressed(strip(data, kind), kind.value, width, height, quality=None, kept=True)


def lighter(made: Compressed | None, data: bytes, kind: Kind, width: int, height: int) -> Compressed:
    """`made` or the original of `data`, whichever has fewer bytes. Raises ImageFailed where it would be an original that is too
    odd.
    """
    if made is not None and len(made.data) < least_left(data, kind):
        return made
    try:
        kept = original(data, kind, width, height)
    except ImageFailed:
        if made is None or len(made.data) >= len(data):
            raise
        return made
    return made if made is not None and len(made.data) < len(kept.data) else kept
