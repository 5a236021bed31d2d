"""Colours stay what they were: profiles travel along, CMYK becomes RGB, gamma is honoured, 16 bits become 8 where they must."""

from __future__ import annotations

import struct
import zlib

import numpy as np
import pytest
import pyvips
from PIL import Image

from halve.codec.strip import png
from tests.support.codec import compressed, info, opened
from tests.support.eyes import colour_distance, likeness
from tests.support.photos import encoded, photo, picture
from tests.support.profiles import SWAPPED, WIDE, grey_profile, rgb_profile


@pytest.mark.parametrize("source", ["jpeg", "png", "webp", "tiff", "avif"])
@pytest.mark.parametrize("wanted", ["keep", "jpeg", "png", "webp", "avif"])
def test_a_colour_profile_travels_along(source: str, wanted: str) -> None:
    profile = rgb_profile(SWAPPED)
    data = photo("coffee", width=240, format=source, quality=95, icc_profile=profile)

    done = compressed(data, format=wanted)

    assert info(done.data).get("icc_profile") == profile
    assert likeness(done.data, data) > 0.7
    assert colour_distance(done.data, data) < 3


@pytest.mark.parametrize("format", ["jpeg", "png", "webp", "tiff", "avif"])
def test_a_kept_original_has_its_profile(format: str) -> None:
    profile = rgb_profile(WIDE)
    data = photo("coffee", width=200, format=format, icc_profile=profile)

    done = compressed(data, max_bytes="100%")

    assert done.kept
    assert info(done.data).get("icc_profile") == profile


@pytest.mark.parametrize("wanted", ["keep", "jpeg", "png", "webp", "avif"])
def test_grey_with_a_profile_of_grey_looks_the_same_everywhere(wanted: str) -> None:
    data = encoded(picture("chelsea", width=240).convert("L"), "png", icc_profile=grey_profile(1.0))

    done = compressed(data, format=wanted, quality="85")

    assert colour_distance(done.data, data) < 4
    assert likeness(done.data, data) > 0.8


@pytest.mark.parametrize("wanted", ["keep", "png", "webp", "avif"])
def test_cmyk_without_a_profile_looks_as_in_a_browser(wanted: str) -> None:
    data = encoded(picture("coffee", width=300).convert("CMYK"), "jpeg", quality=95)

    done = compressed(data, format=wanted)

    assert opened(done.data).convert("RGB").mode == "RGB"
    assert opened(done.data).mode != "CMYK"
    assert colour_distance(done.data, picture("coffee", width=300)) < 3
    assert likeness(done.data, picture("coffee", width=300)) > 0.75


def cmyk_profile() -> bytes:
    """The profile that libvips carries for want of a better one."""
    return bytes(pyvips.Image.profile_load("cmyk"))


@pytest.mark.parametrize("format", ["jpeg", "tiff"])
def test_cmyk_with_a_profile_goes_through_it(format: str) -> None:
    inks = pyvips.Image.new_from_buffer(photo("coffee", width=300, format="png"), "").icc_transform("cmyk")
    save = inks.jpegsave_buffer(Q=95) if format == "jpeg" else inks.tiffsave_buffer(compression="lzw")
    data = bytes(save)
    assert info(data)["icc_profile"] == cmyk_profile()

    done = compressed(data, format="jpeg", quality="80")

    assert opened(done.data).mode == "RGB"
    assert "icc_profile" not in info(done.data)
    assert colour_distance(done.data, data) < 6
    assert likeness(done.data, data) > 0.8


def test_cmyk_tiff_without_a_profile_is_read() -> None:
    data = encoded(picture("coffee", width=300).convert("CMYK"), "tiff")

    assert colour_distance(compressed(data).data, picture("coffee", width=300)) < 3


def test_a_broken_profile_does_no_harm() -> None:
    data = photo("coffee", width=240, icc_profile=b"this is no profile" * 20)

    assert likeness(opened(compressed(data, format="webp").data).convert("RGB"), picture("coffee", width=240)) > 0.75


def test_a_broken_profile_of_cmyk_does_no_harm() -> None:
    data = encoded(picture("coffee", width=240).convert("CMYK"), "jpeg", icc_profile=b"this is no profile" * 20)

    assert colour_distance(compressed(data).data, picture("coffee", width=240)) < 3


def with_gamma(image: Image.Image, gamma: float) -> bytes:
    """A PNG whose gAMA chunk says that samples are light to the power of `gamma`."""
    return png.with_colour(encoded(image, "png"), {b"gAMA": struct.pack(">I", round(gamma * 100_000))})


def in_linear_light() -> Image.Image:
    """Coffee, its samples as light is measured: far too dark wherever nobody heeds what the file says of them."""
    return picture("coffee", width=240).point([round(255 * (level / 255) ** 2.2) for level in range(256)] * 3)


@pytest.mark.parametrize("wanted", ["keep", "webp"])
@pytest.mark.parametrize("code", [(12, 13), (9, 16)], ids=["Display P3", "HDR"])
def test_a_png_whose_colours_only_a_code_describes_is_handed_out_as_it_is(code: tuple[int, int], wanted: str) -> None:
    data = png.with_colour(photo("coffee", width=240, format="png"), {b"cICP": bytes((*code, 0, 1))})

    done = compressed(data, format=wanted)

    assert (done.kept, done.format) == (True, "png")
    assert png.colour_code(done.data) == code


@pytest.mark.parametrize("colour", [{b"cICP": bytes((1, 13, 0, 1))}, {b"cICP": bytes((12, 13, 0, 1)), b"iCCP": b""}], ids=len)
def test_a_code_that_says_nothing_new_is_no_obstacle(colour: dict[bytes, bytes]) -> None:
    data = photo("coffee", width=240, format="png", icc_profile=rgb_profile(WIDE) if b"iCCP" in colour else None)
    data = png.with_colour(data, {**png.colour_chunks(data), b"cICP": colour[b"cICP"]})

    assert compressed(data, format="webp").format == "webp"


def test_the_gamma_of_a_png_stays_in_it() -> None:
    data = with_gamma(picture("coffee", width=240), 1.0)

    done = compressed(data)

    assert info(done.data)["gamma"] == 1.0


@pytest.mark.parametrize("wanted", ["jpeg", "webp", "avif"])
def test_the_gamma_of_a_png_is_worked_in_where_it_cannot_be_said(wanted: str) -> None:
    data = with_gamma(in_linear_light(), 1.0)

    done = compressed(data, format=wanted, quality="90")

    assert colour_distance(done.data, picture("coffee", width=240)) < 4


@pytest.mark.parametrize("stronger", [{b"sRGB": b"\0"}, {b"cICP": bytes((1, 13, 0, 1))}], ids=["sRGB", "cICP"])
def test_the_gamma_of_a_png_means_nothing_beside_a_stronger_word(stronger: dict[bytes, bytes]) -> None:
    image = picture("coffee", width=240)
    data = png.with_colour(encoded(image, "png"), {b"gAMA": struct.pack(">I", 100_000), **stronger})

    assert colour_distance(compressed(data, format="webp", quality="90").data, image) < 3


def test_of_several_gammas_of_a_png_the_first_counts() -> None:
    """As in libpng, and so in every viewer."""
    data = with_gamma(in_linear_light(), 1.0)
    data = data[:49] + png.chunk(b"gAMA", struct.pack(">I", 45455)) + data[49:]

    for wanted in ("webp", "png"):
        done = compressed(data, format=wanted, quality="85")

        seen = compressed(done.data, format="webp", quality="95").data if wanted == "png" else done.data
        assert colour_distance(seen, picture("coffee", width=240)) < 4


@pytest.mark.parametrize("colour", [{b"gAMA": b"\0\1"}, {b"gAMA": struct.pack(">I", 0)}], ids=["short", "zero"])
def test_a_gamma_that_is_none_means_nothing(colour: dict[bytes, bytes]) -> None:
    image = picture("coffee", width=240)
    data = png.with_colour(encoded(image, "png"), colour)

    assert colour_distance(compressed(data, format="webp", quality="90").data, image) < 3


def test_an_srgb_chunk_that_is_none_does_not_hide_the_gamma() -> None:
    data = png.with_colour(encoded(in_linear_light(), "png"), {b"gAMA": struct.pack(">I", 100_000), b"sRGB": b"\x09"})

    assert colour_distance(compressed(data, format="webp", quality="90").data, picture("coffee", width=240)) < 4


DISPLAY_P3 = struct.pack(">8I", 31270, 32900, 68000, 32000, 26500, 69000, 15000, 6000)
NONSENSE = struct.pack(">8I", *range(8)), struct.pack(">8I", *[33333] * 8), bytes(32), b"\0"


@pytest.mark.parametrize("wanted", ["jpeg", "webp", "avif"])
@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P"])
def test_the_primaries_of_a_png_are_worked_in_where_they_cannot_be_said(mode: str, wanted: str) -> None:
    image = picture("coffee", width=240)
    seen_by_its_profile = photo("coffee", width=240, format="png", icc_profile=rgb_profile(WIDE))
    plain = encoded(image.quantize() if mode == "P" else image.convert(mode), "png")
    data = png.with_colour(plain, {b"gAMA": struct.pack(">I", 45455), b"cHRM": DISPLAY_P3})

    done = compressed(data, format=wanted, quality="90")

    assert colour_distance(done.data, seen_by_its_profile) < 4 < colour_distance(image, seen_by_its_profile)
    assert likeness(done.data, seen_by_its_profile) > 0.85


@pytest.mark.parametrize("primaries", NONSENSE, ids=range(4))
def test_primaries_that_are_none_mean_nothing(primaries: bytes) -> None:
    image = picture("coffee", width=240)
    data = png.with_colour(encoded(image, "png"), {b"gAMA": struct.pack(">I", 45455), b"cHRM": primaries})

    assert colour_distance(compressed(data, format="webp", quality="90").data, image) < 3


def sixteen_bits(mode: str) -> bytes:
    """A PNG of 16 bits a sample, with detail in the lower ones."""
    pixels = np.asarray(picture("coffee", width=240).convert(mode), dtype=np.uint16) * 257
    pixels += np.arange(pixels.shape[1], dtype=np.uint16).reshape(1, -1, *[1] * (pixels.ndim - 2)) % 200
    made = pyvips.Image.new_from_array(pixels)
    return bytes(made.copy(interpretation="grey16" if mode == "L" else "rgb16").pngsave_buffer(compression=1))


@pytest.mark.parametrize("mode", ["L", "RGB"])
@pytest.mark.parametrize("wanted", ["keep", "jpeg", "webp", "avif"])
def test_sixteen_bits_become_eight_and_look_the_same(mode: str, wanted: str) -> None:
    done = compressed(sixteen_bits(mode), format=wanted)

    reference = picture("coffee", width=240).convert(mode)
    assert likeness(done.data, reference) > 0.75
    assert colour_distance(done.data, reference) < 3


def test_sixteen_bits_stay_at_quality_100() -> None:
    data = sixteen_bits("RGB")

    done = compressed(data, quality="100")

    one, other = (pyvips.Image.pngload_buffer(file) for file in (data, done.data))
    assert other.format == "ushort"
    assert (one - other).abs().max() == 0


def test_floating_point_tiff_is_refused_by_name() -> None:
    from halve.core.errors import ImageFailed

    data = bytes(pyvips.Image.black(20, 20).cast("float").tiffsave_buffer())

    with pytest.raises(ImageFailed, match="TIFF of floating-point numbers is not supported"):
        compressed(data)


@pytest.mark.parametrize("wanted", ["keep", "jpeg", "webp"])
@pytest.mark.parametrize("format", ["char", "short", "uint", "int"])
def test_whole_numbers_of_32_bits_or_with_a_sign_never_turn_white_or_black(format: str, wanted: str) -> None:
    grey = pyvips.Image.new_from_array(np.asarray(picture("coffee", width=240).convert("L")))
    scale = {"char": 0.5, "short": 128, "uint": 2**24, "int": 2**23}[format]
    data = bytes((grey * scale).cast(format).tiffsave_buffer())

    done = compressed(data, format=wanted)

    assert (done.kept, done.format) == (True, "tiff")
    assert (pyvips.Image.tiffload_buffer(done.data) - pyvips.Image.tiffload_buffer(data)).abs().max() == 0


def test_wide_colours_that_only_a_code_describes_are_left_alone() -> None:
    """AVIF of the BT.2020 primaries with the PQ transfer: an encoder of ours would forget what they mean."""
    data = bytearray(photo("coffee", width=120, format="avif"))
    at = data.index(b"nclx")
    data[at + 4 : at + 8] = struct.pack(">HH", 9, 16)

    done = compressed(bytes(data))

    assert done.kept
    assert done.data == bytes(data)


@pytest.mark.parametrize("wanted", ["keep", "jpeg"])
def test_greys_of_an_avif_that_use_part_of_the_range_never_turn_pale(wanted: str) -> None:
    for part in ("full", "limited"):
        data = photo("coffee", width=120, format="avif", subsampling="4:0:0", range=part)

        done = compressed(data, format=wanted)

        assert done.kept == (part == "limited")
        assert colour_distance(done.data, data) < 2


@pytest.mark.parametrize("compression", ["raw", "tiff_lzw"])
def test_brightness_and_colour_difference_are_never_taken_for_red_green_and_blue(compression: str) -> None:
    data = encoded(picture("coffee", width=120).convert("YCbCr"), "tiff", compression=compression, tiffinfo={530: (1, 1)})

    done = compressed(data)

    assert colour_distance(done.data, data) < 2


def test_crc_of_spliced_chunks_is_right() -> None:
    data = with_gamma(picture("coffee", width=30), 0.5)

    for kind, body, whole in png.chunks(data):
        assert int.from_bytes(whole[-4:], "big") == zlib.crc32(kind + body)
