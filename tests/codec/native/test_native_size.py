"""`max_bytes`: the best quality that fits, and the file that this quality gives by itself."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from halve.codec import native
from tests.support.jpeg_forms import Form, jpeg, progressive_script
from tests.support.photos import photo
from tests.support.requantising import small_picture


def size_at(data: bytes, quality: int) -> int:
    answer = native.requantise(data, quality=quality)
    assert answer is not None
    return len(answer.data)


@pytest.mark.parametrize("share", [0.9, 0.5, 0.25, 0.12])
@pytest.mark.parametrize("save", [{}, {"progressive": True}], ids=str)
def test_the_best_quality_that_fits_is_found(share: float, save: dict[str, Any]) -> None:
    assert_best(photo("coffee", quality=93, **save), share)


@pytest.mark.parametrize("share", [0.6, 0.3])
def test_a_large_picture_is_searched_by_samples_first_and_no_less_exactly(share: float) -> None:
    assert_best(photo("astronaut", width=1800, quality=90), share)


def assert_best(data: bytes, share: float) -> None:
    bound = int(len(data) * share)
    answer = native.requantise(data, quality=100, max_bytes=bound)
    assert answer is not None
    assert len(answer.data) <= bound < size_at(data, answer.quality + 1)
    alone = native.requantise(data, quality=answer.quality)
    assert alone is not None
    assert alone.data == answer.data


@settings(max_examples=30)
@given(st.integers(700, 9000), st.integers(1, 100), st.booleans())
def test_any_bound_is_kept_and_not_by_more_than_need_be(bound: int, ceiling: int, progressive: bool) -> None:
    form = Form(progressive=True, scans=progressive_script(3)) if progressive else Form()
    data = jpeg(small_picture("4:2:0", width=120, height=90, name="astronaut"), form)
    sizes = {quality: size_at(data, quality) for quality in (1, ceiling)}
    answer = native.requantise(data, quality=ceiling, max_bytes=bound)
    if answer is None:
        assert sizes[1] > bound
        return
    assert len(answer.data) <= bound
    assert answer.quality <= ceiling
    assert answer.quality == ceiling or size_at(data, answer.quality + 1) > bound


def test_a_bound_met_to_the_byte_is_met() -> None:
    data = photo("rocket", quality=91)
    exact = size_at(data, 40)
    answer = native.requantise(data, quality=100, max_bytes=exact)
    assert answer is not None
    assert (answer.quality, len(answer.data)) == (40, exact)
    less = native.requantise(data, quality=100, max_bytes=exact - 1)
    assert less is not None
    assert less.quality == 39


def test_the_asked_quality_is_a_ceiling() -> None:
    data = photo("rocket", quality=91)
    answer = native.requantise(data, quality=60, max_bytes=len(data))
    alone = native.requantise(data, quality=60)
    assert answer == alone
    assert answer is not None
    assert answer.quality == 60


def test_what_fits_at_no_quality_is_left_to_pixels() -> None:
    data = photo("rocket", quality=91)
    smallest = size_at(data, 1)
    assert native.requantise(data, quality=100, max_bytes=smallest - 1) is None
    assert native.refusal(data, quality=100, max_bytes=smallest - 1) == "no quality is small enough"
    fits = native.requantise(data, quality=100, max_bytes=smallest)
    assert fits is not None
    assert fits.quality == 1
