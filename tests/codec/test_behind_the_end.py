"""Whatever hides behind the end of a picture goes, though the original is kept; the picture stays, to the last pixel."""

from __future__ import annotations

import io
import struct
from functools import partial
from typing import Any

import numpy as np
import pillow_heif
import pytest
from PIL import Image

from halve.codec.sniff import Kind
from halve.codec.strip import strip
from halve.core.errors import ImageFailed
from tests.support.codec import compressed, outcome
from tests.support.photos import encoded, picture

TRAILERS = (b"TRAILSECRET", b"SECRET", b"\0\0\0\x13sefdTRAILSECRET", b"\0\0\0\x0ffreeSECRET", bytes(40) + b"SECRET")


def heic() -> bytes:
    out = io.BytesIO()
    pillow_heif.from_pillow(picture("coffee", width=60)).save(out, quality=60)
    return out.getvalue()


def icon(**save: Any) -> bytes:
    return encoded(picture("coffee").resize((32, 32)), "ico", sizes=[(16, 16), (32, 32)], **save)


def tiff(**save: Any) -> bytes:
    return encoded(picture("coffee", width=60), "tiff", **save)


def bmp(mode: str = "RGB", width: int = 9) -> bytes:
    """Of an odd width, so that rows are filled up."""
    return encoded(picture("coffee").resize((width, 7)).convert(mode), "bmp")


def bmp_of_two_pixels(bits: int, header: bytes, between: bytes, pixels: bytes, *, offset: int | None = None) -> bytes:
    start = 14 + len(header) + len(between)
    return struct.pack("<2sIII", b"BM", 0, 0, start if offset is None else offset) + header + between + pixels


def info(bits: int, *, size: int = 40, height: int = 1, compression: int = 0, told: int = 0, colours: int = 0) -> bytes:
    """The header of a picture of 2 by 1 pixels."""
    return struct.pack("<IiiHHIIiiII", size, 2, height, 1, bits, compression, told, 0, 0, colours, 0)


MASKS = struct.pack("<III", 0xF800, 0x7E0, 0x1F)
PALETTE = bytes((0, 0, 255, 0, 0, 255, 0, 0))
BMPS = {
    **{f"mode {mode}, {width} wide": bmp(mode, width) for mode in ("1", "L", "P", "RGB", "RGBA") for width in (8, 9)},
    "top down": bmp_of_two_pixels(24, info(24, height=-1), b"", b"abcdef\0\0"),
    "OS/2": bmp_of_two_pixels(8, struct.pack("<IHHHH", 12, 2, 1, 1, 8), bytes(768), b"\0\1\0\0"),
    "no offset": bmp_of_two_pixels(8, info(8, colours=2), PALETTE, b"\0\1\0\0", offset=0),
    "the palette forgotten": bmp_of_two_pixels(8, info(8, colours=2), PALETTE, b"\0\1\0\0", offset=54),
    "masks": bmp_of_two_pixels(16, info(16, compression=3), MASKS, b"\1\2\3\4"),
    "masks and no offset": bmp_of_two_pixels(16, info(16, compression=3), MASKS, b"abcd", offset=0),
    "runs of 8 bits": bmp_of_two_pixels(8, info(8, compression=1, told=9999, colours=2), PALETTE, b"\2\1\0\0\0\1"),
    "literal runs of 8 bits": bmp_of_two_pixels(8, info(8, compression=1, colours=2), PALETTE, b"\1\0\1\1\0\0\0\1"),
    "runs of 4 bits": bmp_of_two_pixels(4, info(4, compression=2, told=3, colours=2), PALETTE, b"\2\x10\0\0\0\1"),
    "runs without an end": bmp_of_two_pixels(8, info(8, compression=1, told=2, colours=2), PALETTE, b"\2\1"),
}
SAMPLES: dict[str, tuple[Kind, bytes]] = {
    **{f"BMP, {name}": (Kind.BMP, data) for name, data in BMPS.items()},
    "ICO of PNG": (Kind.ICO, icon()),
    "ICO of BMP": (Kind.ICO, icon(bitmap_format="bmp")),
    **{
        f"TIFF, {packed}": (Kind.TIFF, tiff(compression=packed))
        for packed in ("raw", "tiff_lzw", "tiff_deflate", "jpeg", "packbits")
    },
    "TIFF of pages": (Kind.TIFF, tiff(save_all=True, append_images=[picture("chelsea", width=60)])),
    "TIFF of libvips": (Kind.TIFF, compressed(tiff()).data),
    "BigTIFF": (Kind.TIFF, tiff(big_tiff=True)),
    "HEIC": (Kind.HEIC, heic()),
    "AVIF": (Kind.AVIF, encoded(picture("coffee", width=60), "avif")),
    "AVIF of frames": (
        Kind.AVIF,
        encoded(picture("coffee", width=60), "avif", save_all=True, append_images=[picture("coffee", width=60).rotate(180)]),
    ),
    **{kind.name: (kind, encoded(picture("coffee", width=60), kind.value)) for kind in (Kind.JPEG, Kind.PNG, Kind.GIF, Kind.WEBP)},
}


def shown(data: bytes) -> Any:
    image = Image.open(io.BytesIO(data))
    return np.asarray(image.convert("RGBA"))


@pytest.mark.parametrize("name", SAMPLES)
@pytest.mark.parametrize("trailer", TRAILERS, ids=range(len(TRAILERS)))
def test_what_lies_behind_the_end_is_cut_off_and_the_picture_stays(name: str, trailer: bytes) -> None:
    kind, data = SAMPLES[name]

    kept = strip(data + trailer, kind)

    assert b"SECRET" not in kept
    assert len(kept) <= len(data)
    assert strip(kept, kind) == kept
    if kind is not Kind.HEIC:
        assert (shown(kept) == shown(data)).all()


@pytest.mark.parametrize("name", SAMPLES)
def test_a_picture_with_something_behind_its_end_is_compressed_as_without(name: str) -> None:
    _, data = SAMPLES[name]

    assert compressed(data + b"TRAILSECRET", format="webp").data[6:] == compressed(data, format="webp").data[6:]


@pytest.mark.parametrize("name", [name for name, (kind, _) in SAMPLES.items() if kind is Kind.BMP])
def test_a_bmp_that_is_right_is_kept_byte_for_byte(name: str) -> None:
    _, data = SAMPLES[name]

    assert strip(data, Kind.BMP) == data


def test_a_tiny_bmp_is_kept_without_what_follows_it() -> None:
    data = encoded(picture("coffee").resize((2, 2)), "bmp")

    done = compressed(data + b"TRAILSECRET")

    assert done.kept
    assert done.data == data


def with_profile(profile: bytes, *, gap: bytes = b"", kind: bytes = b"DEBM") -> bytes:
    pixels = b"abcdef\0\0"
    rest = bytearray(84)
    rest[16:20] = kind
    rest[72:80] = struct.pack("<II", 124 + len(pixels) + len(gap), len(profile))
    return bmp_of_two_pixels(24, info(24, size=124) + bytes(rest), b"", pixels) + gap + profile


def test_the_colour_profile_behind_the_pixels_of_a_bmp_stays() -> None:
    data = with_profile(b"a profile")

    assert strip(data, Kind.BMP) == data
    kept = strip(data + b"TRAILSECRET", Kind.BMP)
    assert kept == data[:2] + len(data).to_bytes(4, "little") + data[6:]


def test_what_hides_between_the_pixels_of_a_bmp_and_its_profile_is_blanked() -> None:
    kept = strip(with_profile(b"a profile", gap=b"SECRET"), Kind.BMP)

    assert kept == with_profile(b"a profile", gap=bytes(6))


def test_the_path_of_a_profile_that_a_bmp_links_to_goes() -> None:
    assert strip(with_profile(b"C:/Users/Jane Doe/screen.icc", kind=b"KNIL"), Kind.BMP).endswith(b"abcdef\0\0")


@pytest.mark.parametrize("name", [name for name, (kind, _) in SAMPLES.items() if kind is Kind.BMP and "runs" not in name])
def test_a_bmp_that_lacks_pixels_is_damaged_and_one_that_lacks_what_fills_a_row_is_not(name: str) -> None:
    _, data = SAMPLES[name]
    for end in range(len(data)):
        kept = outcome(partial(strip, data[:end], Kind.BMP))
        if isinstance(kept, ImageFailed):
            assert str(kept) == "damaged BMP: it is cut short"
        else:
            assert len(data) - end < 4
            assert kept == data[:end]


def test_a_tiff_that_does_not_say_how_long_its_pixels_are_loses_none() -> None:
    """Readers take such strips to reach as far as they must."""
    data = tiff(compression="raw")
    for value in (b"\0\0\0\0", b"\1\0\0\0"):
        told = bytearray(data)
        at = told.index(struct.pack("<HHI", 279, 4, 1)) + 8
        told[at : at + 4] = value
        kept = strip(bytes(told), Kind.TIFF)
        assert len(kept) == len(data)
