"""Strippers follow lengths and offsets that strangers wrote: whatever the bytes, they answer or refuse, and never run away."""

from __future__ import annotations

import io
import random
import struct
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from halve.codec.sniff import Kind
from halve.codec.strip import exif, least_left, strip
from halve.codec.strip import jpeg as jpeg_segments
from halve.codec.strip import tiff as tiff_tags
from halve.core.errors import ImageFailed
from tests.codec.test_animation import animation
from tests.codec.test_metadata import told
from tests.support.codec import outcome
from tests.support.photos import encoded, picture

KINDS = list(Kind)


@cache
def sample(kind: Kind) -> bytes:
    if kind is Kind.ICO:
        out = io.BytesIO()
        picture("coffee").resize((32, 32)).save(out, "ICO", sizes=[(16, 16), (32, 32)])
        return out.getvalue()
    return told(kind.value)


def assert_orderly(data: bytes, kind: Kind) -> None:
    least_left(data, kind) if data else 0
    out = outcome(lambda: strip(data, kind))
    if isinstance(out, ImageFailed):
        assert out.code == "damaged"
        assert str(out).startswith("damaged ")
    else:
        assert len(out) <= len(data) + 32  # a rewritten orientation may need a few more than a crippled one


@pytest.mark.parametrize("kind", KINDS)
def test_stripping_twice_changes_nothing_more(kind: Kind) -> None:
    once = strip(sample(kind), kind)

    assert strip(once, kind) == once


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data())
def test_any_bytes_after_a_right_beginning(kind: Kind, data: st.DataObject) -> None:
    start = sample(kind)[: data.draw(st.integers(0, 64))]

    assert_orderly(start + data.draw(st.binary(max_size=300)), kind)


@pytest.mark.parametrize("kind", KINDS)
@given(seed=st.integers(0, 2**32), count=st.integers(1, 20))
@settings(max_examples=150)
def test_any_bytes_changed(kind: Kind, seed: int, count: int) -> None:
    """Numbers near the start decide where everything is, so most changes are made there."""
    dice, data = random.Random(seed), bytearray(sample(kind))
    for _ in range(count):
        at = dice.randrange(min(len(data), dice.choice((64, 1024, len(data)))))
        data[at] = dice.choice((0, 1, 0x7F, 0x80, 0xFF, dice.randrange(256)))

    assert_orderly(bytes(data), kind)


@pytest.mark.parametrize("kind", KINDS)
@given(share=st.floats(0, 1))
def test_cut_short_anywhere(kind: Kind, share: float) -> None:
    data = sample(kind)

    assert_orderly(data[: int(len(data) * share)], kind)


def test_animations_too() -> None:
    for format in ("gif", "webp", "png"):
        data = animation(format, size=(24, 18))
        for end in range(0, len(data), 7):
            assert_orderly(data[:end], Kind(format))


@given(st.binary(max_size=80))
def test_any_exif_block_has_an_orientation_from_1_to_8(block: bytes) -> None:
    for start in (b"", b"II*\0\x08\0\0\0", b"MM\0*\0\0\0\x08"):
        assert 1 <= exif.orientation(start + block) <= 8


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_smallest_exif_block_says_its_orientation(orientation: int) -> None:
    assert exif.orientation(exif.minimal(orientation)) == orientation


def test_directories_that_point_at_one_another_come_to_an_end() -> None:
    """TIFF: the next directory is this one again; and one that claims sixty thousand entries."""
    entry = b"\x00\x01\x04\x00\x01\x00\x00\x00\x10\x00\x00\x00"
    loop = b"II*\0\x08\0\0\0" + b"\x01\x00" + entry + b"\x08\0\0\0"
    crowd = b"II*\0\x08\0\0\0" + b"\x60\xea" + entry * 60_000 + b"\x08\0\0\0"

    assert len(strip(loop, Kind.TIFF)) == len(loop)
    with pytest.raises(ImageFailed):
        strip(crowd, Kind.TIFF)


def test_lists_that_all_lie_in_one_place_come_to_an_end() -> None:
    """TIFF: a thousand tags, each a list of the whole file's length."""
    entry = struct.pack("<HHII", 0x0111, 4, 25_000, 8)
    data = b"II*\0\x08\0\0\0" + struct.pack("<H", 1000) + entry * 1000 + b"\0" * 100_000

    with pytest.raises(ImageFailed, match="share their numbers"):
        tiff_tags.layout(data)


def test_metadata_that_overlaps_the_picture_is_refused() -> None:
    """TIFF: a description that lies where the pixels are must not be blanked, and must not go out either."""
    data = bytearray(encoded(picture("coffee", width=40), "tiff", tiffinfo={270: "x" * 40}))
    file = tiff_tags._File(bytes(data))
    entries = {entry.tag: entry for entry in file.directory(file.first()).entries}
    pixels = file.integers(entries[273])[0]
    data[entries[270].at + 8 : entries[270].at + 12] = pixels.to_bytes(4, "little")

    with pytest.raises(ImageFailed, match="overlaps the picture"):
        strip(bytes(data), Kind.TIFF)


def test_stray_bytes_between_segments_of_a_jpeg_are_skipped() -> None:
    data = told("jpeg")
    at = data.index(b"\xff\xdb")

    assert strip(data[:at] + b"stray" + data[at:], Kind.JPEG) == strip(data, Kind.JPEG)


def test_what_a_jpeg_will_weigh_at_least_is_known_before() -> None:
    for format_data in (told("jpeg"), told("jpeg") + b"trailing", encoded(picture("coffee", width=100), progressive=True)):
        assert jpeg_segments.least_left(format_data) <= len(jpeg_segments.strip(format_data))
    assert jpeg_segments.least_left(told("jpeg")) == len(jpeg_segments.strip(told("jpeg")))
