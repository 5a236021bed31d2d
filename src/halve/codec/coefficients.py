"""JPEG to JPEG without pixels, where the compiled requantiser is there and takes the file; the seam between the two ways."""

from __future__ import annotations

from halve.core.ports import Compressed


def requantised(data: bytes, *, quality: int, bound: int | None, width: int, height: int) -> Compressed | None:
    """The JPEG at `quality`, or at the best quality up to it that fits `bound`; None where pixels must do it."""
    return None
