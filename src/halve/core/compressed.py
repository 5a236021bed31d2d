"""What the codec makes. It stands by itself because the codec's children need it and little else."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Compressed:
    """A compressed image. `kept`: `data` is the original without its metadata, since nothing smaller could be made.

    `quality` is what the encoder was given, None where it has no such scale. `width` and `height` as a viewer shows them.
    """

    data: bytes
    format: str
    width: int
    height: int
    quality: int | None
    kept: bool
