"""Ways to make a picture smaller, beside one another: what each takes and gives, picture by picture."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from halve.codec.compress import compress
from halve.core.options import Options

MAX_PIXELS = 100_000_000


@dataclass
class Way:
    """`run` says what it makes of a picture; `once`: it takes so long that one turn must do. Figures are of one picture each:
    seconds of CPU, bytes before and after, and looks, where they are compared.
    """

    name: str
    run: Callable[[bytes], bytes]
    once: bool = False
    seconds: list[float] = field(default_factory=list)
    sources: list[int] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    scores: list[float] = field(default_factory=list)

    @property
    def ratios(self) -> list[float]:
        return [size / source for size, source in zip(self.sizes, self.sources, strict=True)]

    @property
    def share(self) -> float:
        """Bytes of all pictures, after over before."""
        return sum(self.sizes) / sum(self.sources)


def measure(ways: list[Way], data: bytes, turns: int) -> list[bytes]:
    """What each makes of the picture. They take turns, so that whatever else the machine does meets all alike; of several the
    quickest counts.
    """
    best, made = [float("inf")] * len(ways), [b""] * len(ways)
    for turn in range(turns):
        for index, way in enumerate(ways):
            if not (turn and way.once):
                start = time.process_time()
                made[index] = way.run(data)
                best[index] = min(best[index], time.process_time() - start)
    for way, seconds, result in zip(ways, best, made, strict=True):
        way.seconds.append(seconds)
        way.sources.append(len(data))
        way.sizes.append(len(result))
    return made


def ours(data: bytes, options: Options) -> bytes:
    return compress(data, options, max_pixels=MAX_PIXELS).data
