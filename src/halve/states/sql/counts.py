"""What is counted of a product's images, and by how much a request's counters move when it is recorded anew."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from halve.core.models import ImageResult, ImageState


@dataclass(slots=True)
class Counts:
    """`failed` counts all failures on record, `failed_in_round` those of the request's present round: earlier ones are to be
    tried again and count for nothing until then. Bytes are those of successes.
    """

    done: int = 0
    failed: int = 0
    failed_in_round: int = 0
    bytes_in: int = 0
    bytes_out: int = 0

    @classmethod
    def of(cls, results: Sequence[ImageResult], round: int) -> Counts:
        counts = cls()
        for result in results:
            if result.succeeded:
                counts.done += 1
                counts.bytes_in += result.bytes_in
                counts.bytes_out += result.bytes_out
            elif result.state is ImageState.FAILED:
                counts.failed += 1
                counts.failed_in_round += result.round >= round
        return counts

    def columns(self) -> dict[str, int]:
        """By name. (`dataclasses.asdict` copies deeply, ten times as slow, and every product is recorded.)"""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(slots=True)
class Move:
    """The sum of the differences that a transaction makes to one request's counters. `closed`: products that are over now."""

    done: int = 0
    failed: int = 0
    bytes_in: int = 0
    bytes_out: int = 0
    closed: int = 0

    def add(self, before: Counts, now: Counts) -> None:
        self.done += now.done - before.done
        self.failed += now.failed_in_round - before.failed_in_round
        self.bytes_in += now.bytes_in - before.bytes_in
        self.bytes_out += now.bytes_out - before.bytes_out
