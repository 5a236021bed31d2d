"""How much of everything one image may have."""

from __future__ import annotations

from dataclasses import dataclass

from halve.core.errors import ImageFailed

MAX_SOURCE_BYTES = 512 * 1024 * 1024
"""Largest file that is handed to a child at all, in bytes; what may be downloaded is bounded far below it."""


LONGEST_JPEG = 65_500
"""Pixels an edge that libjpeg makes and opens at most, and with it most viewers. (The format can say 65,535.)"""


@dataclass(frozen=True, slots=True)
class CodecLimits:
    """Bounds on one image and on the child that holds it.

    `max_pixels`: width times height, all frames or pages together. Decoded, it may take 4 bytes for each of these pixels.
    `memory_bytes`: the child's address space. Measured peaks on photographs, through pixels: a 20 megapixel JPEG 0.4 GB, its AVIF
    0.75 GB, a progressive JPEG of 50 megapixels 0.75 GB.
    `cpu_seconds`: of computing, `wall_seconds`: by the clock on the wall, for one image; whichever ends first.
    `start_seconds`: for a new child to say hello. `images_per_child`: after so many it is replaced, whatever leaked is gone.
    """

    max_pixels: int = 100_000_000
    memory_bytes: int = 1024 * 1024 * 1024
    cpu_seconds: int = 120
    wall_seconds: float = 300.0
    start_seconds: float = 30.0
    images_per_child: int = 2_000


def out_of_memory() -> ImageFailed:
    """What is said of an image that takes more than `memory_bytes`, however that shows."""
    return ImageFailed("needs more memory than it may have", code="out_of_memory")
