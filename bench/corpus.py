"""The pictures that benchmarks run on: camera-like JPEGs made of real photographs at their own resolution.

Crops and mosaics of the photographs in scikit-image's wheel, never enlarged, noise or flat colour: those compress like nothing a
camera makes. 0.25 to 2.8 megapixels, about one in the mean; qualities 85 to 95; 43 % progressive. The same on every machine.
"""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from pathlib import Path

import skimage
from PIL import Image
from PIL import __version__ as pillow_version

FOLDER = Path(__file__).parents[1] / ".bench"
PHOTOS = (
    "astronaut.png",
    "chelsea.png",
    "coffee.png",
    "rocket.jpg",
    "hubble_deep_field.jpg",
    "retina.jpg",
    "motorcycle_left.png",
    "motorcycle_right.png",
    "ihc.png",
)
SIZES = (
    (500, 500),
    (600, 800),
    (800, 800),
    (1000, 1000),
    (1000, 1000),
    (1024, 768),
    (1200, 900),
    (1200, 1200),
    (1600, 1200),
    (2048, 1365),
)
PROGRESSIVE = 0.43


@dataclass(frozen=True)
class Corpus:
    folder: Path
    names: tuple[str, ...]
    megapixels: float
    bytes: int


def corpus(count: int = 200, seed: int = 50) -> Corpus:
    """Make the corpus, or find it made. `count` files; the means are of one file."""
    folder = FOLDER / f"corpus-{count}-{seed}-{pillow_version}"
    facts = folder / "facts.json"
    if not facts.exists():
        folder.mkdir(parents=True, exist_ok=True)
        pixels = sum(_make(folder / f"{number:04}.jpg", random.Random(f"{seed}/{number}")) for number in range(count))
        facts.write_text(json.dumps({"pixels": pixels}))
    files = sorted(folder.glob("*.jpg"))
    return Corpus(
        folder,
        tuple(file.name for file in files),
        json.loads(facts.read_text())["pixels"] / count / 1e6,
        sum(file.stat().st_size for file in files) // count,
    )


def _make(path: Path, chance: random.Random) -> int:
    width, height = chance.choice(SIZES)
    canvas = Image.new("RGB", (width, height))
    top = 0
    while top < height:
        row = chance.randint(250, 420)
        left = 0
        while left < width:
            with Image.open(Path(skimage.__file__).parent / "data" / chance.choice(PHOTOS)) as photo:
                tile = photo.convert("RGB")
            x = chance.randint(0, max(0, tile.width - 400))
            y = chance.randint(0, max(0, tile.height - row))
            tile = tile.crop((x, y, tile.width, min(tile.height, y + row)))
            canvas.paste(tile, (left, top))
            left += tile.width
        top += min(row, 300)
    canvas.save(
        path,
        "JPEG",
        quality=chance.choice((85, 88, 90, 92, 95)),
        subsampling=chance.choice((0, 2, 2)),
        progressive=chance.random() < PROGRESSIVE,
        optimize=False,
    )
    return width * height
