"""`format=smallest`: no larger than any format that holds the picture, nor than the picture was."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw

from halve.core.compressed import Compressed
from tests.codec.test_animation import animation, delays
from tests.support.codec import compressed, opened
from tests.support.eyes import likeness
from tests.support.photos import encoded, photo, picture


def drawing() -> Image.Image:
    """Few colours and sharp edges: what PNG is good at."""
    image = Image.new("RGB", (300, 200), "white")
    draw = ImageDraw.Draw(image)
    for place in range(0, 300, 30):
        draw.rectangle((place, place // 2, place + 12, 150), fill="navy")
    return image


def cut_out() -> Image.Image:
    image = picture("coffee", width=200).convert("RGBA")
    image.putalpha(Image.linear_gradient("L").resize(image.size))
    return image


def singles(data: bytes, *formats: str) -> list[Compressed]:
    return [compressed(data, format=format) for format in formats]


@pytest.mark.parametrize(
    "data",
    [photo("chelsea", width=240), photo("coffee", width=240, format="png"), encoded(drawing(), "png"), encoded(drawing(), "jpeg")],
    ids=["photo", "photo as PNG", "drawing", "drawing as JPEG"],
)
def test_no_single_format_is_smaller(data: bytes) -> None:
    done = compressed(data, format="smallest")
    assert len(done.data) == min(len(single.data) for single in singles(data, "jpeg", "png", "webp", "avif"))


def test_what_is_see_through_stays_so() -> None:
    data = encoded(cut_out(), "png")
    done = compressed(data, format="smallest")
    assert len(done.data) == min(len(single.data) for single in singles(data, "png", "webp", "avif"))
    alpha = np.asarray(opened(done.data).convert("RGBA"))[..., 3]
    assert alpha.min() < 10
    assert alpha.max() > 245


@pytest.mark.parametrize("format", ["gif", "webp", "png"])
def test_an_animation_keeps_its_frames(format: str) -> None:
    data = animation(format)
    done = compressed(data, format="smallest")
    assert len(done.data) <= min(len(single.data) for single in singles(data, "keep", "webp"))
    assert len(delays(done.data)) == 4


@pytest.mark.parametrize("format", ["jpeg", "png", "webp", "avif"])
def test_it_is_never_larger_than_it_was(format: str) -> None:
    data = photo("coffee", width=24, format=format, quality=4)
    assert len(compressed(data, format="smallest").data) <= len(data)


def test_with_auto_each_format_is_judged_by_eye() -> None:
    data = photo("rocket", width=240)
    done = compressed(data, format="smallest", quality="auto")
    each = [compressed(data, format=format, quality="auto") for format in ("jpeg", "webp", "avif")]
    assert len(done.data) == min(len(single.data) for single in each)


def test_with_max_bytes_the_best_quality_wins() -> None:
    data = photo("rocket", width=240)
    done = compressed(data, format="smallest", max_bytes="20%")
    each = [compressed(data, format=format, max_bytes="20%") for format in ("jpeg", "webp", "avif")]
    assert done.quality == max(single.quality or 0 for single in each)
    assert len(done.data) <= len(data) // 5
    assert likeness(data, done.data) > 0.5


def test_pages_of_a_tiff_are_kept() -> None:
    pages = [picture(name).resize((90, 60)) for name in ("coffee", "chelsea")]
    data = encoded(pages[0], "tiff", save_all=True, append_images=pages[1:])
    done = compressed(data, format="smallest")
    assert done.format == "tiff"
    assert opened(done.data).n_frames == 2  # type: ignore[attr-defined]
