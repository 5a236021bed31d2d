"""The requantiser against Pillow, JPEG to JPEG at quality 50, one core. `python -m bench.requantise [FOLDER …]`

Both run in this process, photograph by photograph in turn, so that whatever else the machine does meets both alike; of several
turns the quickest counts. Without a folder the photographs are those of `bench.corpus`. Progressive and sequential files count
apart too.
"""

from __future__ import annotations

import argparse
import importlib
import io
import statistics
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from PIL import Image
from PIL.JpegImagePlugin import get_sampling

from bench.corpus import corpus
from bench.crops import crops
from bench.pillow import pillow
from bench.report import note
from bench.score import available, score
from halve.codec import native


@dataclass(frozen=True)
class Run:
    """One photograph. Seconds of CPU, bytes."""

    progressive: bool
    megapixels: float
    source: int
    pillow: float
    pillow_bytes: int
    ours: float
    our_bytes: int
    fitted: float  # seconds to meet half the source's bytes
    builds: list[float]  # of every build that this processor runs


def requantised(data: bytes, quality: int) -> bytes:
    answer = native.requantise(data, quality=quality)
    assert answer is not None
    return answer.data


def builds() -> dict[str, Any]:
    """The extension's builds that are here and that this processor runs, by name."""
    found = {}
    for name in native.BUILDS:
        with suppress(ImportError):
            found[name] = importlib.import_module(f"halve.codec.native.{name}")
    return found


def timed(call: Callable[[], object]) -> float:
    start = time.process_time()
    call()
    return time.process_time() - start


def measure(data: bytes, quality: int, turns: int) -> Run:
    with Image.open(io.BytesIO(data)) as image:
        progressive, megapixels = "progressive" in image.info, image.width * image.height / 1e6
    ways: tuple[Callable[[], object], ...] = (
        lambda: pillow(data, quality),
        lambda: native.requantise(data, quality=quality),
        lambda: native.requantise(data, quality=100, max_bytes=len(data) // 2),
        *(partial(build.requantise, data, quality, 0, native.MAX_PIXELS, 1, False, False) for build in builds().values()),
    )
    turned = [[timed(way) for way in ways] for _ in range(turns)]
    theirs, ours, fitted, *of_builds = (min(times) for times in zip(*turned, strict=True))
    sizes = len(pillow(data, quality)), len(requantised(data, quality))
    return Run(progressive, megapixels, len(data), theirs, sizes[0], ours, sizes[1], fitted, of_builds)


def report(title: str, runs: list[Run]) -> None:
    if not runs:
        return
    pixels, source = sum(r.megapixels for r in runs), sum(r.source for r in runs)
    theirs, ours, fitted = (sum(times) * 1e3 / pixels for times in zip(*((r.pillow, r.ours, r.fitted) for r in runs), strict=True))
    their_bytes, our_bytes = (sum(sizes) / source for sizes in zip(*((r.pillow_bytes, r.our_bytes) for r in runs), strict=True))
    print(
        f"{title}: {len(runs)} photographs, {pixels / len(runs):.2f} MP and {source * 8e-6 / pixels:.2f} bits a pixel in the mean"
    )
    print(f"  CPU ms/MP   Pillow {theirs:5.2f}   requantiser {ours:5.2f}   ratio {ours / theirs:.3f}")
    print(f"  bytes/input Pillow {their_bytes:5.3f}   requantiser {our_bytes:5.3f}   ratio {our_bytes / their_bytes:.3f}")
    if title == "all":
        note("Codec, JPEG to JPEG at quality 50: CPU", f"{ours / theirs:.2f} of Pillow's ({ours:.1f} against {theirs:.1f} ms/MP)")
        note("Codec: bytes", f"{our_bytes / their_bytes:.2f} of Pillow's")
    print(f"  half the bytes at the best quality that has them: {fitted:.2f} CPU ms/MP")
    seconds = zip(*(r.builds for r in runs), strict=True)
    of_builds = (f"{name} {sum(times) * 1e3 / pixels:.2f}" for name, times in zip(builds(), seconds, strict=True))
    print("  builds, CPU ms/MP:", ", ".join(of_builds))


@dataclass(frozen=True)
class Look:
    """One photograph: SSIMULACRA2 and bytes of both."""

    whole_chroma: bool
    pillow: float
    pillow_bytes: int
    ours: float
    our_bytes: int


def look(data: bytes, quality: int) -> Look:
    with Image.open(io.BytesIO(data)) as image:
        whole_chroma = image.mode == "RGB" and get_sampling(image) == 0
    theirs, ours = pillow(data, quality), requantised(data, quality)
    return Look(whole_chroma, score(data, theirs), len(theirs), score(data, ours), len(ours))


def report_looks(title: str, seen: list[Look]) -> None:
    if not seen:
        return
    theirs, ours = statistics.fmean(one.pillow for one in seen), statistics.fmean(one.ours for one in seen)
    share = statistics.fmean(one.our_bytes / one.pillow_bytes for one in seen)
    print(f"  {title}: {len(seen)}   Pillow {theirs:.2f}   requantiser {ours:.2f}   bytes of Pillow's, mean of ratios {share:.3f}")
    if title == "all":
        note("Codec: mean SSIMULACRA2", f"{ours:.1f} against {theirs:.1f}")


def looks(files: list[Path], light: list[bytes], quality: int) -> None:
    """Mean SSIMULACRA2 of both, where that is installed (`uv run --with ssimulacra2 …`)."""
    if not available():
        print("SSIMULACRA2 is not installed: looks are not compared")
        return
    print("SSIMULACRA2, means")
    report_looks("light crops", [look(data, quality) for data in light])
    seen = [look(file.read_bytes(), quality) for file in files]
    report_looks("chroma halved", [one for one in seen if not one.whole_chroma])
    report_looks("chroma whole", [one for one in seen if one.whole_chroma])
    report_looks("all", seen)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="*", type=Path, help="folders of JPEGs; default: the benchmarks' own corpus")
    parser.add_argument("--quality", type=int, default=50)
    parser.add_argument("--turns", type=int, default=3, help="how often each is run; the quickest counts")
    parser.add_argument("--looks", type=int, default=0, metavar="N", help="compare SSIMULACRA2 on N of them, up to 2 MP")
    arguments = parser.parse_args()
    if not native.available():
        raise SystemExit("The extension is not built: no C compiler was there at installation.")
    files = sorted(file for folder in arguments.folders or [corpus().folder] for file in folder.glob("*.jp*g"))
    runs: list[Run] = []
    for file in files:
        data = file.read_bytes()
        reason = native.refusal(data, quality=arguments.quality)
        if reason is None:
            runs.append(measure(data, arguments.quality, arguments.turns))
        else:
            print(f"not taken: {file.name}: {reason}")
    report("all", runs)
    report("sequential", [run for run in runs if not run.progressive])
    report("progressive", [run for run in runs if run.progressive])
    if arguments.looks:
        small = [file for file in files if _megapixels(file) <= 2 and native.refusal(file.read_bytes(), quality=50) is None]
        chosen = small[:: max(1, len(small) // arguments.looks)][: arguments.looks]
        looks(chosen, [] if arguments.folders else crops(arguments.looks), arguments.quality)


def _megapixels(file: Path) -> float:
    with Image.open(file) as image:
        return image.width * image.height / 1e6


if __name__ == "__main__":
    main()
