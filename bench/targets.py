"""What a size target and `quality=auto` give, in looks as well as in bytes: tables of `bench.codec`. Needs ssimulacra2."""

from __future__ import annotations

import io
import statistics

from PIL import Image

from bench.crops import crops
from bench.look import at_score
from bench.pillow import pillow
from bench.report import note
from bench.score import available, score
from bench.ways import MAX_PIXELS, Way, measure, ours
from halve.codec.compress import compress
from halve.core.options import MaxBytes, Options

TURNS = 3
FIXED = (46, 50, 54, 58, 62, 66, 70)
CROPS = 27
"""Light photographs beside the corpus, where quality goes by eye: what that does shows only between pictures that differ. All are
of a quality that no way here keeps as it was."""


def best_of_pillow(data: bytes) -> bytes:
    """The best quality of Pillow's that has at most half the bytes, by trying all from above: the first that fits."""
    fitting = (made for quality in range(95, 0, -1) if len(made := pillow(data, quality)) <= len(data) // 2)
    return next(fitting, data)


def alone(data: bytes) -> bytes:
    """A single pass at the quality that half the bytes come to; which one that is, is found out beforehand."""
    return ours(data, Options(quality=_found[data]))


_found: dict[bytes, int] = {}


def tables(files: list[bytes]) -> None:
    """Print how JPEGs at 50, size targets and auto compare with what others would do."""
    if not available():
        print("\nssimulacra2 is not installed (uv sync --group bench): looks are not compared")
        return
    half = Options(max_bytes=MaxBytes(share=0.5))
    for data in files:
        _found[data] = compress(data, half, max_pixels=MAX_PIXELS).quality or 100
    _table("looks, JPEG at 50", files, [Way("Pillow", pillow), Way("ours", lambda data: ours(data, Options()))])
    ways = [Way("max_bytes=50%", lambda data: ours(data, half)), Way("a single pass at the quality found", alone)]
    ways += [
        Way("a single pass at 50", lambda data: ours(data, Options())),
        Way("Pillow, every quality tried", best_of_pillow, once=True),
    ]
    _table("a size target", files, ways)
    over, (target, *single, exhaustive) = sum(ratio > 0.5 for ratio in ways[0].ratios), ways
    print(f"over the target: {over}; CPU of single passes: ", end="")
    print(", ".join(f"{sum(target.seconds) / sum(way.seconds):.2f} of {way.name}" for way in single))
    ours_mean, theirs = statistics.fmean(target.scores), statistics.fmean(exhaustive.scores)
    note("`max_bytes=50%`: none over; mean score", f"{over} over; {ours_mean:.1f} against {theirs:.1f}")
    note("`max_bytes=50%`: CPU", f"{sum(target.seconds) / sum(single[0].seconds):.2f} of a single pass, photographs up to 1.1 MP")
    _by_eye(files + crops(CROPS, qualities=(92,)))


def _by_eye(files: list[bytes]) -> None:
    fixed = [Way(f"{quality}", lambda data, quality=quality: ours(data, Options(quality=quality))) for quality in FIXED]  # type: ignore[misc]
    auto = Way("auto", lambda data: ours(data, Options(quality="auto")))
    _table(f"quality by eye, light photographs too ({len(files)})", files, [auto, *fixed])
    mean, means = statistics.fmean(auto.scores), [statistics.fmean(way.scores) for way in fixed]
    alike = at_score([(way.share, its) for way, its in zip(fixed, means, strict=True)], mean)
    least = at_score([(min(way.scores), its) for way, its in zip(fixed, means, strict=True)], mean)
    told = f"{auto.share / alike:.2f} of them; least score {min(auto.scores):.0f} against {least:.0f}"
    note("`quality=auto`: bytes at the mean score of a fixed quality", told)


def _table(title: str, files: list[bytes], ways: list[Way]) -> None:
    pixels = 0.0
    for data in files:
        with Image.open(io.BytesIO(data)) as image:
            pixels += image.width * image.height / 1e6
        for way, made in zip(ways, measure(ways, data, TURNS), strict=True):
            way.scores.append(score(data, made))
    print(f"\n| {title} | CPU ms/MP | bytes out/in (mean) | of all bytes | SSIMULACRA2 | least |")
    print("| --- | --- | --- | --- | --- | --- |")
    for way in ways:
        figures = f"{sum(way.seconds) * 1000 / pixels:.2f} | {statistics.fmean(way.ratios):.3f} | {way.share:.3f}"
        print(f"| {way.name} | {figures} | {statistics.fmean(way.scores):.2f} | {min(way.scores):.1f} |")
