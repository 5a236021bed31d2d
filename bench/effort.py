"""What effort buys: CPU, and bytes at equal looks, for each effort of the encoders that have one. It is what `halve` sets them by.

    python -m bench.effort [--photographs 6]

Crops of scikit-image's photographs, 512 pixels an edge; each is encoded at three qualities, and the bytes are those at which the
mean SSIMULACRA2 is that of the middle quality at the effort in use, by a straight line between two points.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import pyvips

from bench.look import at_score
from bench.scales import compared, pictures
from halve.codec import encoders

EFFORTS = {
    "webp": ("WEBP_EFFORT", range(7), (35, 50, 65)),
    "avif": ("AVIF_EFFORT", range(6), (35, 50, 65)),
    "png": ("PNG_EFFORT", range(1, 9), (10, 25, 40)),
}
"""Format → what `halve.codec.encoders` calls its effort, the efforts to try, and the qualities. From 45 on a photograph as PNG has
all colours that a palette can have."""


@dataclass(frozen=True)
class Curve:
    """`points`: at each quality, all bytes and the mean score. `cpu`: milliseconds a megapixel at the middle one."""

    points: list[tuple[float, float]]
    cpu: float


@contextmanager
def effort_of(format: str, effort: int) -> Iterator[None]:
    with mock.patch.object(encoders, EFFORTS[format][0], effort):
        yield


def curve(format: str, images: list[pyvips.Image]) -> Curve:
    qualities = EFFORTS[format][2]
    encoder = encoders.ENCODERS[format]
    ready = [encoder.prepared(image).copy_memory() for image in images]
    points, cpu = [], 0.0
    with tempfile.TemporaryDirectory() as folder:
        for quality in qualities:
            began = time.process_time()
            made = [encoder.encode(image, quality) for image in ready]
            if quality == qualities[1]:
                cpu = (time.process_time() - began) * 1e3 / sum(image.width * image.height / 1e6 for image in images)
            scores = [compared(image, data, Path(folder))[0] for image, data in zip(images, made, strict=True)]
            points.append((float(sum(map(len, made))), statistics.fmean(scores)))
    return Curve(points, cpu)


def table(format: str, images: list[pyvips.Image]) -> None:
    name, efforts, _ = EFFORTS[format]
    used = getattr(encoders, name)
    curves = {}
    for effort in efforts:
        with effort_of(format, effort):
            curves[effort] = curve(format, images)
    wanted, cpu = curves[used].points[1], curves[used].cpu
    print(f"\n| {format}, effort | CPU ms/MP | CPU, of that in use | bytes at its look |\n| --- | --- | --- | --- |")
    for effort, found in curves.items():
        try:
            weight = f"{at_score(found.points, wanted[1]) / wanted[0]:.3f}"
        except ValueError:
            weight = "–"
        shown = f"**{effort}**" if effort == used else f"{effort}"
        print(f"| {shown} | {found.cpu:.0f} | {found.cpu / cpu:.2f} | {weight} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--photographs", type=int, default=6)
    images = list(pictures(None))[: parser.parse_args().photographs]
    print(
        f"{len(images)} crops; the effort in use is bold. Above 16 megapixels AVIF has {encoders.AVIF_EFFORT_WHERE_LARGE}", end=""
    )
    print(f" and PNG {encoders.PNG_EFFORT_WHERE_LARGE}, so that no image exceeds its time.")
    for format in EFFORTS:
        table(format, images)


if __name__ == "__main__":
    main()
