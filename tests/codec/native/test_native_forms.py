"""Every form of JPEG comes through with its picture: read by libjpeg before and after, not one pixel differs.

At quality 100 no step is finer than the source's, so nothing is rounded.
"""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from halve.codec import native
from tests.support.jpeg_forms import Form, Picture, Scan, jpeg, progressive_script, with_ids
from tests.support.jpeg_reading import read
from tests.support.photos import photo
from tests.support.requantising import SAMPLINGS, small_picture


def pixels(data: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image)


def as_it_is(data: bytes) -> bytes:
    """Through the requantiser, nothing rounded."""
    answer = native.requantise(data, quality=100)
    assert answer is not None, native.refusal(data, quality=100)
    return answer.data


def assert_same_coefficients(data: bytes, wanted: Picture) -> None:
    got = read(data).picture
    assert (got.width, got.height) == (wanted.width, wanted.height)
    for ours, theirs in zip(got.components, wanted.components, strict=True):
        assert ours.steps == theirs.steps
        assert np.array_equal(ours.blocks, theirs.blocks)


def forms(components: int) -> dict[str, Form]:
    apart = tuple(Scan((i,)) for i in range(components))
    script = progressive_script
    return {
        "plain": Form(),
        "restarts": Form(restart=3),
        "a restart after every MCU": Form(restart=1),
        "a restart interval longer than the picture": Form(restart=60000),
        "codes of 16 bits": Form(codes="steep"),
        "fill bytes": Form(fill=3, restart=2),
        "components apart": Form(scans=apart),
        "components apart, restarts": Form(scans=apart, restart=5, fill=1),
        "steps of 16 bits": Form(wide_steps=True),
        "extended sequential": Form(frame_marker=0xC1),
        "bytes behind the end": Form(tail=b"\xff\xd8 another picture, and more"),
        "progressive": Form(progressive=True, scans=script(components)),
        "progressive, no refinement": Form(progressive=True, scans=script(components, low=0)),
        "progressive, four bits refined": Form(progressive=True, scans=script(components, low=4, split=20)),
        "progressive, restarts": Form(progressive=True, scans=script(components, low=2), restart=3),
        "progressive, codes of 16 bits": Form(progressive=True, scans=script(components), codes="steep"),
        "progressive, fill bytes": Form(progressive=True, scans=script(components), fill=2, restart=7),
    }


@pytest.mark.parametrize("sampling", SAMPLINGS)
@pytest.mark.parametrize("form", forms(3))
def test_every_form_in_every_sampling_keeps_its_picture(sampling: str, form: str) -> None:
    source = small_picture(sampling)
    data = jpeg(source, forms(len(source.components))[form])
    out = as_it_is(data)
    assert_same_coefficients(out, source)
    assert np.array_equal(pixels(out), pixels(data))


@pytest.mark.parametrize("components", [("luminance first", ((0,), (1, 2))), ("chrominance last", ((0, 1), (2,)))])
def test_scans_of_some_components_keep_their_picture(components: tuple[str, tuple[tuple[int, ...], ...]]) -> None:
    for sampling in ("4:4:4", "4:2:0", "chroma unlike"):
        source = small_picture(sampling, width=77, height=37)
        data = jpeg(source, Form(scans=tuple(Scan(some) for some in components[1]), restart=4))
        out = as_it_is(data)
        assert_same_coefficients(out, source)
        assert np.array_equal(pixels(out), pixels(data))


def test_progressive_dc_may_come_a_component_at_a_time() -> None:
    source = small_picture("4:2:0")
    script = [Scan((c,), (0, 0), (0, 1)) for c in range(3)]
    script += [Scan((c,), (1, 63)) for c in range(3)]
    script += [Scan((c,), (0, 0), (1, 0)) for c in (2, 0, 1)]
    data = jpeg(source, Form(progressive=True, scans=tuple(script)))
    out = as_it_is(data)
    assert_same_coefficients(out, source)
    assert np.array_equal(pixels(out), pixels(data))


@pytest.mark.parametrize("size", [(1, 1), (8, 8), (9, 8), (8, 9), (16, 16), (17, 17), (31, 3), (1, 70), (70, 1)])
@pytest.mark.parametrize("sampling", ["grey", "4:2:0", "4:1:1", "4:4:0"])
def test_every_size_keeps_its_picture(size: tuple[int, int], sampling: str) -> None:
    source = small_picture(sampling, width=size[0], height=size[1])
    count = len(source.components)
    for form in (
        Form(),
        Form(scans=tuple(Scan((i,)) for i in range(count))),
        Form(progressive=True, scans=progressive_script(count)),
    ):
        data = jpeg(source, form)
        out = as_it_is(data)
        assert_same_coefficients(out, source)
        assert np.array_equal(pixels(out), pixels(data))


@settings(max_examples=60)
@given(
    factors=st.lists(st.tuples(st.sampled_from([1, 2, 4]), st.sampled_from([1, 2, 4])), min_size=3, max_size=3),
    width=st.integers(1, 50),
    height=st.integers(1, 50),
    restart=st.integers(0, 5),
    low=st.integers(0, 3),
    split=st.integers(1, 62),
    progressive=st.booleans(),
    steep=st.booleans(),
)
def test_any_sampling_size_and_script_keeps_its_picture(
    factors: list[tuple[int, int]], width: int, height: int, restart: int, low: int, split: int, progressive: bool, steep: bool
) -> None:
    if sum(h * v for h, v in factors) > 10:
        return
    source = small_picture(factors, width=width, height=height)
    form = Form(
        progressive=progressive,
        scans=progressive_script(3, low=low, split=split) if progressive else (),
        restart=restart,
        codes="steep" if steep else "flat",
    )
    data = jpeg(source, form)
    out = as_it_is(data)
    assert_same_coefficients(out, source)
    assert np.array_equal(pixels(out), pixels(data))


@pytest.mark.parametrize("name", ["chelsea", "coffee", "rocket"])
@pytest.mark.parametrize(
    "save",
    [
        {},
        {"progressive": True},
        {"optimize": True},
        {"subsampling": 0},
        {"subsampling": 1},
        {"keep_rgb": True},
        {"restart_marker_rows": 1},
    ],
    ids=str,
)
def test_whole_photographs_keep_every_pixel(name: str, save: dict[str, Any]) -> None:
    data = photo(name, quality=83, **save)
    assert np.array_equal(pixels(as_it_is(data)), pixels(data))


def test_three_components_that_are_red_green_and_blue_by_name_stay_so() -> None:
    source = with_ids(small_picture("4:4:4"), b"RGB")
    data = jpeg(source)
    out = as_it_is(data)
    assert [component.id for component in read(out).picture.components] == list(b"RGB")
    assert np.array_equal(pixels(out), pixels(data))


def test_tables_redefined_between_scans_count_from_there_on() -> None:
    """Each scan of the reference writer has Huffman tables of its own; here a quantisation table changes between two as well."""
    source = small_picture("4:4:4", steps=[[3] * 64, [5] * 64, [5] * 64])
    data = jpeg(source, Form(scans=(Scan((0,)), Scan((1,)), Scan((2,)))))
    second_table = bytes([0xFF, 0xDB, 0, 67, 1]) + bytes([5] * 64)
    assert data.count(second_table) == 1
    late = data.replace(second_table, second_table[:5] + bytes([9] * 64))  # what stands there first is never used …
    at = late.index(b"\xff\xda", late.index(b"\xff\xda") + 2)
    late = late[:at] + second_table + late[at:]  # … since the right one comes before the second scan
    assert_same_coefficients(as_it_is(late), source)
    assert np.array_equal(pixels(as_it_is(late)), pixels(late))


def test_a_single_component_is_one_block_an_mcu_whatever_its_sampling_factors_say() -> None:
    source = small_picture("grey", width=45, height=30)
    plain = jpeg(source)
    frame = plain.index(b"\xff\xc0")
    odd = bytearray(plain)
    assert odd[frame + 11] == 0x11
    odd[frame + 11] = 0x22
    assert as_it_is(bytes(odd)) == as_it_is(plain)
    assert np.array_equal(pixels(as_it_is(bytes(odd))), pixels(bytes(odd)))
