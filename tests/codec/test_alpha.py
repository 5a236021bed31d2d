"""Transparency stays where a format has it, and becomes white where it has not."""

from __future__ import annotations

import struct
from functools import cache
from typing import Any

import numpy as np
import pytest
import pyvips
from PIL import Image

from tests.support.codec import compressed, opened
from tests.support.eyes import likeness
from tests.support.photos import encoded, picture


def cut_out(size: tuple[int, int] = (300, 200)) -> Image.Image:
    """A photograph that fades out to the right, with a hole."""
    image = picture("coffee").resize(size)
    image.putalpha(Image.linear_gradient("L").rotate(90).resize(size))
    image.paste((10, 10, 10, 0), (20, 20, 80, 90))
    return image


@cache
def cut_out_as(format: str) -> bytes:
    return encoded(cut_out(), format, quality=95)


@pytest.mark.parametrize("source", ["png", "webp", "tiff", "avif"])
@pytest.mark.parametrize("wanted", ["keep", "png", "webp", "avif"])
def test_alpha_is_kept(source: str, wanted: str) -> None:
    data = cut_out_as(source)

    done = compressed(data, format=wanted)

    assert opened(done.data).mode in ("RGBA", "P", "PA")
    assert likeness(done.data, data, background="magenta") > 0.75
    assert likeness(done.data, data, background="black") > 0.7


def test_jpeg_has_white_where_it_was_transparent() -> None:
    data = encoded(cut_out(), "png")

    done = compressed(data, format="jpeg", quality="90")

    reference = Image.alpha_composite(Image.new("RGBA", (300, 200), "white"), cut_out())
    assert likeness(done.data, reference) > 0.9
    assert opened(done.data).mode == "RGB"


def test_one_transparent_colour_of_a_palette_is_kept() -> None:
    image = cut_out().convert("P", palette=Image.Palette.ADAPTIVE, colors=100)
    data = encoded(image, "png", transparency=3)

    done = compressed(data)

    assert likeness(done.data, data, background="magenta") > 0.75


def test_transparent_colour_of_an_rgb_png_is_kept() -> None:
    image = Image.new("RGB", (200, 100), (255, 0, 255))
    image.paste(picture("coffee", width=100), (50, 10))
    data = encoded(image, "png", transparency=(255, 0, 255))

    done = compressed(data)

    corner = opened(done.data).convert("RGBA").getpixel((2, 2))
    assert isinstance(corner, tuple)
    assert corner[3] == 0


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        ("keep", {}),
        ("keep", {"quality": "auto"}),
        ("keep", {"max_size": "150"}),
        ("jpeg", {}),
        ("png", {"max_size": "150"}),
        ("webp", {"quality": "auto"}),
    ],
    ids=str,
)
def test_of_the_channels_beyond_its_colours_the_first_of_a_tiff_is_alpha(mode: str, wanted: str, words: dict[str, Any]) -> None:
    """What else is there, masks and spot colours, is for the press."""
    shown = cut_out()
    alpha = shown.getchannel("A")
    mask = alpha.transpose(Image.Transpose.ROTATE_180)
    channels = [*shown.convert("RGB").convert(mode).split(), alpha, mask, mask]
    pixels = pyvips.Image.new_from_array(np.dstack([np.asarray(channel) for channel in channels]))
    space = {"L": "b-w", "RGB": "srgb", "CMYK": "cmyk"}[mode]
    data = bytes(pixels.copy(interpretation=space).tiffsave_buffer(compression="none"))

    done = compressed(data, format=wanted, **words)

    expected = Image.merge("RGBA", (*shown.convert("RGB").convert(mode).convert("RGB").split(), alpha))
    expected = expected.resize((done.width, done.height), Image.Resampling.LANCZOS)
    if wanted == "jpeg":
        expected = Image.alpha_composite(Image.new("RGBA", expected.size, "white"), expected)
    assert done.format == ("tiff" if wanted == "keep" else wanted)
    assert likeness(done.data, expected, background="magenta") > 0.7


def icon(image: Image.Image, *, alpha: bool, bits: int, mask: bytes) -> bytes:
    """Of one bitmap of 32 bits a pixel, of which the directory says that it has `bits`."""
    image = image.transpose(Image.Transpose.FLIP_TOP_BOTTOM)
    pixels = image.tobytes("raw", "BGRA") if alpha else image.convert("RGB").tobytes("raw", "BGRX")
    header = struct.pack("<IiiHHIIiiII", 40, image.width, 2 * image.height, 1, 32, 0, len(pixels) + len(mask), 0, 0, 0, 0)
    bitmap = header + pixels + mask
    return b"\0\0\1\0\1\0" + struct.pack("<BBBBHHII", image.width, image.height, 0, 0, 1, bits, len(bitmap), 22) + bitmap


@pytest.mark.parametrize("bits", [32, 24, 0])
def test_of_an_icon_of_32_bits_the_picture_says_what_shows_through_and_not_its_directory(bits: int) -> None:
    image = cut_out((64, 48))

    done = compressed(icon(image, alpha=True, bits=bits, mask=bytes(8 * 48)), quality="90")

    assert likeness(done.data, image, background="magenta") > 0.99


@pytest.mark.parametrize("bits", [32, 24, 0])
def test_of_an_icon_whose_alpha_was_left_out_the_mask_says_what_is_clear(bits: int) -> None:
    image = picture("coffee").resize((64, 48)).convert("RGBA")
    bottom_row_first = (b"\xff\xff" + bytes(6)) * 24 + bytes(8 * 24)

    done = compressed(icon(image, alpha=False, bits=bits, mask=bottom_row_first), quality="90")

    image.paste((0, 0, 0, 0), (0, 24, 16, 48))
    assert likeness(done.data, image, background="magenta") > 0.99


def test_an_icon_with_neither_alpha_nor_mask_is_opaque() -> None:
    image = picture("coffee").resize((64, 48)).convert("RGBA")

    done = compressed(icon(image, alpha=False, bits=32, mask=b""), quality="90")

    assert likeness(done.data, image, background="magenta") > 0.99
