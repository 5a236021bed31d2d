"""Where each encoder's own scale looks like the JPEG scale: what `halve.codec.scales` is made from.

    uv run --with ssimulacra2 python -m bench.scales [FOLDER]

Over crops of six photographs of scikit-image's, or over the PNG files of a folder (cut-outs, say): the mean SSIMULACRA2, and the
mean colour error (99.5th percentile of CIE76 ΔE after blurring by 3 pixels), which tells of colours that a palette took away. For
each format the figures of its numbers, and the numbers at which it equals JPEG's qualities. Takes some ten minutes.
"""

from __future__ import annotations

import argparse
import importlib
import io
import os
import tempfile
from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

os.environ["VIPS_CONCURRENCY"] = "1"

import numpy as np
import pyvips
import skimage
from PIL import Image
from skimage import color, filters

from bench.score import of_files
from halve.codec import encoders, scales

PHOTOS = ("astronaut.png", "chelsea.png", "coffee.png", "motorcycle_left.png", "rocket.jpg", "hubble_deep_field.jpg")
NUMBERS = (1, 3, 5, 10, 15, 20, 30, 40, 50, 60, 70, 80, 85, 90, 95, 98, 100)
LONGEST = 512

Encode = Callable[[pyvips.Image, int], bytes]


def pictures(folder: Path | None) -> Iterator[pyvips.Image]:
    data = Path(skimage.__file__).parent / "data"
    for path in sorted(folder.glob("*.png")) if folder else [data / name for name in PHOTOS]:
        image = pyvips.Image.new_from_file(str(path))
        if folder:
            image = image.thumbnail_image(LONGEST)
        yield image.crop(0, 0, min(image.width, LONGEST), min(image.height, LONGEST)).copy_memory()


def on_own_scale(format: str) -> Encode:
    """The format's encoder, given its own numbers in place of qualities."""
    encoder = encoders.ENCODERS[format]

    def encode(image: pyvips.Image, number: int) -> bytes:
        translate, scales.on = scales.on, lambda scale, quality: number
        try:
            return encoder.encode(encoder.prepared(image).copy_memory(), 50)
        finally:
            scales.on = translate

    return encode


def jpeg(image: pyvips.Image, quality: int) -> bytes:
    encoder = encoders.ENCODERS["jpeg"]
    return encoder.encode(encoder.prepared(image).copy_memory(), quality)


def compared(image: pyvips.Image, encoded: bytes, folder: Path) -> tuple[float, float]:
    """Score and colour error of an encoded picture."""
    original, result = folder / "original.png", folder / "result.png"
    on_white(image).write_to_file(str(original))
    if encoded[4:8] == b"ftyp" and encoded[8:12] == b"heic":
        importlib.import_module("pillow_heif").open_heif(io.BytesIO(encoded)).to_pillow().convert("RGB").save(result)
    else:
        on_white(pyvips.Image.new_from_buffer(encoded, "")).write_to_file(str(result))
    with Image.open(original) as one, Image.open(result) as other:
        assert one.size == other.size
        return of_files(original, result), colour_error(np.asarray(one.convert("RGB")), np.asarray(other.convert("RGB")))


def colour_error(one: Any, other: Any) -> float:
    difference = color.rgb2lab(one) - color.rgb2lab(other)
    blur: Any = filters.gaussian
    blurred = blur(difference, sigma=3, channel_axis=-1, preserve_range=True)
    return float(np.percentile(np.sqrt((blurred**2).sum(axis=-1)), 99.5))


def on_white(image: pyvips.Image) -> pyvips.Image:
    return (image.flatten(background=255) if image.hasalpha() else image).colourspace("srgb")


@dataclass
class Figures:
    """Of each number: mean score, mean colour error, total weight."""

    scores: list[float] = field(default_factory=list)
    errors: list[float] = field(default_factory=list)
    weights: list[int] = field(default_factory=list)

    def show(self, title: str, numbers: tuple[int, ...]) -> None:
        print(title, *numbers, sep="\t")
        print("score", *(f"{score:.1f}" for score in self.scores), sep="\t")
        print("colour error", *(f"{error:.1f}" for error in self.errors), sep="\t")
        print("bytes", *self.weights, sep="\t", flush=True)


def figures(images: list[pyvips.Image], encode: Encode, numbers: tuple[int, ...]) -> Figures:
    found = Figures()
    with tempfile.TemporaryDirectory() as folder:
        for number in numbers:
            made = [encode(image, number) for image in images]
            pairs = [compared(image, data, Path(folder)) for image, data in zip(images, made, strict=True)]
            found.scores.append(sum(score for score, _ in pairs) / len(pairs))
            found.errors.append(sum(error for _, error in pairs) / len(pairs))
            found.weights.append(sum(map(len, made)))
    return found


def equal(wanted: float, means: list[float], numbers: tuple[int, ...]) -> int:
    """The number at which the score is first reached, between those measured by a straight line."""
    rising = [max(means[: index + 1]) for index in range(len(means))]
    after = bisect_right(rising, wanted)
    if after == 0:
        return numbers[0]
    if after == len(rising):
        return numbers[-1]
    share = (wanted - rising[after - 1]) / (rising[after] - rising[after - 1])
    return round(numbers[after - 1] + share * (numbers[after] - numbers[after - 1]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", nargs="?", type=Path)
    parser.add_argument("--formats", default="webp,avif,heic,png")
    arguments = parser.parse_args()
    images = list(pictures(arguments.folder))
    wanted = figures(images, jpeg, scales.QUALITIES)
    wanted.show("JPEG quality", scales.QUALITIES)
    for format in arguments.formats.split(","):
        found = figures(images, on_own_scale(format), NUMBERS)
        found.show(f"{format} number", NUMBERS)
        print("equals in score", *(equal(score, found.scores, NUMBERS) for score in wanted.scores), sep="\t")
        less = [-error for error in found.errors]
        print("equals in colour", *(equal(-error, less, NUMBERS) for error in wanted.errors), sep="\t", flush=True)


if __name__ == "__main__":
    main()
