"""Files made to do harm: bombs, lies about sizes, two kinds in one. All of them through the pool, which must survive."""

from __future__ import annotations

import io
import struct
import zlib

import pytest
from PIL import Image

from halve.codec import CodecPool
from halve.codec.strip import png
from halve.core.compressed import Compressed
from halve.core.errors import CodecCrashed, ImageFailed
from halve.core.options import Options
from tests.support.codec import Held, compressed
from tests.support.photos import encoded, photo, picture


async def refused(pool: CodecPool, data: bytes) -> ImageFailed:
    with pytest.raises(ImageFailed) as refusal:
        await pool.compress(Held(data), Options())
    assert not isinstance(refusal.value, CodecCrashed)
    assert (await pool.compress(Held(photo("chelsea", width=40)), Options())).width == 40
    return refusal.value


async def attempted(pool: CodecPool, data: bytes) -> Compressed | ImageFailed:
    """What came of it, a crash excepted."""
    try:
        return await pool.compress(Held(data), Options())
    except CodecCrashed:
        raise
    except ImageFailed as failure:
        return failure


def png_claiming(width: int, height: int, *, depth: int = 8, colour: int = 2, pixels: bytes = b"\0" * 64) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    return png.SIGNATURE + png.chunk(b"IHDR", header) + png.chunk(b"IDAT", zlib.compress(pixels)) + png.chunk(b"IEND", b"")


async def test_a_bomb_of_a_png_is_never_decoded(pool: CodecPool) -> None:
    """30,000 by 30,000 pixels in a hundred kilobytes."""
    rows = zlib.compressobj()
    packed = b"".join(rows.compress(b"\0" * (1 + 30_000 // 8)) for _ in range(30_000)) + rows.flush()
    header = struct.pack(">IIBBBBB", 30_000, 30_000, 1, 0, 0, 0, 0)
    bomb = png.SIGNATURE + png.chunk(b"IHDR", header) + png.chunk(b"IDAT", packed) + png.chunk(b"IEND", b"")

    failure = await refused(pool, bomb)

    assert failure.code == "too_many_pixels"
    assert str(failure) == "30000 × 30000 pixels, more than 100 million"


async def test_a_bomb_of_a_gif_is_never_decoded(pool: CodecPool) -> None:
    """A small first frame, and three hundred more on a screen of 2,000 by 2,000."""
    frame = b"\x2c" + struct.pack("<HHHHB", 0, 0, 1, 1, 0) + b"\x02\x02\x44\x01\x00"
    bomb = b"GIF89a" + struct.pack("<HHBBB", 2000, 2000, 0xF0, 0, 0) + b"\0\0\0\xff\xff\xff" + frame * 300 + b"\x3b"

    failure = await refused(pool, bomb)

    assert failure.code == "too_many_pixels"
    assert "in 300 frames" in str(failure)


@pytest.mark.parametrize(
    ("width", "height", "code"),
    [
        (2**31 - 1, 2**31 - 1, None),
        (0, 10, "damaged"),
        (10, 0, "damaged"),
        (2**32 - 1, 1, None),
        (65_535, 65_535, "too_many_pixels"),
    ],
)
async def test_a_png_that_lies_about_its_size(pool: CodecPool, width: int, height: int, code: str | None) -> None:
    failure = await refused(pool, png_claiming(width, height))

    assert failure.code == code or (code is None and failure.code in {"damaged", "too_many_pixels"})


async def test_a_png_larger_than_its_pixels_is_damaged(pool: CodecPool) -> None:
    assert (await refused(pool, png_claiming(5000, 5000))).code == "damaged"


@pytest.mark.parametrize(("width", "height"), [(65_500, 65_500), (1, 65_500), (60_000, 1)])
async def test_a_jpeg_that_lies_about_its_size(pool: CodecPool, width: int, height: int) -> None:
    data = bytearray(photo("coffee", width=64))
    at = data.index(b"\xff\xc0")
    data[at + 5 : at + 9] = struct.pack(">HH", height, width)

    assert (await refused(pool, bytes(data))).code in {"too_many_pixels", "damaged"}


async def test_a_bmp_that_lies_about_its_size(pool: CodecPool) -> None:
    data = bytearray(photo("coffee", width=64, format="bmp"))
    data[18:26] = struct.pack("<ii", 50_000, 50_000)

    assert (await refused(pool, bytes(data))).code == "too_many_pixels"


async def test_a_webp_that_lies_about_its_size(pool: CodecPool) -> None:
    data = bytearray(encoded(picture("coffee", width=64), "webp", lossless=True, exif=b"Exif\0\0MM\0*\0\0\0\x08\0\0\0\0\0\0"))
    at = data.index(b"VP8X")
    data[at + 12 : at + 18] = b"\xff\x3f\0\xff\x3f\0"  # 16,384 by 16,384

    assert (await refused(pool, bytes(data))).code in {"too_many_pixels", "damaged"}


async def test_an_icon_that_claims_sixty_thousand_pictures(pool: CodecPool) -> None:
    entry = struct.pack("<BBBBHHII", 16, 16, 0, 0, 1, 32, 40, 22)
    data = b"\0\0\1\0" + struct.pack("<H", 60_000) + entry * 3

    assert (await refused(pool, data)).code == "damaged"


async def test_a_bomb_within_an_icon_is_never_decoded(pool: CodecPool) -> None:
    inner = png_claiming(20_000, 20_000)
    data = b"\0\0\1\0\1\0" + struct.pack("<BBBBHHII", 0, 0, 0, 0, 1, 32, len(inner), 22) + inner

    assert (await refused(pool, data)).code in {"too_many_pixels", "damaged"}


async def test_a_tiff_that_claims_a_strip_beyond_its_end(pool: CodecPool) -> None:
    data = bytearray(photo("coffee", width=64, format="tiff"))

    assert (await refused(pool, bytes(data[: len(data) - 500]))).code == "damaged"


async def test_a_picture_that_is_a_page_too_stays_a_picture_without_the_page(pool: CodecPool) -> None:
    """GIF and HTML in one: the page must not be handed out from our own address."""
    page = b"<html><script>alert(1)</script></html>"
    gif = encoded(picture("coffee", width=32), "gif")

    done = await pool.compress(Held(gif + page), Options())

    assert b"script" not in done.data
    assert done.format == "gif"


async def test_a_picture_with_an_archive_behind_it_loses_the_archive(pool: CodecPool) -> None:
    for format in ("jpeg", "png", "gif", "webp"):
        data = photo("coffee", width=32, format=format) + b"PK\x03\x04" + b"evil" * 100

        done = await pool.compress(Held(data), Options())

        assert b"evil" not in done.data


async def test_a_million_pixels_may_be_bounded_lower() -> None:
    data = photo("coffee")  # 600 by 400

    with pytest.raises(ImageFailed, match="600 × 400 pixels, more than 239,999") as refusal:
        compressed(data, max_pixels=239_999)

    assert refusal.value.code == "too_many_pixels"
    assert compressed(data, max_pixels=240_000).width == 600


def test_sixteen_bits_count_for_what_they_weigh() -> None:
    from tests.codec.test_colour import sixteen_bits

    with pytest.raises(ImageFailed, match="240 × 160 pixels of 6 bytes"):
        compressed(sixteen_bits("RGB"), max_pixels=240 * 160)


async def test_an_endless_comment_in_a_png_is_no_harm(pool: CodecPool) -> None:
    """zTXt of a few kilobytes that unpacks to a gigabyte is skipped, not unpacked."""
    packer = zlib.compressobj(9)
    packed = b"".join(packer.compress(b"\0" * 1_000_000) for _ in range(300)) + packer.flush()
    data = photo("coffee", width=64, format="png")
    bomb = data[:33] + png.chunk(b"zTXt", b"Comment\0\0" + packed) + data[33:]

    done = await attempted(pool, bomb)

    assert isinstance(done, ImageFailed) or len(done.data) < 20_000


async def test_a_huge_profile_is_no_harm(pool: CodecPool) -> None:
    out = io.BytesIO()
    picture("coffee", width=64).save(out, "PNG", icc_profile=b"\0" * 20_000_000)

    done = await attempted(pool, out.getvalue())

    assert isinstance(done, ImageFailed) or Image.open(io.BytesIO(done.data)).size == (64, 43)
