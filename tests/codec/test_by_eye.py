"""`quality=auto`: as few bytes as still look nearly the same, whatever the format."""

from __future__ import annotations

import math
from typing import Any

import pytest
import pyvips
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from halve.codec import native
from halve.codec.eye import FARTHEST, Eye
from halve.codec.search import least_within
from tests.support.codec import compressed, opened
from tests.support.eyes import likeness
from tests.support.photos import encoded, photo, picture

NAMES = ("chelsea", "coffee", "rocket")
FLOOR = 0.85  # of structural similarity, which is not what is searched by


def pixels(data: bytes) -> pyvips.Image:
    return pyvips.Image.new_from_buffer(data, "").colourspace("srgb").copy_memory()


def share(original: bytes, other: bytes) -> float:
    """Of the distance that is allowed for that original."""
    eye = Eye(pixels(original))
    return eye.distance(pixels(other)) / eye.bound


@pytest.mark.parametrize("name", NAMES)
def test_a_jpeg_keeps_the_bound_and_no_quality_far_below_does(name: str, way: str) -> None:
    data = photo(name, width=320, quality=92)

    done = compressed(data, quality="auto")

    assert share(data, done.data) <= 1
    assert done.quality is not None
    assert share(data, compressed(data, quality=str(done.quality - 8)).data) > 1
    assert likeness(data, done.data) >= FLOOR


@pytest.mark.parametrize("format", ["webp", "avif", "png"])
def test_other_formats_keep_it_too(format: str) -> None:
    data = photo("chelsea", width=320, format="png")

    done = compressed(data, quality="auto", format=format)

    assert share(data, done.data) <= 1
    assert likeness(data, done.data) >= FLOOR


@pytest.mark.parametrize("colour", ["white", "black"])
@pytest.mark.parametrize("format", ["keep", "avif", "smallest"])
def test_a_logo_of_one_colour_stays_sharp_on_any_ground(colour: str, format: str) -> None:
    """Its alpha is all there is to see of it, and not on every ground."""
    shape = picture("chelsea", width=320).convert("L").resize((240, 160))
    logo = Image.new("RGBA", shape.size, colour)
    logo.putalpha(shape)
    data = encoded(logo, "png")

    done = compressed(data, quality="auto", format=format)

    for ground in ("white", "black"):
        assert likeness(data, done.data, background=ground) > 0.8


def test_pictures_that_bear_less_get_more() -> None:
    qualities = {compressed(photo(name, width=320, quality=95), quality="auto").quality for name in NAMES}
    assert len(qualities) > 1


def test_max_bytes_beside_it_is_kept(way: str) -> None:
    data = photo("coffee", width=320, quality=95)
    free = compressed(data, quality="auto")

    tight = compressed(data, quality="auto", max_bytes=str(len(free.data) // 2))
    roomy = compressed(data, quality="auto", max_bytes="100%")

    assert len(tight.data) <= len(free.data) // 2
    assert roomy.data == free.data


def red_print_on_blue(**save: Any) -> bytes:
    image = Image.new("RGB", (320, 240), "blue")
    ImageDraw.Draw(image).text((10, 40), "SALE\n-50 %", fill="red", font_size=70)
    return encoded(image, "jpeg", quality=97, **save)


@pytest.mark.skipif(not native.available(), reason="the requantiser was not built")
def test_colours_that_halved_chroma_spoils_keep_it_whole_and_not_a_needless_quality() -> None:
    data = red_print_on_blue(subsampling=0)
    halved = compressed(data, quality="89").data

    done = compressed(data, quality="auto")

    assert share(data, halved) > 1
    assert share(data, done.data) <= 1
    assert len(done.data) < 0.7 * len(compressed(data, quality="90").data)


@pytest.mark.skipif(not native.available(), reason="the requantiser was not built")
def test_a_bound_too_narrow_for_whole_chroma_still_gets_the_best_that_fits() -> None:
    data = red_print_on_blue(subsampling=0)
    bound = len(compressed(data, quality="auto").data) - 1

    tight = compressed(data, quality="auto", max_bytes=str(bound))

    assert 0.8 * bound < len(tight.data) <= bound


def test_what_is_coarse_already_is_kept() -> None:
    data = photo("coffee", width=320, quality=30)
    done = compressed(data, quality="auto")
    assert len(done.data) <= len(data)
    assert share(data, done.data) <= 1


def test_it_sees_nothing_where_nothing_changed_and_more_where_more_did() -> None:
    original = pixels(photo("astronaut", width=320, format="png"))
    eye = Eye(original)
    far = [eye.distance(pixels(photo("astronaut", width=320, quality=quality))) for quality in (95, 80, 60, 40, 20)]
    assert eye.distance(original) == 0
    assert far == sorted(far)


@pytest.mark.parametrize("size", [(1, 1), (3, 70), (40, 2)])
def test_it_looks_at_the_tiniest_pictures_and_at_alpha(size: tuple[int, int]) -> None:
    image = picture("coffee").resize(size).convert("RGBA")
    seen = pyvips.Image.new_from_memory(image.tobytes(), *size, 4, "uchar").copy(interpretation="srgb")
    assert Eye(seen).distance(seen) == 0
    assert Eye(seen).distance(seen.invert()) > FARTHEST


def test_a_busy_picture_may_be_farther_than_a_quiet_one_but_none_farther_than_any_may() -> None:
    quiet, cup = pyvips.Image.black(320, 240, bands=3), pixels(photo("coffee", width=320))
    on_white = cup.embed(200, 200, 2 * cup.width, 2 * cup.height, extend="white")
    busiest = pyvips.Image.gaussnoise(320, 240, mean=128, sigma=80).cast("uchar")
    assert Eye(quiet).bound < Eye(on_white).bound < Eye(busiest).bound == FARTHEST


@pytest.mark.parametrize(
    ("order", "step", "words"),
    [
        ((0, 0, 1, 1, 1, 2), 30, {}),
        ((0, 0, 1, 1, 1, 2), 10, {"format": "webp"}),
        ((0, 0, 1, 1, 1, 2), 30, {"format": "smallest", "max_size": "60"}),
        ((0, 1, 2, 2), 30, {}),
        ((0, 1, 2, 2), 0, {"format": "webp"}),
        ((0, 1, 2, 2), 10, {"max_bytes": "90%"}),
        ((0, 0, 0), 30, {}),
        ((0, 0, 0), 10, {"format": "webp"}),
    ],
    ids=str,
)
def test_an_animation_whose_equal_frames_become_one_is_judged_in_step(
    order: tuple[int, ...], step: int, words: dict[str, Any]
) -> None:
    frames = [pixels(photo(name, width=120, format="png")).crop(0, 0, 120, 70) for name in NAMES]
    film = pyvips.Image.arrayjoin([frames[number] for number in order], across=1).copy()
    film.set_type(pyvips.GValue.gint_type, "page-height", 70)
    film.set_type(pyvips.GValue.array_int_type, "delay", [step + step * number for number in range(len(order))])
    data = bytes(film.gifsave_buffer(keep_duplicate_frames=True))
    assert opened(data).n_frames == len(order)  # type: ignore[attr-defined]

    done = compressed(data, quality="auto", **words)

    assert not done.kept
    assert done.quality is not None
    assert done.quality < 90
    if step == 30 and len(set(order)) > 1:  # of one picture a still will do, and brief delays are written as browsers show them
        assert lasts(done.data) == lasts(data)
    for shown, original in ((0, 0), (getattr(opened(done.data), "n_frames", 1) - 1, len(order) - 1)):
        assert likeness(nth(done.data, shown), nth(data, original).resize((done.width, done.height))) > 0.7


def nth(data: bytes, frame: int) -> Image.Image:
    image = opened(data)
    image.seek(frame)
    return image.convert("RGB")


def lasts(data: bytes) -> int:
    """In milliseconds."""
    image = opened(data)
    total = 0
    for frame in range(getattr(image, "n_frames", 1)):
        image.seek(frame)
        image.load()
        total += image.info.get("duration", 0)
    return total


@given(st.floats(0.005, 0.06), st.floats(30, 4000), st.integers(1, 100))
def test_the_search_ends_at_the_least_quality_or_close_to_it(fading: float, start: float, most: int) -> None:
    tried: list[int] = []

    def encode(quality: int) -> bytes:
        tried.append(quality)
        return bytes([quality])

    def far(data: bytes) -> float:
        return start * math.exp(-fading * data[0])

    found = least_within(encode, far, range(1, most + 1), bound=30.0)

    assert found is not None
    quality, data = found

    assert data == bytes([quality])
    fitting = [each for each in range(1, most + 1) if start * math.exp(-fading * each) <= 30.0]
    if not fitting:
        assert quality == most
        return
    assert quality in fitting
    assert quality == fitting[0] or far(data) >= 0.97 * 30.0
    assert len(tried) == len(set(tried)) <= 12


@given(st.floats(0.01, 0.02), st.integers(40, 80))
def test_curves_like_those_of_photographs_take_few_encodes(fading: float, best: int) -> None:
    tried: list[int] = []

    def encode(quality: int) -> bytes:
        tried.append(quality)
        return bytes([quality])

    least_within(encode, lambda data: 30.0 * math.exp(fading * (best - data[0])), range(1, 101), bound=30.0)

    assert len(tried) <= 3


@pytest.mark.parametrize("far", [30.1, 1000.0])
def test_a_search_ends_where_no_quality_is_any_nearer_than_another(far: float) -> None:
    assert least_within(lambda quality: bytes([quality]), lambda data: far, range(1, 101), bound=30.0) == (100, bytes([100]))


def test_a_search_gives_up_what_cannot_become_lighter() -> None:
    """Output grows with quality, so what does not look good enough and weighs as much already is of no use."""
    tried: list[int] = []

    def encode(quality: int) -> bytes:
        tried.append(quality)
        return bytes(quality)

    assert least_within(encode, lambda data: 3000.0 / len(data), range(1, 101), bound=30.0, lighter_than=50) is None
    assert len(tried) == 1
    assert least_within(encode, lambda data: 3000.0 / len(data), range(1, 101), bound=30.0, lighter_than=200) is not None


@pytest.mark.parametrize("tries", [1, 2, 3, 5])
def test_few_tries_still_give_what_looks_good_enough(tries: int) -> None:
    tried: list[int] = []

    def encode(quality: int) -> bytes:
        tried.append(quality)
        return bytes([quality])

    found = least_within(encode, lambda data: 4000.0 * math.exp(-0.06 * data[0]), range(1, 101), bound=30.0, tries=tries)
    assert found is not None
    assert found[0] >= 82
    assert len(tried) <= tries


def test_the_smallest_by_eye_is_of_those_that_look_good_enough() -> None:
    data = photo("coffee", width=320, quality=92)
    formats = {format: compressed(data, quality="auto", format=format) for format in ("jpeg", "webp", "avif", "png")}
    smallest = compressed(data, quality="auto", format="smallest")
    assert len(smallest.data) == min(len(done.data) for done in formats.values())


def test_the_smallest_by_eye_within_a_bound_too_narrow_for_it_is_the_best_that_fits() -> None:
    """Not the one that comes to the fewest bytes: that would be the worst looking of all."""
    data = photo("coffee", width=320, quality=92)
    by_quality = compressed(data, format="smallest", max_bytes="6%")
    by_eye = compressed(data, format="smallest", max_bytes="6%", quality="auto")
    assert len(by_eye.data) <= len(data) * 0.06
    assert (by_eye.format, by_eye.quality) == (by_quality.format, by_quality.quality)
