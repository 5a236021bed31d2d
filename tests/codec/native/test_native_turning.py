"""A picture is set upright by its coefficients: nothing is lost, and what cannot be turned whole is refused."""

from __future__ import annotations

import io
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps

from halve.codec import native
from tests.codec.native.test_native_arithmetic import assert_requantised, at_quality
from tests.support.eyes import likeness
from tests.support.jpeg_forms import Form, jpeg, progressive_script
from tests.support.jpeg_reading import read
from tests.support.photos import encoded, photo, picture
from tests.support.requantising import SAMPLINGS, small_picture
from tests.support.turning import can_be_turned, upright

TURNED = range(2, 9)
BACK = {6: 8, 8: 6}
UNEVEN = [random.Random(n).sample(range(1, 65), 64) for n in range(3)]
"""Steps of which no two are alike, so that none can be taken for another."""


def turned(data: bytes, orientation: int, quality: int, max_bytes: int | None = None) -> bytes:
    answer = native.requantise(data, quality=quality, max_bytes=max_bytes, orientation=orientation)
    assert answer is not None, native.refusal(data, quality=quality, orientation=orientation)
    with Image.open(io.BytesIO(answer.data)) as image:
        assert (answer.width, answer.height) == image.size
    return answer.data


@pytest.mark.parametrize("orientation", TURNED)
@pytest.mark.parametrize("sampling", SAMPLINGS)
def test_turning_and_requantising_is_requantising_what_was_turned(sampling: str, orientation: int) -> None:
    count = len(SAMPLINGS[sampling])
    source = small_picture(sampling, width=32, height=48, steps=UNEVEN[:count])
    wanted = upright(source, orientation)
    for quality in (100, 90, 30):
        out = turned(jpeg(source), orientation, quality)
        assert_requantised(wanted, out, quality)
        assert turned(jpeg(source, Form(restart=3)), orientation, quality) == out
        if count == 3:
            progressive = jpeg(source, Form(progressive=True, scans=progressive_script(3)))
            assert turned(progressive, orientation, quality) == out


@settings(max_examples=40)
@given(st.sampled_from(list(SAMPLINGS)), st.integers(1, 50), st.integers(1, 50), st.sampled_from(TURNED))
def test_any_size_is_turned_whole_or_refused(sampling: str, width: int, height: int, orientation: int) -> None:
    source = small_picture(sampling, width=width, height=height)
    answer = native.requantise(jpeg(source), quality=100, orientation=orientation)
    if not can_be_turned(source, orientation):
        assert answer is None
        assert "an edge within an MCU" in str(native.refusal(jpeg(source), quality=100, orientation=orientation))
        return
    assert answer is not None
    assert answer.data == at_quality(jpeg(upright(source, orientation)), 100)
    if can_be_turned(read(answer.data).picture, BACK.get(orientation, orientation)):
        assert turned(answer.data, BACK.get(orientation, orientation), 100) == at_quality(jpeg(source), 100)


@pytest.mark.parametrize("orientation", TURNED)
@pytest.mark.parametrize("subsampling", [0, 1, 2])
def test_a_photograph_looks_as_if_its_pixels_had_been_turned(orientation: int, subsampling: int) -> None:
    image = picture("coffee").crop((0, 0, 320, 192))
    data = encoded(image, "jpeg", quality=92, subsampling=subsampling)
    exif = Image.Exif()
    exif[0x0112] = orientation
    reference = ImageOps.exif_transpose(Image.open(io.BytesIO(encoded(image, "png", exif=exif.tobytes()))))
    out = turned(data, orientation, 80)
    assert likeness(out, encoded(reference, "png")) > 0.9
    assert b"Exif" not in out


@pytest.mark.parametrize("orientation", TURNED)
def test_a_bound_is_kept_by_the_best_quality_that_keeps_it(orientation: int) -> None:
    data = photo("coffee", width=480, quality=93, subsampling=2)
    bound = len(data) // 2
    found = native.requantise(data, quality=100, max_bytes=bound, orientation=orientation)
    assert found is not None
    assert len(found.data) <= bound
    assert turned(data, orientation, found.quality) == found.data
    assert len(turned(data, orientation, found.quality + 1)) > bound


def test_densities_change_places_with_rows_and_columns() -> None:
    data = photo("coffee", width=480, quality=90, dpi=(72, 144))
    with Image.open(io.BytesIO(turned(data, 6, 50))) as image:
        assert image.info["jfif_density"] == (144, 72)
    with Image.open(io.BytesIO(turned(data, 3, 50))) as image:
        assert image.info["jfif_density"] == (72, 144)


@pytest.mark.parametrize("orientation", [0, 9, -1])
def test_an_orientation_that_there_is_not_is_an_error_of_the_caller(orientation: int) -> None:
    with pytest.raises(ValueError, match="orientation"):
        native.requantise(photo("coffee"), quality=50, orientation=orientation)
