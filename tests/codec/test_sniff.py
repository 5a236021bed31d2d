"""The kind is found from the bytes; what is no picture of ours is refused by its name."""

from __future__ import annotations

import struct

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from halve.codec.sniff import Kind, sniff
from halve.core.errors import ImageFailed
from halve.core.visible import visible
from tests.support.codec import outcome
from tests.support.photos import photo

CURSOR = b"\0\0\2\0\1\0" + struct.pack("<BBBBHHII", 32, 32, 0, 0, 4, 4, 40, 22) + bytes(40)
TGA = struct.pack("<BBBHHBHHHHBB", 0, 0, 2, 0, 0, 0, 0, 0, 8, 8, 24, 32) + b"\x20\x40\x60" * 64
ISO = b"\0\0\0\x18ftyp%b\0\0\0\0%b%b"


@pytest.mark.parametrize("format", ["jpeg", "png", "webp", "gif", "tiff", "bmp", "avif", "ico"])
def test_what_others_write_is_recognised(format: str) -> None:
    assert sniff(photo("chelsea", width=40, format=format)) is Kind(format)


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"II+\0\x08\0\0\0", Kind.TIFF),
        (b"MM\0*\0\0\0\x08", Kind.TIFF),
        (ISO % (b"heic", b"mif1", b"heic"), Kind.HEIC),
        (ISO % (b"mif1", b"mif1", b"avif"), Kind.AVIF),
        (ISO % (b"mif1", b"mif1", b"heic"), Kind.HEIC),
        (ISO % (b"avis", b"avis", b"msf1"), Kind.AVIF),
    ],
)
def test_rarer_beginnings_are_recognised(data: bytes, kind: Kind) -> None:
    assert sniff(data) is kind


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"8BPS\0\1", "PSD is not supported"),
        (b"%!PS-Adobe-3.0 EPSF", "EPS is not supported"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "SVG is not supported"),
        (b"\xef\xbb\xbf <?xml version='1.0'?>\n<!-- by a tool --><svg:svg>", "SVG is not supported"),
        ("<svg>".encode("utf-16"), "SVG is not supported"),
        (b"\xff\x0a\xff\x07", "JPEG XL is not supported"),
        (b"\0\0\0\x0cJXL \r\n\x87\n", "JPEG XL is not supported"),
        (b"\0\0\0\x0cjP  \r\n\x87\n", "JPEG 2000 is not supported"),
        (ISO % (b"dash", b"dash", b"mp41"), "video (MP4) is not supported"),
        (b"RIFF\x10\0\0\0CDRAvrsn", "CorelDRAW is not supported"),
        (b"RIFF\x10\0\0\0RMIDdata", "this kind of RIFF file is not supported"),
        (ISO % (b"crx ", b"crx ", b"isom"), "Canon raw is not supported"),
        (b"qoif\0\0\0\x10", "QOI is not supported"),
        (b"P6 10 10 255\n", "Netpbm is not supported"),
        (CURSOR, "a cursor (CUR) is not supported"),
    ],
)
def test_other_pictures_are_refused_by_name(data: bytes, message: str) -> None:
    with pytest.raises(ImageFailed) as refusal:
        sniff(data)

    assert str(refusal.value) == message
    assert refusal.value.code == "unsupported_format"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"%PDF-1.7\n", "a PDF document, not an image"),
        (ISO % (b"isom", b"mp42", b"avc1"), "a video, not an image"),
        (b"<!DOCTYPE html>\n<html>", "an HTML page, perhaps a login"),
        (b"\n\n  <html lang='en'><body><svg/>", "an HTML page, perhaps a login"),
        (b"<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>", "an XML document, not an image"),
        (b'{"error": "not found"}', "a JSON document, not an image"),
        (b"PK\x03\x04\x14\0", "a ZIP archive, not an image"),
        (b"\x1f\x8b\x08\0", "a gzip archive, not an image"),
        (b"Not Found", "not an image (starts with “Not Found”)"),
        (b"\n\n  \r\n", "not an image (starts with blanks)"),
        (b"\r\n\xff\xd8\xff\xe0\0\x10JFIF", "not an image (starts with 0d 0a ff d8 ff e0 00 10)"),
        (b"\xff", "not an image (starts with ff)"),
        (b"\x1b", "not an image (starts with 1b)"),
        (TGA, "not an image (starts with 00 00 02 00 00 00 00 00)"),
        (TGA[:5] + b"\1" + TGA[6:], "not an image (starts with 00 00 02 00 00 01 00 00)"),
        (CURSOR[:22], "not an image (starts with 00 00 02 00 01 00 20 20)"),
        (b"\x01\x02\x03\x04", "not an image (starts with 01 02 03 04)"),
        (b"BM is short for bitmap, but this is prose", "not an image (starts with BM is short for)"),
    ],
)
def test_what_is_no_picture_is_named(data: bytes, message: str) -> None:
    with pytest.raises(ImageFailed) as refusal:
        sniff(data)

    assert str(refusal.value) == message
    assert refusal.value.code == "not_an_image"


def test_nothing_at_all_is_empty() -> None:
    with pytest.raises(ImageFailed, match="empty answer") as refusal:
        sniff(b"")

    assert refusal.value.code == "empty"


@given(st.binary(max_size=200))
@example(b"\n" * 50)
@example(b"\0\0\0\0ftyp")
@example(b"\xde\xb2")  # a letter that Python knows nothing of yet
def test_any_bytes_are_a_kind_or_an_orderly_refusal(data: bytes) -> None:
    found = outcome(lambda: sniff(data))

    if isinstance(found, ImageFailed):
        assert found.code in {"empty", "unsupported_format", "not_an_image"}
        assert all(map(visible, str(found)))
        assert len(str(found)) < 80
    else:
        assert isinstance(found, Kind)
