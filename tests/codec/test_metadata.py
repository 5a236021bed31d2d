"""People, places and programs are no part of a picture: whatever comes out says nothing of them."""

from __future__ import annotations

import io
import struct
import zlib
from functools import cache

import pillow_heif
import pytest
from PIL import Image, PngImagePlugin, TiffImagePlugin

from halve.codec.sniff import Kind
from halve.codec.strip import png, strip
from tests.support.codec import compressed, info, opened
from tests.support.eyes import likeness
from tests.support.photos import encoded, photo, picture

SECRETS = (b"Jane Doe", b"SN-4711", b"48/1", b"xmpmeta", b"a comment")
PLACE = struct.pack(">II", 48, 1)  # degrees north


def exif() -> bytes:
    """EXIF with a name, a serial number, a place and a thumbnail."""
    block = Image.Exif()
    block[0x013B] = "Jane Doe"
    block[0x0112] = 1
    block.get_ifd(0x8769)[0xA431] = "SN-4711"
    gps = block.get_ifd(0x8825)
    gps[1], gps[2] = "N", (TiffImagePlugin.IFDRational(48), TiffImagePlugin.IFDRational(8), TiffImagePlugin.IFDRational(14))
    return block.tobytes()


XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><creator>Jane Doe</creator></x:xmpmeta>'


@cache
def told(format: str) -> bytes:
    """A photograph whose file tells everything it can."""
    image = picture("coffee", width=240)
    save: dict[str, object] = {"exif": exif()}
    if format == "jpeg":
        save |= {"comment": b"a comment", "xmp": XMP, "quality": 90}
    elif format == "png":
        text = PngImagePlugin.PngInfo()
        text.add_text("Author", "Jane Doe")
        text.add_text("Note", "a comment", zip=True)
        text.add_itxt("XML:com.adobe.xmp", XMP.decode())
        save["pnginfo"] = text
    elif format == "webp":
        save |= {"xmp": XMP, "quality": 90}
    elif format == "gif":
        save = {"comment": b"a comment by Jane Doe"}
    elif format == "tiff":
        tags = TiffImagePlugin.ImageFileDirectory_v2()
        tags[315], tags[700], tags[33723] = "Jane Doe", XMP, b"\x1c\x02\x50\x00\x08Jane Doe"
        save = {"tiffinfo": tags, "compression": "tiff_lzw"}
    elif format == "avif":
        save |= {"xmp": XMP, "quality": 80}
    elif format == "heic":
        out = io.BytesIO()
        pillow_heif.from_pillow(image).save(out, exif=exif(), xmp=XMP, quality=70)
        return out.getvalue()
    return encoded(image, format, **save)  # type: ignore[arg-type]


TELLING = ("jpeg", "png", "webp", "gif", "tiff", "avif", "heic")


def assert_says_nothing(data: bytes) -> None:
    for secret in (*SECRETS, PLACE):
        assert secret not in data, secret
    if data.startswith(png.SIGNATURE):
        kinds = {kind for kind, _, _ in png.chunks(data)}
        assert not kinds & {b"tEXt", b"zTXt", b"iTXt", b"eXIf", b"tIME"}


@pytest.mark.parametrize("format", TELLING)
def test_the_samples_do_tell(format: str) -> None:
    assert b"Jane Doe" in told(format)


@pytest.mark.parametrize("format", TELLING)
@pytest.mark.parametrize("wanted", ["keep", "jpeg", "webp", "png", "avif"])
def test_an_encoded_picture_says_nothing_of_people_and_places(format: str, wanted: str) -> None:
    done = compressed(told(format), format=wanted)

    assert_says_nothing(done.data)
    if done.format not in ("heic", "avif", "tiff"):  # what is left of TIFF tags is its structure
        assert not dict(opened(done.data).getexif())


@pytest.mark.parametrize("format", TELLING)
def test_a_kept_original_says_nothing_and_shows_the_same(format: str) -> None:
    data = told(format)

    done = compressed(data, max_bytes="100%")

    assert done.kept
    assert_says_nothing(done.data)
    assert len(done.data) <= len(data)
    assert likeness(done.data, data) == 1.0


@pytest.mark.parametrize("format", ["jpeg", "png", "webp", "gif", "bmp", "avif", "tiff"])
@pytest.mark.parametrize("quality", ["50", "95"])
def test_a_png_states_no_size_on_paper_that_its_original_did_not(format: str, quality: str) -> None:
    done = compressed(photo("coffee", format=format, width=300), format="png", quality=quality, max_size="20")

    assert done.format == "png"
    assert "dpi" not in info(done.data)


@pytest.mark.parametrize("format", ["jpeg", "png", "tiff"])
@pytest.mark.parametrize("dpi", [72, 300])
def test_a_png_keeps_the_size_on_paper_that_its_original_states(format: str, dpi: int) -> None:
    done = compressed(photo("coffee", format=format, width=200, dpi=(dpi, dpi)), format="png", max_size="50")

    assert done.format == "png"
    assert not done.kept
    assert info(done.data)["dpi"] == pytest.approx((dpi, dpi), abs=0.02)


def test_both_ways_of_jpeg_say_nothing(way: str) -> None:
    assert_says_nothing(compressed(told("jpeg")).data)


def test_pictures_behind_the_end_of_a_jpeg_are_cut_off() -> None:
    data = photo("chelsea", width=200) + photo("coffee", width=100) + b"MotionPhoto"

    done = compressed(data, max_bytes="100%")

    assert done.data == photo("chelsea", width=200)


def test_what_hides_behind_the_colour_transform_of_a_jpeg_is_cut_off() -> None:
    data = photo("chelsea", width=200, keep_rgb=True)
    adobe = b"\xff\xee\0\x0eAdobe\0\x64\0\0\0\0\0"
    told = data.replace(adobe, b"\xff\xee\0\x16" + adobe[4:] + b"Jane Doe")
    assert len(told) == len(data) + 8

    assert compressed(told, max_bytes="100%").data == data


def test_metadata_between_the_scans_of_a_progressive_jpeg_is_cut_out() -> None:
    data = photo("chelsea", width=200, progressive=True)
    at = data.index(b"\xff\xda", data.index(b"\xff\xda") + 2)  # the second scan
    comment = b"a comment by Jane Doe"
    told = data[:at] + b"\xff\xfe" + (len(comment) + 2).to_bytes(2, "big") + comment + data[at:]

    assert compressed(told, max_bytes="100%").data == data


def test_metadata_inside_the_frames_of_an_animated_webp_is_cut_out() -> None:
    from tests.codec.test_animation import animation

    data = animation("webp")
    at = data.index(b"ANMF")
    size = int.from_bytes(data[at + 4 : at + 8], "little")
    unknown = b"SECR" + (8).to_bytes(4, "little") + b"Jane Doe"
    told = data[: at + 4] + (size + 16).to_bytes(4, "little") + data[at + 8 : at + 8 + size] + unknown + data[at + 8 + size :]
    told = told[:4] + (len(told) - 8).to_bytes(4, "little") + told[8:]

    done = compressed(told, max_bytes="100%")

    assert done.data == data


def test_xmp_of_a_gif_is_cut_out() -> None:
    data = encoded(picture("coffee", width=120), "gif")
    magic = b"\x01" + bytes(range(255, -1, -1)) + b"\x00"
    told = data[:-1] + b"\x21\xff\x0bXMP DataXMP" + XMP + magic + b"\x3b"

    assert compressed(told, max_bytes="100%").data == data


def test_a_png_within_an_icon_is_stripped() -> None:
    out = io.BytesIO()
    picture("coffee").resize((64, 64)).save(out, "ICO", sizes=[(64, 64)])
    data = out.getvalue()
    at = data.index(png.SIGNATURE)
    text = b"Author\0Jane Doe"
    chunk = len(text).to_bytes(4, "big") + b"tEXt" + text + zlib.crc32(b"tEXt" + text).to_bytes(4, "big")
    inside = data[at : at + 33] + chunk + data[at + 33 :]
    told = data[:14] + len(inside).to_bytes(4, "little") + data[18:at] + inside

    assert strip(told, Kind.ICO) == data
