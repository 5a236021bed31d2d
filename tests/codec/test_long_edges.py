"""Pictures that are longer than some format can hold: banners and scans, and what became of them."""

from __future__ import annotations

import struct

import pytest

from halve.core.errors import ImageFailed
from tests.support.codec import compressed, opened
from tests.support.photos import encoded, picture


def long(format: str, width: int = 65_535) -> bytes:
    return encoded(picture("coffee").resize((width, 8)), format)


@pytest.mark.parametrize("format", ["png", "gif", "tiff", "bmp"])
def test_what_jpeg_cannot_hold_is_refused_with_what_helps_and_is_not_called_damaged(format: str) -> None:
    with pytest.raises(ImageFailed, match="jpeg can hold 65,500 an edge: use max_size") as refusal:
        compressed(long(format), format="jpeg")

    assert refusal.value.code == "unsupported_size"
    assert compressed(long(format), format="jpeg", max_size="65500", quality="10").format == "jpeg"


@pytest.mark.parametrize("format", ["png", "gif", "tiff", "bmp"])
@pytest.mark.parametrize("wanted", ["keep", "smallest"])
def test_it_becomes_smaller_in_a_format_that_can_hold_it(format: str, wanted: str) -> None:
    data = long(format)

    done = compressed(data, format=wanted)

    assert len(done.data) <= len(data)
    assert opened(done.data).size == (65_535, 8)


def test_a_jpeg_that_says_it_is_longer_is_not_called_damaged() -> None:
    data = bytearray(long("jpeg", 65_496))
    at = data.index(b"\xff\xc0")
    data[at + 7 : at + 9] = struct.pack(">H", 65_503)  # as many blocks as before

    with pytest.raises(ImageFailed, match="is not supported: Maximum supported image dimension is 65500") as refusal:
        compressed(bytes(data))

    assert refusal.value.code == "unsupported_format"
