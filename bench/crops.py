"""Light photographs, beside the corpus with its heavy ones: crops of the same pictures at the qualities that shops keep them in.

4:2:0, qualities 75 to 92, every other one progressive; at most 448 by 448 pixels. The same on every machine.
"""

from __future__ import annotations

import io
import random
from collections.abc import Sequence

from bench.corpus import PHOTOS, photo

EDGE = 448
QUALITIES = (75, 80, 85, 88, 92)


def crops(count: int, seed: int = 7, qualities: Sequence[int] = QUALITIES) -> list[bytes]:
    chance, made = random.Random(seed), []
    for number in range(count):
        image = photo(PHOTOS[number % len(PHOTOS)])
        width, height = min(EDGE, image.width), min(EDGE, image.height)
        left, top = chance.randint(0, image.width - width), chance.randint(0, image.height - height)
        out = io.BytesIO()
        quality = chance.choice(qualities)
        image.crop((left, top, left + width, top + height)).save(out, "JPEG", quality=quality, progressive=number % 2 == 0)
        made.append(out.getvalue())
    return made
