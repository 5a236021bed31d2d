"""What smaller costs the eye: bytes against SSIMULACRA2 at qualities 30 to 80, for ours and for the encoders of the others.

    python -m bench look      or      python -m bench.look --photographs 8

The sources are JPEGs of the corpus, cut to at most 768 by 768 pixels and packed anew at quality 92; the score is that of a result
against its source. Only looks and bytes are told here; what they cost in CPU is in `codec` and `end-to-end`.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import subprocess
import tempfile
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

from PIL import Image

from bench import plots
from bench.corpus import corpus
from bench.end_to_end import serving
from bench.peers import NotHere, thumbor, tools
from bench.peers.commands import sharp_version, xargs_version
from bench.pillow import pillow
from bench.report import ended, note, place
from bench.score import score
from halve.codec.compress import compress
from halve.core.options import Options

QUALITIES = (30, 40, 50, 60, 70, 80)
EDGE = 768
OURS = "halve"

Way = Callable[[list[Path], int], list[bytes]]
"""Files and a quality: each file's result."""


def sources(folder: Path, count: int) -> list[Path]:
    pictures = corpus()
    made = []
    for n, name in enumerate(pictures.names[:: max(1, len(pictures.names) // count)][:count]):
        path = folder / f"{n}.jpg"
        with Image.open(pictures.folder / name) as image:
            image.crop((0, 0, min(EDGE, image.width), min(EDGE, image.height))).save(path, "JPEG", quality=92)
        made.append(path)
    return made


def ours(files: list[Path], quality: int) -> list[bytes]:
    return [compress(file.read_bytes(), Options(quality=quality), max_pixels=10**8).data for file in files]


def by_pillow(files: list[Path], quality: int) -> list[bytes]:
    return [pillow(file.read_bytes(), quality) for file in files]


def cjpeg(files: list[Path], quality: int) -> list[bytes]:
    results = []
    for file in files:
        decoded = subprocess.run(["djpeg", str(file)], capture_output=True, check=True).stdout
        results.append(subprocess.run(["cjpeg", "-quality", str(quality)], input=decoded, capture_output=True, check=True).stdout)
    return results


def sharp(files: list[Path], quality: int, *more: str) -> list[bytes]:
    with tempfile.TemporaryDirectory() as work:
        targets = [Path(work, file.name) for file in files]
        jobs = Path(work, "list.txt")
        jobs.write_text("".join(f"{file} {target}\n" for file, target in zip(files, targets, strict=True)))
        command = ["node", str(tools.HERE / "sharp/halve.mjs"), str(tools.node_peer("sharp")), str(jobs), "2", str(quality), *more]
        subprocess.run(command, check=True)
        return [target.read_bytes() for target in targets]


def thumbor_way(files: list[Path], quality: int) -> list[bytes]:
    """With progressive JPEGs, its default: its smallest."""
    with (
        tempfile.TemporaryDirectory() as results,
        serving(files[0].parent, 0.0) as origin,
        thumbor.server(Path(results), progressive=True) as (address, _),
    ):
        return asyncio.run(thumbor.ask(address, [f"{origin}/{file.name}" for file in files], quality, 2))


WAYS: dict[str, tuple[Way, Callable[[], str] | None]] = {
    "Pillow": (by_pillow, None),
    "cjpeg": (cjpeg, xargs_version),
    "thumbor": (thumbor_way, thumbor.version),
    "sharp": (sharp, sharp_version),
    "sharp, mozjpeg": (lambda files, quality: sharp(files, quality, "mozjpeg"), sharp_version),
    OURS: (ours, None),
}


def curve(way: Way, files: list[Path]) -> list[tuple[float, float]]:
    """At each quality: bytes as a share of the sources', and the mean score."""
    points = []
    weight = sum(file.stat().st_size for file in files)
    for quality in QUALITIES:
        results = way(files, quality)
        scores = [score(file.read_bytes(), result) for file, result in zip(files, results, strict=True)]
        points.append((sum(map(len, results)) / weight, statistics.fmean(scores)))
    return points


def at_score(points: list[tuple[float, float]], wanted: float) -> float:
    """What a curve of figures and scores has at this score, by a straight line between two points."""
    for (less, low), (more, high) in pairwise(points):
        if low <= wanted <= high:
            return less + (more - less) * (wanted - low) / (high - low)
    raise ValueError(f"no point of the curve is near {wanted}")


def page(found: dict[str, list[tuple[float, float]]], absent: list[str], count: int, like: dict[str, float]) -> str:
    head = " | ".join(f"q {quality}" for quality in QUALITIES)
    lines = []
    for name, points in found.items():
        cells = " | ".join(f"{share:.3f} · {mean:.1f}" for share, mean in points)
        lines.append(f"| {f'**{name}**' if name == OURS else name} | {cells} | {like[name]:.2f} |")
    newline = "\n"
    return f"""# Bytes and looks

How much lighter a JPEG gets, and what the eye pays: {count} pictures of the corpus, cut to {EDGE} pixels, at six qualities.
Higher and further left is better. SSIMULACRA2 says how like its source a picture looks: 90 cannot be told apart, 70 is high
quality, 50 medium.

![Curves of score against bytes](look.svg)

| bytes out/in · mean score | {head} | bytes at the look of Pillow's 50 |
| --- |{" --- |" * (len(QUALITIES) + 1)}
{newline.join(lines)}

The last column: bytes that each needs for the mean score that Pillow has at quality 50, as a ratio to Pillow's. thumbor is
Pillow with progressive output; sharp's mozjpeg needs several times the CPU of a plain encode. {" ".join(absent)}
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--photographs", type=int, default=8)
    count = parser.parse_args().photographs
    found: dict[str, list[tuple[float, float]]] = {}
    absent = []
    with tempfile.TemporaryDirectory() as folder:
        files = sources(Path(folder), count)
        for name, (way, ready) in WAYS.items():
            try:
                if ready:
                    ready()
            except NotHere as reason:
                absent.append(str(reason))
                continue
            found[name] = curve(way, files)
            print(name, *(f"{share:.3f}/{mean:.1f}" for share, mean in found[name]), sep="\t", flush=True)
    share, wanted = found["Pillow"][QUALITIES.index(50)]
    like = {name: at_score(points, wanted) / share for name, points in found.items()}
    note("Bytes at the look of Pillow's quality 50", f"{like[OURS]:.2f} of Pillow's")
    plots.curves(place("look"), found, OURS, QUALITIES.index(50))
    ended("look", page(found, absent, len(files), like))


if __name__ == "__main__":
    main()
