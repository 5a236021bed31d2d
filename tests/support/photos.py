"""Small real photographs for tests, as files of any format.

They travel in the wheel of scikit-image (docstrings of `skimage.data` name their licences: public domain or CC0). Larger ones are
mosaics of crops at their own resolution, never noise, flat colour or enlargements: those compress like nothing a camera makes.
"""

from __future__ import annotations

import hashlib
import io
import os
import tempfile
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import skimage
from PIL import Image

FILES = {
    "astronaut": "astronaut.png",  # 512 × 512
    "chelsea": "chelsea.png",  # 451 × 300
    "coffee": "coffee.png",  # 600 × 400
    "hubble": "hubble_deep_field.jpg",  # 1000 × 872
    "ihc": "ihc.png",  # 512 × 512
    "motorcycle": "motorcycle_left.png",  # 741 × 500
    "retina": "retina.jpg",  # 1411 × 1411
    "rocket": "rocket.jpg",  # 640 × 427
}
NAMES = tuple(FILES)

_CACHE = Path(tempfile.gettempdir()) / f"halve-test-photos-{os.getuid()}"


def photo(name: str = "astronaut", *, width: int | None = None, format: str = "jpeg", quality: int = 90, **save: Any) -> bytes:
    """The named photograph as a file of `format` (a name Pillow knows: `jpeg`, `png`, `webp`, `gif`, `tiff`, `bmp` …).

    `width` scales it down, or, where it is wider than the original, cuts a mosaic of all photographs of that width and three
    quarters of its height. `save` goes to Pillow: `progressive=True`, `exif=…`, `icc_profile=…`, `subsampling=0`. Cached.
    """
    key = f"2 {version('pillow')} {version('scikit-image')} {name} {width} {format} {quality} {sorted(save.items())!r}"
    cached = _CACHE / hashlib.sha256(key.encode()).hexdigest()
    if cached.is_file():
        return cached.read_bytes()
    data = encoded(picture(name, width=width), format, quality=quality, **save)
    _CACHE.mkdir(mode=0o700, exist_ok=True)
    temporary = _CACHE / f"{cached.name}.{os.getpid()}"
    temporary.write_bytes(data)
    temporary.replace(cached)
    return data


def picture(name: str = "astronaut", *, width: int | None = None) -> Image.Image:
    """The same as a Pillow image, RGB; the caller may change it."""
    original = _original(name)
    if width is None or width == original.width:
        return original.copy()
    if width > original.width:
        return mosaic(width, width * 3 // 4)
    return _scaled(name, width).copy()


def mosaic(width: int, height: int) -> Image.Image:
    """Crops of all the photographs side by side, each at its own resolution."""
    canvas = Image.new("RGB", (width, height))
    turn, top = 0, 0
    while top < height:
        left, row_height = 0, 300
        while left < width:
            tile = _original(NAMES[turn % len(NAMES)])
            offset = 37 * (turn // len(NAMES)) % max(1, tile.height - row_height + 1)
            canvas.paste(tile.crop((0, offset, tile.width, offset + row_height)), (left, top))
            left += tile.width
            turn += 1
        top += row_height
    return canvas


def encoded(image: Image.Image, format: str = "jpeg", *, quality: int = 90, **save: Any) -> bytes:
    """A Pillow image as a file's bytes."""
    if format.lower() in ("jpeg", "webp", "avif"):
        save["quality"] = quality
    out = io.BytesIO()
    image.save(out, format.upper(), **save)
    return out.getvalue()


@lru_cache(maxsize=64)
def _scaled(name: str, width: int) -> Image.Image:
    original = _original(name)
    return original.resize((width, max(1, round(original.height * width / original.width))), Image.Resampling.LANCZOS)


@lru_cache(maxsize=len(FILES))
def _original(name: str) -> Image.Image:
    with Image.open(Path(skimage.__file__).parent / "data" / FILES[name]) as image:
        plain = image.convert("RGB")
        plain.info.clear()  # profiles are for those tests that put them in
        return plain
