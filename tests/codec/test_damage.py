"""A picture that is cut short or broken is an error that says so, never half a picture; mere oddities pass."""

from __future__ import annotations

import io
import random
from functools import partial
from typing import Any

import pillow_heif
import pytest

from halve.core.errors import ImageFailed
from tests.support.codec import compressed, outcome
from tests.support.eyes import likeness
from tests.support.photos import encoded, photo, picture

KINDS = ("jpeg", "png", "webp", "gif", "tiff", "avif", "bmp", "heic")
NAMES = {"webp": "WebP"}


def sample(kind: str) -> bytes:
    if kind == "heic":
        out = io.BytesIO()
        pillow_heif.from_pillow(picture("coffee", width=200)).save(out, quality=70)
        return out.getvalue()
    return photo("coffee", width=200, format=kind)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("share", [0.02, 0.1, 0.3, 0.5, 0.8, 0.95, 0.99])
@pytest.mark.parametrize("words", [{}, {"max_bytes": "100%"}, {"max_size": "50"}], ids=["default", "bounded", "shrunk"])
def test_a_picture_cut_short_is_an_error(kind: str, share: float, words: dict[str, Any]) -> None:
    data = sample(kind)

    with pytest.raises(ImageFailed) as refusal:
        compressed(data[: int(len(data) * share)], **words)

    assert refusal.value.code in {"damaged", "not_an_image"}
    if refusal.value.code == "damaged":
        assert str(refusal.value).startswith(f"damaged {NAMES.get(kind, kind.upper())}: ")
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("share", [0.4, 0.7, 0.9])
def test_a_jpeg_cut_short_and_closed_properly_is_an_error_too(progressive: bool, share: float, way: str) -> None:
    data = photo("coffee", width=300, progressive=progressive)

    with pytest.raises(ImageFailed, match="damaged JPEG"):
        compressed(data[: int(len(data) * share)] + b"\xff\xd9")


def test_a_jpeg_with_anything_behind_its_end_passes(way: str) -> None:
    data = photo("coffee", width=200)

    for trailer in (b"\0" * 1000, b"\r\n", b"<html>", data):
        assert compressed(data + trailer).data == compressed(data).data


def test_a_jpeg_that_lacks_only_its_end_mark_passes(way: str) -> None:
    data = photo("coffee", width=200)

    for done in (compressed(data[:-2]), compressed(data[:-2], max_bytes="100%")):
        assert likeness(done.data, data) > 0.75


def test_a_jpeg_with_stray_bytes_between_its_segments_passes(way: str) -> None:
    data = photo("coffee", width=200)
    at = data.index(b"\xff\xdb")

    done = compressed(data[:at] + b"stray" + data[at:])

    assert likeness(done.data, data) > 0.75


def test_a_jpeg_of_a_phone_with_wrong_scan_parameters_passes(way: str) -> None:
    """Some write Se as 0 in a sequential scan; every viewer shows it."""
    data = bytearray(photo("coffee", width=200))
    at = data.index(b"\xff\xda")
    length = int.from_bytes(data[at + 2 : at + 4], "big")
    data[at + 2 + length - 2] = 0

    assert likeness(compressed(bytes(data)).data, photo("coffee", width=200)) > 0.75


def test_a_png_with_a_broken_checksum_in_its_pixels_is_an_error() -> None:
    data = bytearray(photo("coffee", width=200, format="png"))
    data[len(data) // 2] ^= 0x10

    with pytest.raises(ImageFailed, match="damaged PNG"):
        compressed(bytes(data))


@pytest.mark.parametrize("kind", KINDS)
def test_flipped_bits_end_in_a_picture_or_an_orderly_error(kind: str) -> None:
    data, dice = sample(kind), random.Random(kind)

    for _ in range(25):
        broken = bytearray(data)
        for _ in range(dice.choice((1, 1, 8, 100))):
            broken[dice.randrange(len(broken))] ^= 1 << dice.randrange(8)
        done = outcome(partial(compressed, bytes(broken)))
        if isinstance(done, ImageFailed):
            assert done.code in {"damaged", "too_many_pixels", "unsupported_format", "not_an_image", "unsupported_size"}
            assert "\n" not in str(done)
            assert len(str(done)) < 200
        else:
            assert len(done.data) <= len(broken)


def test_a_gif_without_its_trailer_passes() -> None:
    data = encoded(picture("coffee", width=100), "gif")

    assert likeness(compressed(data[:-1]).data, data) > 0.7
