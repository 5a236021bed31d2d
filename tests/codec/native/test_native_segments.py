"""What of the segments without picture is kept: what changes how it looks, and nothing that tells about anybody."""

from __future__ import annotations

import io
from typing import Any

import pytest
from PIL import Image, ImageCms

from halve.codec import native
from tests.support.jpeg_forms import Form, jpeg
from tests.support.jpeg_reading import read
from tests.support.photos import photo, picture
from tests.support.requantising import small_picture

ORIENTATION = 0x0112


def out_of(data: bytes) -> native.Requantised:
    answer = native.requantise(data, quality=50)
    assert answer is not None, native.refusal(data, quality=50)
    return answer


def segment(marker: int, payload: bytes) -> bytes:
    return bytes([0xFF, marker]) + (len(payload) + 2).to_bytes(2, "big") + payload


def markers(data: bytes) -> list[int]:
    return [marker for marker, _ in read(data).segments]


def with_segments(*segments: bytes, sampling: str = "4:2:0") -> bytes:
    return jpeg(small_picture(sampling, width=24, height=16), Form(segments=segments))


def test_nothing_stands_in_the_file_but_what_it_takes_to_show_it() -> None:
    assert markers(out_of(with_segments()).data) == [0xDB, 0xDB, 0xC0, 0xC4, 0xDA]
    assert markers(out_of(with_segments(sampling="grey")).data) == [0xDB, 0xC0, 0xC4, 0xDA]


def test_metadata_and_remarks_are_dropped() -> None:
    exif = Image.Exif()
    exif[0x010F] = "a camera"
    exif.get_ifd(0x8825)[1] = "N"
    data = photo("chelsea", width=64, exif=exif.tobytes(), comment=b"a remark", xmp=b"<x:xmpmeta>where it was</x:xmpmeta>")
    assert {0xE1, 0xFE} <= set(markers(data))
    assert markers(out_of(data).data) == [0xE0, 0xDB, 0xDB, 0xC0, 0xC4, 0xDA]
    others = [segment(marker, b"anything") for marker in range(0xE3, 0xF0) if marker != 0xEE]
    mpf = segment(0xE2, b"MPF\x00and so on")
    assert markers(out_of(with_segments(*others, mpf)).data) == [0xDB, 0xDB, 0xC0, 0xC4, 0xDA]


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_goes_whatever_it_says(orientation: int) -> None:
    exif = Image.Exif()
    exif[0x010F], exif[ORIENTATION] = "a camera", orientation
    answer = out_of(photo("chelsea", width=64, exif=exif.tobytes()))
    with Image.open(io.BytesIO(answer.data)) as image:
        assert (answer.width, answer.height) == image.size
    assert markers(answer.data) == [0xE0, 0xDB, 0xDB, 0xC0, 0xC4, 0xDA]


def test_the_colour_profile_stays_to_the_byte() -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    with Image.open(io.BytesIO(out_of(photo("chelsea", width=64, icc_profile=profile)).data)) as image:
        assert image.info["icc_profile"] == profile


def test_a_colour_profile_of_several_segments_stays_in_order() -> None:
    parts = [b"ICC_PROFILE\x00" + bytes([number, 3]) + bytes([number]) * 60000 for number in (1, 2, 3)]
    answer = out_of(with_segments(*(segment(0xE2, part) for part in parts)))
    assert read(answer.data).payloads(0xE2) == parts


def test_jfif_stays_with_its_density_and_without_its_thumbnail() -> None:
    jfif = b"JFIF\x00\x01\x02\x01\x00\x48\x00\x49\x02\x01" + b"\x00" * 6
    answer = out_of(with_segments(segment(0xE0, jfif), segment(0xE0, b"JFXX\x00\x10thumbnail")))
    assert read(answer.data).payloads(0xE0) == [b"JFIF\x00\x01\x02\x01\x00\x48\x00\x49\x00\x00"]


@pytest.mark.parametrize("transform", [0, 1])
def test_adobe_s_word_on_colours_stays(transform: int) -> None:
    adobe = b"Adobe\x00\x64\x80\x00\x00\x00" + bytes([transform])
    data = with_segments(segment(0xEE, adobe), sampling="4:4:4")
    answer = out_of(data)
    assert read(answer.data).payloads(0xEE) == [adobe]
    with Image.open(io.BytesIO(answer.data)) as ours, Image.open(io.BytesIO(data)) as theirs:
        assert ours.info["adobe_transform"] == theirs.info["adobe_transform"] == transform


def red(**save: Any) -> bytes:
    image = picture("rocket").copy()
    image.paste((220, 20, 30), (0, 0, *image.size))
    out = io.BytesIO()
    image.save(out, "JPEG", quality=95, **save)
    return out.getvalue()


def is_red(data: bytes) -> bool:
    with Image.open(io.BytesIO(data)) as image:
        pixel = image.convert("RGB").getpixel((100, 100))
    assert isinstance(pixel, tuple)
    return all(abs(got - wanted) <= 8 for got, wanted in zip(pixel, (220, 20, 30), strict=True))


def test_a_red_picture_stays_red_however_its_colours_are_coded() -> None:
    for save in ({}, {"keep_rgb": True}, {"subsampling": 0}):
        assert is_red(out_of(red(**save)).data)


def test_a_segment_behind_the_picture_says_nothing_of_its_colours() -> None:
    """Found by fuzzing: decoders settle what colours mean when the first scan begins."""
    jfif, rgb = (segment(0xE0, b"JFIF\0" + bytes(9)), segment(0xEE, b"Adobe\0\x64" + bytes(5)))
    unnamed = red()
    unnamed = unnamed[:2] + unnamed[20:]  # without its own JFIF
    for data, late in ((red(keep_rgb=True), jfif), (unnamed, rgb)):
        assert is_red(data[:-2] + late + data[-2:])
        assert out_of(data[:-2] + late + data[-2:]).data == out_of(data).data
