"""The short way of a JPEG, which loads no image library: what it takes comes out as the long way would have made it."""

from __future__ import annotations

import random
import struct
from pathlib import Path

import pytest

from halve.codec import CodecPool, native
from halve.codec.longway import long_way
from halve.codec.shortway import short_way
from halve.codec.sniff import Kind
from halve.codec.strip import exif, jpeg
from halve.core.compressed import Compressed
from halve.core.errors import ImageFailed
from halve.core.options import MaxBytes, Options
from tests.support.codec import MAX_PIXELS, Held, children, outcome
from tests.support.photos import photo

pytestmark = pytest.mark.skipif(not native.available(), reason="the requantiser was not built")

PHOTO = photo("coffee", width=40)


def with_exif(data: bytes, *blocks: bytes) -> bytes:
    segments = (b"\xff\xe1" + struct.pack(">H", 8 + len(block)) + b"Exif\0\0" + block for block in blocks)
    return data[:2] + b"".join(segments) + data[2:]


def little(orientation: int, kind: int = 3, count: int = 1) -> bytes:
    """As `exif.minimal`, in the other byte order, and perhaps odd."""
    return struct.pack("<2sHIHHHIHHI", b"II", 42, 8, 1, 0x0112, kind, count, orientation, 0, 0)


def short(data: bytes, options: Options = Options()) -> Compressed | ImageFailed | None:  # noqa: B008 - it cannot be changed
    return outcome(lambda: short_way(data, options, max_pixels=MAX_PIXELS))


def long(data: bytes, options: Options = Options()) -> Compressed | ImageFailed:  # noqa: B008
    return outcome(lambda: long_way(data, Kind.JPEG, options, max_pixels=MAX_PIXELS))


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="there is no way to see what a process has loaded")
async def test_a_child_loads_the_image_library_for_the_first_picture_that_needs_it(pool: CodecPool) -> None:
    await pool.compress(Held(photo("coffee", width=240)), Options())
    (child,) = children()
    before = Path(f"/proc/{child.pid}/maps").read_text()
    await pool.compress(Held(photo("coffee", width=240, format="png")), Options())
    after = Path(f"/proc/{child.pid}/maps").read_text()

    assert "_requantiser" in before
    assert "libvips" not in before
    assert "libvips" in after


ODD = (0, 1, 2, 3, 6, 8, 0x11, 0x21, 0xE1, 0xFF)
SEEDS = (
    PHOTO,
    photo("coffee", width=40, progressive=True),
    with_exif(PHOTO, exif.minimal(1)),
    with_exif(PHOTO, little(1)),
    with_exif(PHOTO, exif.minimal(6)),
    with_exif(PHOTO, exif.minimal(1), exif.minimal(6)),
)


@pytest.mark.parametrize("options", [Options(), Options(max_bytes=MaxBytes(share=0.6))], ids=lambda options: str(options.words()))
@pytest.mark.parametrize("seed", range(len(SEEDS)))
def test_whatever_happened_to_its_header_both_ways_agree(seed: int, options: Options) -> None:
    """What the short way takes, that is; most of what is broken it leaves."""
    chance, taken = random.Random(seed), 0
    for _ in range(400):
        data = bytearray(SEEDS[seed])
        data[chance.randrange(3, data.find(b"\xff\xda") + 14)] = chance.choice(
            (0, 1, 2, 3, 6, 8, 17, 0x21, 0xE1, 0xFF, chance.randrange(256))
        )
        made = short(bytes(data), options)
        if made is not None:
            taken += 1
            assert made == long(bytes(data), options)

    assert taken > 50 or seed >= 4


@pytest.mark.parametrize(
    ("blocks", "upright"),
    [
        ((exif.minimal(1),), True),
        ((little(1),), True),
        ((b"MM\0*\0\0\0\x08\0\0",), True),
        ((b"nothing of the kind",), True),
        ((exif.minimal(6),), False),
        ((little(3),), False),
        ((exif.minimal(1), exif.minimal(8)), False),
        ((little(1, kind=4),), False),  # some would read it, some would not
        ((little(1, count=2),), False),
        ((b"no TIFF header" + exif.minimal(6)[8:],), False),
        ((b"\x01\x12\0" + exif.minimal(5)[8:],), False),
        ((exif.minimal(6)[:14],), False),
    ],
)
def test_what_might_be_turned_is_left_to_the_long_way(blocks: tuple[bytes, ...], upright: bool) -> None:
    data = with_exif(PHOTO, *blocks)

    assert jpeg.lies_upright(data) == upright
    assert (short(data) is not None) == upright


@pytest.mark.parametrize("data", [PHOTO[:2], PHOTO[:30], PHOTO[:2] + b"\xff\xd9", PHOTO[:20] + b"\xff\xe0\xff\xff"])
def test_a_header_that_cannot_be_followed_is_left_to_the_long_way(data: bytes) -> None:
    assert not jpeg.lies_upright(data)
    assert short(data) is None


def test_more_pixels_than_allowed_are_left_to_the_long_way() -> None:
    assert short_way(PHOTO, Options(), max_pixels=40 * 26) is None
    assert short_way(PHOTO, Options(), max_pixels=40 * 27) is not None


BOUNDS = [MaxBytes(share=share) for share in (0.02, 0.3, 0.5, 0.97, 1.0)] + [MaxBytes(count=count) for count in (1, 700, 10**6)]


@pytest.mark.parametrize("quality", [None, 50, 90, 100])
@pytest.mark.parametrize("bound", BOUNDS, ids=str)
def test_within_a_bound_both_ways_agree(bound: MaxBytes, quality: int | None) -> None:
    """What is small enough as it is, or cannot be made so small, is left to the long way."""
    options = Options(max_bytes=bound, quality=quality)
    for subsampling in (0, 2):
        data = photo("coffee", width=160, quality=95, subsampling=subsampling)
        made = short(data, options)
        if made is not None:
            assert made == long(data, options)

        may_stay, hopeless = quality is None and bound.of(len(data)) >= len(data) * 0.97, bound.of(len(data)) < len(data) * 0.03
        assert (made is None) == (may_stay or hopeless)
