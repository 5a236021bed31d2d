"""A body that is no image is named for what it is; whatever may be one passes."""

from __future__ import annotations

import gzip
import io
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from halve.core.no_image import HEAD, not_an_image
from halve.core.visible import visible
from tests.support.origin import LOGIN_PAGE


def _zip() -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("a.txt", "a")
    return target.getvalue()


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (LOGIN_PAGE, "an HTML page, perhaps a login"),
        (b"\xef\xbb\xbf\r\n <!doctype HTML>", "an HTML page, perhaps a login"),
        (b"<!-- cached -->\n<html lang=en>", "an HTML page, perhaps a login"),
        (b"<?xml version='1.0'?>\n<!DOCTYPE html PUBLIC '-//W3C//DTD XHTML 1.0'>", "an HTML page, perhaps a login"),
        ("<html><body>é".encode("utf-16"), "an HTML page, perhaps a login"),
        ("<html><body>Zugriff für Unbefugte".encode("latin-1"), "an HTML page, perhaps a login"),
        (b"<html><body><svg/>", "an HTML page, perhaps a login"),
        (b"<h1>Not found</h1>", "an HTML page, perhaps a login"),
        (b"<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>", "an XML document, not an image"),
        (b'{"error": "expired"}', "a JSON document, not an image"),
        (b"[]", "a JSON document, not an image"),
        (b"%PDF-1.7\n%\xe2\xe3", "a PDF document, not an image"),
        (_zip(), "a ZIP archive, not an image"),
        (gzip.compress(b"x", mtime=0), "a gzip archive, not an image"),
        (b"\0\0\0\x20ftypisom\0\0\2\0isomiso2", "a video, not an image"),
        (b"\x1a\x45\xdf\xa3\x01\0\0\0", "a video, not an image"),
        (b"RIFF\x24\0\0\0AVI LIST", "an audio or video file, not an image"),
        (b"data:image/png;base64,iVBORw0KGgo=", "an image written out as Base64, not as an image"),
        (b"/9j/4AAQSkZJRgABAQ==", "an image written out as Base64, not as an image"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0", "a Git LFS pointer, not the image"),
        (b"Access denied", "not an image (starts with “Access denied”)"),
        (b"Rate\nlimit; " + b"slow down " * 60, "not an image (starts with “Rate limit; slow down slow down slow dow…”)"),
        (
            "\u0646\u0645\u06cc\u200c\u0634\u0648\u062f".encode(),
            "not an image (starts with “\u0646\u0645\u06cc\u200c\u0634\u0648\u062f”)",
        ),
        ("Kein Zugriff für".encode(), "not an image (starts with “Kein Zugriff für”)"),
    ],
)
def test_what_is_no_image_is_named(body: bytes, said: str) -> None:
    assert not_an_image(body[:HEAD]) == said


@pytest.mark.parametrize(
    "body",
    [
        b"\xff\xd8\xff\xe0\0\x10JFIF\0",
        b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR",
        b"GIF89a\1\0\1\0",
        b"RIFF\x24\0\0\0WEBPVP8 ",
        b"\0\0\0\x1cftypavif\0\0\0\0mif1avif",
        b"\0\0\0\x18ftypheic\0\0\0\0mif1heic",
        b"\0\0\0\x18ftypmif1\0\0\0\0",
        b"II*\0\x08\0\0\0",
        b"MM\0*\0\0\0\x08",
        b"BM\x36\0\0\0\0\0\0\0",
        b"\0\0\1\0\1\0\x10\x10",
        b"8BPS\0\1",
        b"P6\n3 2\n255\n",
        b"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n",
        b"\0\0\0\x0cJXL \r\n\x87\n",
        b"\xff\x0a\xfa\x7f",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"<?xml version='1.0'?>\n<!DOCTYPE svg PUBLIC '-//W3C//DTD SVG 1.1//EN'>\n<svg>",
        b"\x00" * HEAD,
        b"\xde\xad\xbe\xef\xfe\xed",
    ],
)
def test_what_may_be_an_image_is_left_to_the_codec(body: bytes) -> None:
    assert not_an_image(body) is None


@given(st.binary(min_size=1, max_size=HEAD))
def test_whatever_is_said_fits_into_a_cell(body: bytes) -> None:
    said = not_an_image(body)
    assert said is None or (all(map(visible, said)) and len(said) < 100)


@given(st.text(min_size=1, max_size=400).filter(lambda text: not any(ord(letter) < 32 for letter in text)))
def test_a_letter_cut_in_half_does_not_turn_text_into_an_image(text: str) -> None:
    body = ("Sorry: " + text).encode("utf-8", "ignore")
    assert not_an_image(body[:HEAD]) is not None or b"<svg" in body.lower()
    assert not_an_image((b"Sorry: " + "é".encode() * 300)[:HEAD]) is not None
