"""Makes `docs/before-after.jpg` from the output of `halve demo`: the left half of each picture before, the right half after.

halve demo -o demo-output && python tools/before_after.py demo-output
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path, PurePosixPath

from PIL import Image, ImageDraw, ImageFont, ImageOps

ROOT = Path(__file__).parents[1]
PHOTOS = ROOT / "src/halve/demo/photos"
SHOWN = {"espresso-cup.jpg": (60, 0), "cat.jpg": (75, 0), "astronaut.jpg": (60, 10), "rocket.jpg": (170, 60)}
WIDTH, HEIGHT, GAP, LABEL = 360, 300, 12, 34


def main(folder: Path) -> None:
    with (folder / "output.csv").open(newline="", encoding="utf-8") as file:
        made = {
            PurePosixPath(before).name: folder / after
            for row in csv.DictReader(file)
            for before, after in zip(row["Input Image Urls"].split(", "), row["Output Image Urls"].split(", "), strict=True)
        }
    canvas = Image.new("RGB", (len(SHOWN) * (WIDTH + GAP) - GAP, HEIGHT + LABEL), "white")
    draw = ImageDraw.Draw(canvas)
    font = ImageFont.load_default(size=17)
    for column, (name, corner) in enumerate(SHOWN.items()):
        left = column * (WIDTH + GAP)
        before, after = (_cut(path, corner) for path in (PHOTOS / name, made[name]))
        canvas.paste(before, (left, 0))
        canvas.paste(after.crop((WIDTH // 2, 0, WIDTH, HEIGHT)), (left + WIDTH // 2, 0))
        draw.line([(left + WIDTH // 2, 0), (left + WIDTH // 2, HEIGHT)], fill="white", width=2)
        sizes = [f"{path.stat().st_size / 1000:.0f} kB" for path in (PHOTOS / name, made[name])]
        for place, text in ((WIDTH // 4, sizes[0]), (WIDTH * 3 // 4, sizes[1])):
            draw.text((left + place, HEIGHT + LABEL // 2), text, fill="#333", font=font, anchor="mm")
    canvas.save(ROOT / "docs/before-after.jpg", "JPEG", quality=90, progressive=True)


def _cut(path: Path, corner: tuple[int, int]) -> Image.Image:
    """A piece of the picture at its own resolution."""
    with Image.open(path) as image:
        upright = ImageOps.exif_transpose(image).convert("RGB")
    x, y = min(corner[0], max(0, upright.width - WIDTH)), min(corner[1], max(0, upright.height - HEIGHT))
    return upright.crop((x, y, x + WIDTH, y + HEIGHT))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
