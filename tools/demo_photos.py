"""Makes `src/halve/demo/photos/` from the photographs in scikit-image's wheel. Run once; the result is in the repository.

    python tools/demo_photos.py

Only photographs that are CC0 or in the public domain, at their own resolution: whole, or cut out of, never enlarged.
Published JPEGs are taken byte for byte; what the wheel has as PNG is written the way cameras and shops do.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import skimage
from PIL import Image

DATA = Path(skimage.__file__).parent / "data"
PHOTOS = Path(__file__).parents[1] / "src/halve/demo/photos"


def jpeg(name: str, source: str, *, box: tuple[int, int, int, int] | None = None, quality: int, progressive: bool = False) -> None:
    with Image.open(DATA / source) as image:
        cut = image.crop(box) if box else image
        cut.save(PHOTOS / name, "JPEG", quality=quality, progressive=progressive, subsampling=0 if quality > 94 else 2)


def sideways(name: str, source: str, *, box: tuple[int, int, int, int], quality: int) -> None:
    """As a phone held upright stores it: turned by a quarter, with a tag that says so."""
    with Image.open(DATA / source) as image:
        exif = Image.Exif()
        exif[0x0112] = 6  # Orientation: rotate by 90 degrees clockwise to look at it
        exif[0x010E] = "Espresso, held upright"  # ImageDescription
        image.crop(box).transpose(Image.Transpose.ROTATE_90).save(PHOTOS / name, "JPEG", quality=quality, exif=exif)


def png(name: str, source: str, *, box: tuple[int, int, int, int]) -> None:
    with Image.open(DATA / source) as image:
        image.crop(box).save(PHOTOS / name, "PNG", optimize=True)


def main() -> None:
    jpeg("espresso-cup.jpg", "coffee.png", quality=95)
    sideways("espresso-cup-upright.jpg", "coffee.png", box=(130, 0, 500, 400), quality=92)
    jpeg("cat.jpg", "chelsea.png", quality=95, progressive=True)
    png("cat-eyes.png", "chelsea.png", box=(110, 60, 390, 280))
    jpeg("astronaut.jpg", "astronaut.png", quality=94, progressive=True)
    jpeg("mission-patch.jpg", "astronaut.png", box=(100, 300, 340, 500), quality=95)
    shutil.copy(DATA / "rocket.jpg", PHOTOS / "rocket.jpg")
    shutil.copy(DATA / "hubble_deep_field.jpg", PHOTOS / "deep-field.jpg")
    png("galaxies.png", "hubble_deep_field.jpg", box=(560, 320, 860, 560))
    shutil.copy(DATA / "retina.jpg", PHOTOS / "retina.jpg")
    jpeg("paving-brick.jpg", "brick.png", quality=92)
    jpeg("gravel.jpg", "gravel.png", quality=92, progressive=True)


if __name__ == "__main__":
    main()
