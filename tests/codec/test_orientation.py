"""EXIF orientation, all eight of them: what comes out stands upright, whatever way it went."""

from __future__ import annotations

import struct
from typing import Any

import pytest
from PIL import Image, ImageOps

from halve.codec import native
from halve.codec.strip import png
from tests.support.codec import compressed, opened
from tests.support.eyes import likeness
from tests.support.photos import encoded, photo, picture

ALL = range(1, 9)


def turned(orientation: int, format: str = "jpeg", **save: Any) -> bytes:
    """A file whose EXIF says so, along with a secret."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif[0x010E] = "a secret"
    return photo("coffee", width=240, format=format, exif=exif.tobytes(), **save)


@pytest.mark.parametrize("format", ["jpeg", "png", "webp", "tiff"])
@pytest.mark.parametrize("orientation", ALL)
def test_every_orientation_is_honoured(format: str, orientation: int) -> None:
    data = turned(orientation, format)

    done = compressed(data)

    assert (done.width, done.height) == ((240, 160) if orientation < 5 else (160, 240))
    assert ImageOps.exif_transpose(opened(done.data)).size == (done.width, done.height)
    assert likeness(done.data, data) > 0.75
    assert b"a secret" not in done.data


@pytest.mark.parametrize("format", ["jpeg", "png", "webp", "tiff"])
@pytest.mark.parametrize("orientation", ALL)
def test_what_was_encoded_stands_upright_by_itself_and_has_no_exif(format: str, orientation: int) -> None:
    """Not every viewer heeds EXIF."""
    done = compressed(turned(orientation, format))

    image = opened(done.data)
    assert not done.kept
    assert image.size == (done.width, done.height)
    assert image.getexif().get(0x0112, 1) == 1
    assert b"Exif\0\0" not in done.data


@pytest.mark.parametrize("orientation", ALL)
def test_both_ways_of_jpeg_honour_it(orientation: int, way: str) -> None:
    data = turned(orientation)

    done = compressed(data)

    assert (done.width, done.height) == ((240, 160) if orientation < 5 else (160, 240))
    assert likeness(done.data, data) > 0.75


@pytest.mark.parametrize("orientation", range(2, 9))
def test_a_jpeg_of_whole_mcus_is_turned_without_its_pixels(orientation: int) -> None:
    if not native.available():
        pytest.skip("the extension was not built")
    data = turned(orientation)
    made = native.requantise(data, quality=50, orientation=orientation)
    assert made is not None
    assert compressed(data).data == made.data


@pytest.mark.parametrize("orientation", range(2, 9))
@pytest.mark.parametrize(("quality", "max_bytes"), [("auto", ""), ("", "40%"), ("auto", "30%")])
def test_what_is_searched_for_stands_upright_too(orientation: int, quality: str, max_bytes: str) -> None:
    data = turned(orientation, quality=95)
    done = compressed(data, quality=quality, max_bytes=max_bytes)
    assert opened(done.data).size == ((240, 160) if orientation < 5 else (160, 240))
    assert likeness(done.data, data) > 0.75


@pytest.mark.parametrize("orientation", ALL)
def test_shrinking_and_turning_go_together(orientation: int) -> None:
    data = turned(orientation, quality=95)

    done = compressed(data, max_size="90", quality="90")

    assert (done.width, done.height) == ((90, 60) if orientation < 5 else (60, 90))
    reference = picture("coffee").resize((90, 60), Image.Resampling.LANCZOS)
    assert likeness(done.data, exif_turned(reference, orientation)) > 0.9


def exif_turned(image: Image.Image, orientation: int) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return encoded(image, "png", exif=exif.tobytes())


@pytest.mark.parametrize("format", ["jpeg", "png", "webp", "tiff"])
@pytest.mark.parametrize("orientation", ALL)
def test_a_kept_original_still_says_how_it_stands(format: str, orientation: int) -> None:
    data = turned(orientation, format, **({"quality": 20} if format != "tiff" else {}))

    done = compressed(data, max_bytes="100%")

    assert done.kept
    assert (done.width, done.height) == ((240, 160) if orientation < 5 else (160, 240))
    assert likeness(done.data, data) == 1.0
    assert b"a secret" not in done.data


@pytest.mark.parametrize(("kind", "count", "value"), [(1, 1, b"\6"), (4, 1, b"\0\0\0\6"), (8, 1, b"\0\6"), (3, 2, b"\0\6\0\1")])
def test_an_orientation_of_an_odd_type_is_read_in_one_way_kept_or_not(kind: int, count: int, value: bytes) -> None:
    entry = struct.pack(">HHI4s", 0x0112, kind, count, value)
    data = photo("coffee", width=240, quality=40, exif=b"Exif\0\0MM\0*\0\0\0\x08\0\1" + entry + bytes(4))

    encoded, kept = compressed(data, quality="10"), compressed(data, max_bytes="100%")

    assert (encoded.kept, kept.kept) == (False, True)
    for done in (encoded, kept):
        assert (done.width, done.height) == (160, 240)
        assert ImageOps.exif_transpose(opened(done.data)).size == (160, 240)


def exif_of(orientation: int) -> bytes:
    return b"MM\0*" + struct.pack(">IHHHIHHI", 8, 1, 0x0112, 3, 1, orientation, 0, 0)


def told(format: str, *orientations: int) -> bytes:
    """A file with an EXIF block for each of them."""
    data = photo("coffee", width=240, format=format, quality=40)
    if format == "png":
        blocks = b"".join(png.chunk(b"eXIf", exif_of(orientation)) for orientation in orientations)
        return data[:33] + blocks + data[33:]
    if format == "webp":
        header = struct.pack("<4sIB3x6s", b"VP8X", 10, 0x08, bytes((239, 0, 0, 159, 0, 0)))
        body = b"WEBP" + header + data[12:] + b"".join(b"EXIF\x1a\0\0\0" + exif_of(orientation) for orientation in orientations)
        return b"RIFF" + struct.pack("<I", len(body)) + body
    blocks = b"".join(b"\xff\xe1\0\x22Exif\0\0" + exif_of(orientation) for orientation in orientations)
    return data[:20] + blocks + data[20:]


@pytest.mark.parametrize("format", ["jpeg", "png", "webp"])
@pytest.mark.parametrize("orientations", [(1, 6), (6, 1), (3, 6)])
def test_of_several_orientations_the_first_counts_kept_or_not(format: str, orientations: tuple[int, ...]) -> None:
    data = told(format, *orientations)

    encoded, kept = compressed(data, quality="10"), compressed(data, max_bytes="100%")

    assert (encoded.kept, kept.kept) == (False, True)
    for done in (encoded, kept):
        assert likeness(done.data, exif_turned(picture("coffee", width=240), orientations[0])) > 0.6


@pytest.mark.parametrize("wanted", ["keep", "webp"])
@pytest.mark.parametrize("max_bytes", ["", "100%"])
def test_a_jpeg_with_an_empty_exif_segment_before_its_own_is_turned(wanted: str, max_bytes: str) -> None:
    data = told("jpeg", 6)
    data = data[:20] + b"\xff\xe1\0\x08Exif\0\0" + data[20:]

    done = compressed(data, format=wanted, max_bytes=max_bytes)

    assert (done.width, done.height) == (160, 240)
    assert likeness(done.data, data) > 0.75


@pytest.mark.parametrize("wanted", ["keep", "jpeg", "webp"])
@pytest.mark.parametrize("max_bytes", ["", "100%"])
@pytest.mark.parametrize("mistake", [b"", b"Exif\0\0"])
def test_a_png_that_says_how_it_stands_behind_its_pixels_is_turned(wanted: str, max_bytes: str, mistake: bytes) -> None:
    data = photo("coffee", width=240, format="png")
    data = data[:-12] + png.chunk(b"eXIf", mistake + exif_of(6)) + data[-12:]

    done = compressed(data, format=wanted, max_bytes=max_bytes)

    assert (done.width, done.height) == (160, 240)
    assert likeness(done.data, data) > 0.75


def test_exif_that_a_webp_does_not_announce_turns_nothing() -> None:
    announced = told("webp", 6)
    data = announced.replace(b"VP8X\x0a\0\0\0\x08", b"VP8X\x0a\0\0\0\0")

    for done in (compressed(data, quality="10"), compressed(data, max_bytes="100%")):
        assert (done.width, done.height) == (240, 160)
        assert ImageOps.exif_transpose(opened(done.data)).size == (240, 160)
        assert b"EXIF" not in done.data


def test_a_turned_picture_becomes_another_format_upright() -> None:
    data = turned(6)

    for format in ("png", "webp", "avif"):
        assert likeness(compressed(data, format=format, quality="40").data, data) > 0.7


@pytest.mark.parametrize("value", [0, 9, 65535])
def test_a_senseless_orientation_is_none(value: int) -> None:
    done = compressed(turned(value))

    assert (done.width, done.height) == (240, 160)
