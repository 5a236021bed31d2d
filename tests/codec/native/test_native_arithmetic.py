"""Every coefficient is what exact fractions say it must be, and every step what the standard's tables say."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from halve.codec import native
from tests.support.halving import halved_chroma, is_halved, levels
from tests.support.jpeg_forms import Blocks, Component, Form, Picture, Scan, jpeg, progressive_script, with_ids
from tests.support.jpeg_reading import read
from tests.support.photos import photo
from tests.support.requantising import SAMPLINGS, dead_zone, requantised, small_picture, target_steps


def assert_requantised(source: Picture, out: bytes, quality: int, *, rgb: bool = False) -> None:
    got = read(out).picture
    assert (got.width, got.height) == (source.width, source.height)
    halved = is_halved(source, quality, rgb=rgb)
    for index, (ours, theirs) in enumerate(zip(got.components, source.components, strict=True)):
        luminance = rgb or index == 0
        steps = target_steps(theirs.steps, quality, luminance=luminance)
        zone = dead_zone(source, index, rgb=rgb)
        assert list(ours.steps) == steps
        if halved:
            assert (ours.h, ours.v) == ((2, 2) if index == 0 else (1, 1))
        else:
            assert (ours.h, ours.v) == (theirs.h, theirs.v)
        if halved and index > 0:
            assert_halved(source, index, ours, float(zone))
        else:
            assert np.array_equal(ours.blocks, requantised(theirs.blocks, theirs.steps, steps, zone))


def assert_halved(source: Picture, index: int, ours: Component, zone: float) -> None:
    """Rounded to whole frequencies first, which may err by a little more than half, and then to the new steps."""
    exact, steps = halved_chroma(source, index), list(ours.steps)
    assert ours.blocks.shape == exact.shape
    least, most = (levels(exact + margin, steps, zone) for margin in (-0.9, 0.9))
    assert (least <= ours.blocks).all()
    assert (ours.blocks <= most).all()
    otherwise = int((ours.blocks != levels(np.rint(exact), steps, zone)).sum())
    assert otherwise <= max(3, 0.02 * exact.size)  # of a block or two, a few may lie near a half


def at_quality(data: bytes, quality: int) -> bytes:
    answer = native.requantise(data, quality=quality)
    assert answer is not None, native.refusal(data, quality=quality)
    assert answer.quality == quality
    return answer.data


@pytest.mark.parametrize("sampling", SAMPLINGS)
@pytest.mark.parametrize("quality", [1, 20, 50, 75, 96])
def test_coefficients_are_rounded_to_the_new_steps(sampling: str, quality: int) -> None:
    source = small_picture(sampling)
    count = len(source.components)
    sequential = at_quality(jpeg(source), quality)
    assert_requantised(source, sequential, quality)
    assert at_quality(jpeg(source, Form(progressive=True, scans=progressive_script(count))), quality) == sequential
    assert at_quality(jpeg(source, Form(scans=tuple(Scan((i,)) for i in range(count)), restart=3)), quality) == sequential


@pytest.mark.parametrize("quality", range(1, 101))
def test_every_quality_has_the_luminance_steps_that_libjpeg_gives_it_and_chroma_no_coarser(quality: int) -> None:
    source = small_picture("4:2:0", width=16, height=16, steps=[[1] * 64] * 3)
    reference = io.BytesIO()
    Image.new("RGB", (16, 16)).save(reference, "JPEG", quality=quality)
    theirs = read(reference.getvalue()).picture.components
    ours = read(at_quality(jpeg(source), quality)).picture.components
    assert ours[0].steps == theirs[0].steps
    for mine, other in zip(ours[1:], theirs[1:], strict=True):
        assert all(a <= b for a, b in zip(mine.steps, other.steps, strict=True))
        assert mine.steps[0] < other.steps[0] or not 1 < quality < 96


@pytest.mark.parametrize("form", [Form(), Form(progressive=True, scans=progressive_script(3))])
@pytest.mark.parametrize("quality", [10, 50, 80])
def test_smooth_halves_the_dc_steps_of_luminance_and_nothing_else(quality: int, form: Form) -> None:
    data = jpeg(small_picture("4:2:0", steps=[[1] * 64] * 3), form)
    plain, smooth = (
        read(answer.data).picture.components
        for answer in (native.requantise(data, quality=quality, smooth=smooth) for smooth in (False, True))
        if answer is not None
    )
    assert smooth[0].steps[0] == (plain[0].steps[0] + 1) // 2
    assert smooth[0].steps[1:] == plain[0].steps[1:]
    assert [one.steps for one in smooth[1:]] == [one.steps for one in plain[1:]]
    assert np.array_equal(smooth[0].blocks[..., 1:], plain[0].blocks[..., 1:])
    bounded = native.requantise(data, quality=quality, max_bytes=10**9, smooth=True)
    assert bounded is not None
    assert read(bounded.data).picture.components[0].steps == smooth[0].steps


@settings(max_examples=80)
@given(st.data())
def test_any_coefficients_at_any_steps_are_rounded_exactly(data: st.DataObject) -> None:
    quality = data.draw(st.integers(1, 100))
    steps = data.draw(st.lists(st.integers(1, 255), min_size=64, max_size=64))
    values = st.one_of(st.just(0), st.integers(-3, 3), st.integers(-1023, 1023))
    columns = data.draw(st.integers(1, 3))
    blocks: Blocks = np.zeros((1, columns, 64), dtype=np.int64)
    for column in range(columns):
        blocks[0, column, 0] = data.draw(st.integers(-1024, 1023))
        blocks[0, column, 1:] = data.draw(st.lists(values, min_size=63, max_size=63))
    source = Picture(columns * 8, 8, (Component(1, 1, 1, tuple(steps), blocks),))
    form = data.draw(st.sampled_from([Form(), Form(codes="steep"), Form(progressive=True, scans=progressive_script(1, low=2))]))
    assert_requantised(source, at_quality(jpeg(source, form), quality), quality)


def test_every_magnitude_is_rounded_exactly_at_every_ratio() -> None:
    """All magnitudes of a coefficient against all steps that quality 50 makes of a source's step of 7, and ties among them."""
    blocks: Blocks = np.zeros((1, 1024, 64), dtype=np.int64)
    for column in range(1024):
        blocks[0, column, 1:] = column if column % 2 else -column
    blocks[0, :, 0] = np.arange(-1024, 1024, 2)
    blocks[0, 0, 1:] = 1023
    for step in (3, 6, 7, 10):
        source = Picture(8192, 8, (Component(1, 1, 1, (step,) * 64, blocks),))
        assert_requantised(source, at_quality(jpeg(source), 50), 50)


def test_a_source_coarser_than_asked_stays_as_it_is() -> None:
    source = small_picture("4:2:0", steps=[[200] * 64, [210] * 64, [220] * 64])
    got = read(at_quality(jpeg(source), 50)).picture
    for ours, theirs in zip(got.components, source.components, strict=True):
        assert ours.steps == theirs.steps
        assert np.array_equal(ours.blocks, theirs.blocks)


def test_steps_beyond_8_bits_stay_and_are_no_longer_called_baseline() -> None:
    steps = [300] + [40] * 62 + [65535]
    source = small_picture("grey", steps=[steps])
    out = read(at_quality(jpeg(source, Form(wide_steps=True)), 50))
    assert_requantised(source, at_quality(jpeg(source, Form(wide_steps=True)), 50), 50)
    assert [marker for marker, _ in out.segments if 0xC0 <= marker <= 0xC2] == [0xC1]


def test_steps_that_come_to_8_bits_are_written_in_8() -> None:
    out = read(at_quality(jpeg(small_picture("4:2:0"), Form(wide_steps=True)), 50))
    assert [len(payload) for payload in out.payloads(0xDB)] == [65, 65]
    assert out.payloads(0xC0)


def test_components_with_tables_of_their_own_keep_them_apart() -> None:
    source = small_picture("4:4:4", steps=[[30] * 64, [150] * 64, [170] * 64])
    out = at_quality(jpeg(source), 50)
    assert_requantised(source, out, 50)
    assert len(read(out).payloads(0xDB)) == 3


def test_red_green_and_blue_all_go_by_the_luminance_table() -> None:
    source = with_ids(small_picture("4:4:4"), b"RGB")
    assert_requantised(source, at_quality(jpeg(source), 50), 50, rgb=True)
    adobe = b"\xff\xee\x00\x0eAdobe\x00\x64\x00\x00\x00\x00\x00"
    flagged = small_picture("4:4:4")
    assert_requantised(flagged, at_quality(jpeg(flagged, Form(segments=(adobe,))), 50), 50, rgb=True)


def test_jfif_says_ycbcr_whatever_else_is_said() -> None:
    adobe = b"\xff\xee\x00\x0eAdobe\x00\x64\x00\x00\x00\x00\x00"
    jfif = b"\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00"
    source = small_picture("4:4:4")
    assert_requantised(source, at_quality(jpeg(source, Form(segments=(jfif, adobe))), 50), 50)


def test_codes_are_no_longer_than_16_bits_however_rare_the_symbols() -> None:
    """Frequencies like Fibonacci's numbers make the deepest of trees: without a limit, the rarest would take 18 bits."""
    numbers = [1, 2]
    while len(numbers) < 18:
        numbers.append(numbers[-1] + numbers[-2])
    rows = -(-sum(numbers) // 128)
    blocks: Blocks = np.zeros((rows * 128, 64), dtype=np.int64)
    start = 0
    for symbol, times in enumerate(numbers):
        run, size = symbol % 10, symbol // 10 + 1
        blocks[start : start + times, 1 + run] = 1 << (size - 1)
        start += times
    source = Picture(1024, rows * 8, (Component(1, 1, 1, (9,) * 64, blocks.reshape(rows, 128, 64)),))
    out = read(at_quality(jpeg(source), 100))
    assert np.array_equal(out.picture.components[0].blocks, source.components[0].blocks)
    ac_code = out.payloads(0xC4)[0][17 + sum(out.payloads(0xC4)[0][1:17]) :][1:17]
    assert ac_code[15] > 0
    assert sum(count << (16 - length) for length, count in enumerate(ac_code, 1)) < 1 << 16  # not all ones is left


@pytest.mark.parametrize("name", ["astronaut", "coffee", "retina"])
def test_codes_are_as_good_as_libjpeg_s_optimal_ones(name: str) -> None:
    optimised = photo(name, quality=80, optimize=True)
    scan = optimised[optimised.index(b"\xff\xda") :]
    ours = at_quality(optimised, 100)
    assert abs(len(ours[ours.index(b"\xff\xda") :]) / len(scan) - 1) < 0.0005
    assert len(ours) <= len(optimised)


@pytest.mark.parametrize("save", [{}, {"progressive": True}, {"subsampling": 0}], ids=str)
def test_a_photograph_at_quality_50_looks_as_from_libjpeg_and_is_smaller(save: dict[str, Any]) -> None:
    data = photo("astronaut", quality=92, **save)
    out = at_quality(data, 50)
    source = np.asarray(Image.open(io.BytesIO(data)), dtype=float)
    again = io.BytesIO()
    Image.open(io.BytesIO(data)).save(again, "JPEG", quality=50)
    ours = np.abs(np.asarray(Image.open(io.BytesIO(out)), dtype=float) - source).mean()
    theirs = np.abs(np.asarray(Image.open(again), dtype=float) - source).mean()
    assert ours < theirs * 1.03
    assert len(out) < len(again.getvalue()) * 0.97
