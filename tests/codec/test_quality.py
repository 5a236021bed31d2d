"""Quality is the JPEG scale's: more of it weighs more and looks better, and the same number looks alike in every format."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image, ImageOps

from halve.codec import scales
from tests.support.codec import compressed
from tests.support.eyes import colour_distance, likeness, shown
from tests.support.photos import encoded, photo, picture


@pytest.mark.parametrize("format", ["jpeg", "png", "webp", "avif"])
def test_more_quality_weighs_more_and_looks_better(format: str) -> None:
    data = photo("coffee", width=300, format="bmp")

    made = [compressed(data, format=format, quality=str(quality)) for quality in (10, 30, 50, 75, 95)]

    weights = [len(done.data) for done in made]
    looks = [likeness(done.data, data) for done in made]
    assert weights == sorted(weights)
    assert looks == sorted(looks)
    assert [done.quality for done in made] == [10, 30, 50, 75, 95]


def test_quality_of_jpeg_is_that_of_the_standard_table_of_luminance_and_chroma_is_no_coarser(way: str) -> None:
    data = photo("coffee", width=300, quality=95)

    made = Image.open(io.BytesIO(compressed(data, quality="37").data))

    theirs = Image.open(io.BytesIO(photo("coffee", width=300, quality=37)))
    mine, other = (picture.quantization for picture in (made, theirs))  # type: ignore[attr-defined]
    assert mine[0] == other[0]
    assert all(a <= b for a, b in zip(mine[1], other[1], strict=True))


@pytest.mark.parametrize("quality", ["30", "50", "80"])
def test_the_same_quality_looks_alike_in_every_format(quality: str) -> None:
    data = photo("astronaut", width=320, format="bmp")

    looks = {
        format: likeness(compressed(data, format=format, quality=quality).data, data) for format in ("jpeg", "png", "webp", "avif")
    }

    assert max(looks.values()) - min(looks.values()) < 0.09, looks


@pytest.mark.parametrize("format", ["jpeg", "png", "webp", "avif", "gif"])
def test_a_colour_that_is_rare_is_not_lost(format: str) -> None:
    """The cat's eyes are green, and nothing else in the picture is."""
    data = photo("chelsea", format=format if format == "gif" else "bmp", **{"quality": 95} if format == "jpeg" else {})

    done = compressed(data, format="keep" if format == "gif" else format)

    eye = (155, 95, 195, 135)
    assert colour_distance(shown(done.data).crop(eye), shown(data).crop(eye)) < 5


@pytest.mark.parametrize("clear", [False, True])
def test_a_palette_leaves_no_spots_of_another_colour(clear: bool) -> None:
    """Dithering did, where all colours but a few are dark."""
    cat = picture("chelsea", width=360)
    dark = cat.point([level // 3 for level in range(256)] * 3)
    dark.paste(cat.crop((127, 73, 199, 145)), (127, 73))
    if clear:
        dark = ImageOps.expand(dark.convert("RGBA"), 8)
    data = encoded(dark, "png")

    done = compressed(data)

    before, after = (np.asarray(shown(each).reduce(8), dtype=int) for each in (data, done.data))
    assert np.abs(before - after).max() < 30


def test_png_at_100_loses_nothing() -> None:
    data = photo("chelsea", width=200, format="bmp")

    assert likeness(compressed(data, quality="100").data, data) == 1.0


def test_webp_at_100_loses_nothing() -> None:
    data = photo("chelsea", width=200, format="bmp")

    assert likeness(compressed(data, quality="100", format="webp").data, data) == 1.0


def test_the_default_is_50() -> None:
    data = photo("chelsea", width=200)

    assert compressed(data) == compressed(data, quality="50")


@pytest.mark.parametrize("scale", [scales.WEBP, scales.AVIF, scales.HEIC, scales.PNG])
def test_scales_rise_all_the_way(scale: scales.Scale) -> None:
    numbers = [scales.on(scale, quality) for quality in range(1, 101)]

    assert numbers == sorted(numbers)
    assert 0 <= numbers[0] < 20
    assert 95 <= numbers[-1] <= 100
