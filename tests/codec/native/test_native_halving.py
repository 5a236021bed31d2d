"""Chroma of full resolution is halved by its coefficients, as by its pixels; and never where nothing would be won."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from halve.codec import native
from tests.codec.native.test_native_arithmetic import assert_requantised, at_quality
from tests.support.eyes import colour_distance, likeness
from tests.support.halving import is_halved
from tests.support.jpeg_forms import Blocks, Component, Form, Picture, Scan, jpeg, progressive_script, with_ids
from tests.support.jpeg_reading import read
from tests.support.photos import photo
from tests.support.requantising import small_picture

FULLER = ["4:4:4", "4:2:2", "4:4:0"]
WHOLE_FROM = 90
"""The quality from which chroma stays whole."""


def factors(data: bytes) -> list[tuple[int, int]]:
    return [(c.h, c.v) for c in read(data).picture.components]


def halved(data: bytes) -> bool:
    return factors(data) == [(2, 2), (1, 1), (1, 1)]


@settings(max_examples=40)
@given(st.sampled_from(FULLER), st.integers(1, 50), st.integers(1, 50), st.integers(1, 89), st.integers(0, 3))
def test_any_size_is_halved_as_by_its_pixels(sampling: str, width: int, height: int, quality: int, restart: int) -> None:
    source = small_picture(sampling, width=width, height=height, name="coffee")
    assert is_halved(source, quality)
    sequential = at_quality(jpeg(source, Form(restart=restart)), quality)
    assert_requantised(source, sequential, quality)
    assert at_quality(jpeg(source, Form(progressive=True, scans=progressive_script(3))), quality) == sequential
    assert at_quality(jpeg(source, Form(scans=tuple(Scan((i,)) for i in range(3)))), quality) == sequential
    assert at_quality(sequential, quality) == sequential


@settings(max_examples=12)
@given(st.data())
def test_coefficients_that_no_picture_has_do_no_harm(data: st.DataObject) -> None:
    """They are bounded on the way: what comes is whole, and means the same again."""
    columns, rows = data.draw(st.integers(1, 3)), data.draw(st.integers(1, 3))
    values = st.lists(st.one_of(st.just(0), st.sampled_from([-1023, 1023]), st.integers(-1023, 1023)), min_size=63, max_size=63)
    components = []
    for id in (1, 2, 3):
        blocks: Blocks = np.zeros((rows, columns, 64), dtype=np.int64)
        blocks[:, :, 0] = data.draw(st.integers(-1024, 1023))
        blocks[:, :, 1:] = data.draw(values)
        components.append(Component(id, 1, 1, (data.draw(st.integers(1, 255)),) * 63 + (1,), blocks))
    source = Picture(columns * 8, rows * 8, tuple(components))
    out = at_quality(jpeg(source), 50)
    assert factors(out)[0] == (2, 2)
    Image.open(io.BytesIO(out)).load()
    assert at_quality(out, 100) == out


@pytest.mark.parametrize("sampling", FULLER)
@pytest.mark.parametrize("quality", [90, 100])
def test_from_90_on_chroma_stays_whole(sampling: str, quality: int) -> None:
    source = small_picture(sampling)
    out = at_quality(jpeg(source), quality)
    assert factors(out) == [(c.h, c.v) for c in source.components]
    assert_requantised(source, out, quality)


@pytest.mark.parametrize("sampling", FULLER)
@pytest.mark.parametrize("max_bytes", [None, 10**6])
def test_chroma_stays_whole_at_any_quality_where_that_is_asked(sampling: str, max_bytes: int | None) -> None:
    source = small_picture(sampling)
    whole = native.requantise(jpeg(source), quality=50, max_bytes=max_bytes, whole=True)
    assert whole is not None
    assert factors(whole.data) == [(c.h, c.v) for c in source.components]
    for ours, halved in zip(
        read(whole.data).picture.components, read(at_quality(jpeg(source), 50)).picture.components, strict=True
    ):
        assert ours.steps == halved.steps


@pytest.mark.parametrize("sampling", FULLER)
def test_a_source_as_coarse_as_asked_loses_nothing(sampling: str) -> None:
    coarse = small_picture(sampling, steps=[[200] * 64, [210] * 64, [220] * 64])
    got = read(at_quality(jpeg(coarse), 50)).picture
    for ours, theirs in zip(got.components, coarse.components, strict=True):
        assert (ours.h, ours.v, ours.steps) == (theirs.h, theirs.v, theirs.steps)
        assert np.array_equal(ours.blocks, theirs.blocks)


@pytest.mark.parametrize(
    "source",
    [
        with_ids(small_picture("4:4:4"), b"RGB"),
        small_picture("chroma finer"),
        small_picture("chroma unlike"),
        small_picture("doubled 4:4:4"),
        small_picture("4:1:1"),
        small_picture("4:4:4", steps=[[3] * 64, [3] * 63 + [300], [3] * 64]),
    ],
    ids=["red, green and blue", "finer", "unlike", "doubled", "4:1:1", "steps of 16 bits"],
)
def test_what_is_not_plain_full_chroma_stays_as_it_is_sampled(source: Picture) -> None:
    assert factors(at_quality(jpeg(source), 50)) == [(c.h, c.v) for c in source.components]


@pytest.mark.parametrize("name", ["chelsea", "coffee", "rocket", "ihc"])
@pytest.mark.parametrize("save", [{"subsampling": 0}, {"subsampling": 1, "progressive": True}], ids=str)
def test_a_photograph_looks_as_from_libjpeg(name: str, save: dict[str, Any]) -> None:
    data = photo(name, quality=93, **save)
    theirs = io.BytesIO()
    Image.open(io.BytesIO(data)).save(theirs, "JPEG", quality=50)
    out = at_quality(data, 50)
    assert likeness(out, data) > likeness(theirs.getvalue(), data) - 0.01
    assert colour_distance(out, data) < 0.5
    assert len(out) < len(theirs.getvalue()) * 0.95


@pytest.mark.parametrize("share", [0.95, 0.8, 0.65, 0.5, 0.3, 0.1])
@pytest.mark.parametrize("save", [{"quality": 97}, {"quality": 91, "progressive": True}, {"quality": 60}], ids=str)
def test_a_bound_finds_the_best_quality_whether_that_halves_or_not(share: float, save: dict[str, Any]) -> None:
    data = photo("coffee", subsampling=0, **save)
    bound = int(len(data) * share)
    found = native.requantise(data, quality=100, max_bytes=bound)
    assert found is not None
    assert len(found.data) <= bound
    if found.quality >= WHOLE_FROM and halved(found.data):
        assert len(at_quality(data, WHOLE_FROM)) > bound
        return
    assert at_quality(data, found.quality) == found.data
    assert found.quality == 100 or len(at_quality(data, found.quality + 1)) > bound


@pytest.mark.parametrize("orientation", [1, 6])
@pytest.mark.parametrize("save", [{"subsampling": 0}, {"subsampling": 1, "progressive": True}], ids=str)
def test_what_is_too_narrow_for_whole_chroma_is_filled_with_finer_steps(orientation: int, save: dict[str, Any]) -> None:
    data = photo("coffee", width=480, quality=97, **save)
    bound = (len(at_quality(data, WHOLE_FROM)) + len(at_quality(data, WHOLE_FROM - 1))) // 2
    found = native.requantise(data, quality=100, max_bytes=bound, orientation=orientation)
    assert found is not None
    assert halved(found.data)
    assert found.quality >= WHOLE_FROM
    assert 0.9 * bound < len(found.data) <= bound


def test_an_asked_quality_bounds_those_finer_steps_too() -> None:
    data = photo("coffee", width=480, quality=97, subsampling=0)
    bound = len(at_quality(data, WHOLE_FROM)) - 1
    found = native.requantise(data, quality=WHOLE_FROM, max_bytes=bound)
    assert found is not None
    assert (found.quality, halved(found.data)) == (WHOLE_FROM, True)
