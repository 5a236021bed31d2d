"""The codec against Pillow at quality 50, and what isolating it costs. `python -m bench.codec [FOLDER …]`

First, in this process, JPEG to JPEG: both of Pillow's ways, ours through pixels, ours by coefficients (where they were built);
file by file in turn, so that whatever else the machine does meets all alike; of several turns the quickest counts. Then the other
formats, and what size targets and `quality=auto` give, looks included. Then the pool: CPU of parent and child an image beyond the
codec's own, and what they keep in memory. Without a folder the photographs are those of `bench.corpus`.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import os
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

os.environ["VIPS_CONCURRENCY"] = "1"  # as in a child

import psutil
from PIL import Image

from bench import targets
from bench.corpus import corpus
from bench.pillow import pillow
from bench.ways import Way, measure, ours
from halve.codec import CodecLimits, CodecPool, native
from halve.core.compressed import Compressed
from halve.core.options import Format, MaxBytes, Options


@dataclass(frozen=True)
class Photo:
    data: bytes
    megapixels: float

    @property
    def size(self) -> int:
        return len(self.data)

    def read(self) -> bytes:
        return self.data


def photos(folders: list[Path], count: int) -> list[Photo]:
    folders = folders or [corpus().folder]
    files = sorted(file for folder in folders for file in folder.rglob("*") if file.suffix.lower() in (".jpg", ".jpeg"))
    found = []
    for file in files[:: max(1, len(files) // count)][:count]:
        with Image.open(file) as image:
            found.append(Photo(file.read_bytes(), image.width * image.height / 1e6))
    return found


def as_png(data: bytes) -> bytes:
    out = io.BytesIO()
    with Image.open(io.BytesIO(data)) as image:
        image.save(out, "PNG")
    return out.getvalue()


def through_pixels(data: bytes, options: Options) -> bytes:
    """Ours as if the requantiser had not been built."""
    with mock.patch("halve.codec.coefficients.requantise", return_value=None):
        return ours(data, options)


def report(title: str, ways: list[Way], pictures: list[Photo], turns: int = 1) -> None:
    for picture in pictures:
        measure(ways, picture.data, turns)
    pixels = sum(picture.megapixels for picture in pictures)
    print(f"\n| {title} | CPU ms/MP | bytes out/in (mean) | files no smaller |\n| --- | --- | --- | --- |")
    for way in ways:
        heavier = sum(ratio >= 1 for ratio in way.ratios)
        print(f"| {way.name} | {sum(way.seconds) * 1000 / pixels:.2f} | {statistics.mean(way.ratios):.3f} | {heavier} |")


def formats(pictures: list[Photo]) -> None:
    ways = [
        Way(f"{wanted.value} at 50", lambda data, wanted=wanted: ours(data, Options(format=wanted)))  # type: ignore[misc]
        for wanted in (Format.WEBP, Format.AVIF)
    ]
    half = Options(max_bytes=MaxBytes(share=0.5))
    ways.append(Way("max_bytes=50%", lambda data: ours(data, half)))
    ways.append(Way("max_bytes=50%, through pixels", lambda data: through_pixels(data, half)))
    ways.append(Way("max_size=800", lambda data: ours(data, Options(max_size=800))))
    report("from JPEG to", ways, pictures)
    from_png = [Photo(as_png(picture.data), picture.megapixels) for picture in pictures]
    ways = [Way("PNG at 50", lambda data: ours(data, Options()))]
    ways.append(Way("WebP at 50", lambda data: ours(data, Options(format=Format.WEBP))))
    report("from PNG to", ways, from_png)


async def pool(pictures: list[Photo], rounds: int) -> None:
    """What an image costs in a pool of one child beyond the codec itself, measured in the same process tree."""
    codec = CodecPool(1, CodecLimits(images_per_child=10**9))
    start = time.perf_counter()
    await codec.compress(pictures[0], Options())
    started = time.perf_counter() - start
    (child,) = psutil.Process().children()
    bare = times(lambda: [ours(picture.data, Options()) for picture in pictures], rounds)
    before_child, before = cpu(child), time.process_time()
    for _ in range(rounds):
        for picture in pictures:
            done: Compressed = await codec.compress(picture, Options())
            assert done.data
    images = rounds * len(pictures)
    parent, below = (time.process_time() - before) / images, (cpu(child) - before_child) / images
    resident = child.memory_info().rss / 1e6
    await codec.close()
    alone = bare / images
    print(f"\nPool, {images} images: child started and first image done in {started * 1000:.0f} ms")
    print(f"CPU an image: codec alone {alone * 1000:.2f} ms, child {below * 1000:.2f} ms, parent {parent * 1000:.2f} ms;")
    print(f"so isolation costs {(below + parent - alone) * 1000:.2f} ms. The child's memory in the end: {resident:.0f} MB")


def times(call: Callable[[], object], rounds: int) -> float:
    start = time.process_time()
    for _ in range(rounds):
        call()
    return time.process_time() - start


def cpu(process: psutil.Process) -> float:
    spent = process.cpu_times()
    return spent.user + spent.system


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", nargs="*", type=Path)
    parser.add_argument("--count", type=int, default=60, help="photographs")
    parser.add_argument("--turns", type=int, default=5, help="turns of each, of which the quickest counts")
    parser.add_argument("--looks", type=int, default=20, help="photographs whose looks are compared, up to 1.1 megapixels")
    arguments = parser.parse_args()
    pictures = photos(arguments.folders, arguments.count)
    mean = statistics.mean(picture.megapixels for picture in pictures)
    print(f"{len(pictures)} photographs, mean {mean:.2f} MP, {statistics.mean(p.size for p in pictures) / 1000:.0f} KB")
    ways = [
        Way("Pillow", pillow),
        Way("Pillow, optimize", lambda data: pillow(data, optimize=True)),
        Way("ours, through pixels", lambda data: through_pixels(data, Options())),
    ]
    if native.available():
        ways.append(Way("ours, by coefficients", lambda data: ours(data, Options())))
    report("JPEG to JPEG at 50", ways, pictures, arguments.turns)
    formats(pictures[:: max(1, len(pictures) // 12)])
    targets.tables([picture.data for picture in pictures if picture.megapixels <= 1.1][: arguments.looks])
    asyncio.run(pool(pictures, 5))


if __name__ == "__main__":
    main()
