"""What one process has done since it started, for its monitoring. The truth is in the state store; this ends with the process."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from halve.core.models import ImageResult, ImageState


@dataclass(slots=True)
class Tally:
    """`images` counts images by how they ended, `bytes_in` and `bytes_out` those that succeeded."""

    images: Counter[ImageState] = field(default_factory=Counter)
    bytes_in: int = 0
    bytes_out: int = 0

    def add(self, result: ImageResult) -> None:
        """Count an image that has just ended; one that is to be tried again has not."""
        if result.state is ImageState.PENDING:
            return
        self.images[result.state] += 1
        if result.succeeded:
            self.bytes_in += result.bytes_in
            self.bytes_out += result.bytes_out
