"""The pictures that benchmarks run on: camera-like JPEGs made of real photographs at their own resolution.

Crops and mosaics of the photographs in scikit-image's wheel, never enlarged, noise or flat colour: those compress like nothing a
camera makes. 0.48 to 4.3 megapixels, 1.95 in the mean; qualities 85 to 95, chroma at full or half resolution; 43 % progressive.
The same on every machine. Whose photographs they are, and under what licence: `docs/benchmarks/corpus.md`.
"""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import skimage
from PIL import Image
from PIL import __version__ as pillow_version

FOLDER = Path(__file__).parents[1] / ".bench"
RECIPE = 2
"""Another number, another corpus: counts up when what follows changes."""
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
    (600, 800),
    (800, 800),
    (1000, 1000),
    (1000, 1000),
    (1200, 1200),
    (1600, 1200),
    (2048, 1365),
    (2000, 2000),
    (2400, 1800),
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
    folder = FOLDER / f"corpus-{RECIPE}-{count}-{seed}-{pillow_version}"
    facts = folder / "facts.json"
    if not facts.exists():
        folder.mkdir(parents=True, exist_ok=True)
        pixels = sum(_make(folder, number, random.Random(f"{seed}/{number}")) for number in range(count))
        facts.write_text(json.dumps({"pixels": pixels}))
    files = sorted(folder.glob("*.jpg"))
    return Corpus(
        folder,
        tuple(file.name for file in files),
        json.loads(facts.read_text())["pixels"] / count / 1e6,
        sum(file.stat().st_size for file in files) // count,
    )


@cache
def photo(name: str) -> Image.Image:
    with Image.open(Path(skimage.__file__).parent / "data" / name) as photo:
        return photo.convert("RGB")


def _make(folder: Path, number: int, chance: random.Random) -> int:
    """One file; its pixels. Sizes come in turn, and progressive ones as evenly as can be: few files have the means of many."""
    width, height = SIZES[number % len(SIZES)]
    canvas = Image.new("RGB", (width, height))
    top = 0
    while top < height:
        row = chance.randint(250, 420)
        left = 0
        while left < width:
            tile = photo(chance.choice(PHOTOS))
            x = chance.randint(0, max(0, tile.width - 400))
            y = chance.randint(0, max(0, tile.height - row))
            tile = tile.crop((x, y, tile.width, min(tile.height, y + row)))
            canvas.paste(tile, (left, top))
            left += tile.width
        top += min(row, 300)
    canvas.save(
        folder / f"{number:04}.jpg",
        "JPEG",
        quality=chance.choice((85, 88, 90, 92, 95)),
        subsampling=chance.choice((0, 2, 2)),
        progressive=int((number + 1) * PROGRESSIVE) > int(number * PROGRESSIVE),
        optimize=False,
    )
    return width * height
