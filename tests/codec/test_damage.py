"""A picture that is cut short or broken is an error that says so, never half a picture; mere oddities pass."""

from __future__ import annotations

import io
import random
from collections.abc import Callable
from dataclasses import replace
from functools import cache, partial
from typing import Any

import pillow_heif
import pytest
import pyvips
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image
from tifffile import TiffFile

from halve.codec.picture import open_picture
from halve.codec.sniff import Kind
from halve.codec.strip import gif, lzw
from halve.core.errors import ImageFailed
from tests.support.codec import MAX_PIXELS, compressed, opened, outcome
from tests.support.eyes import likeness
from tests.support.photos import encoded, photo, picture

KINDS = ("jpeg", "png", "webp", "gif", "tiff", "avif", "bmp", "heic")
NAMES = {"webp": "WebP"}


@cache
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


@pytest.mark.parametrize(("kind", "end"), [("jpeg", 2), ("png", 12), ("png", 3), ("gif", 1)])
def test_a_picture_that_lacks_only_its_end_mark_can_be_kept(kind: str, end: int) -> None:
    whole = photo("coffee", width=200, format=kind, quality=40)

    done = compressed(whole[:-end], quality="100") if kind == "jpeg" else compressed(whole[:-end], max_bytes="100%")

    assert done.kept
    assert likeness(done.data, whole) == 1.0


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


@pytest.mark.parametrize("compression", ["lzw", "deflate", "jpeg", "packbits"])
@pytest.mark.parametrize("words", [{}, {"format": "webp"}, {"max_bytes": "90%"}, {"quality": "auto"}], ids=str)
def test_a_tiff_with_a_broken_tile_is_an_error(compression: str, words: dict[str, Any]) -> None:
    image = pyvips.Image.new_from_buffer(photo("coffee", width=300, format="png"), "")
    data = bytearray(image.tiffsave_buffer(compression=compression, tile=True))
    with TiffFile(io.BytesIO(data)) as file:
        page: Any = file.pages[0]
        start, length = page.dataoffsets[3], page.databytecounts[3]
    assert likeness(compressed(bytes(data)).data, photo("coffee", width=300)) > 0.7
    data[start : start + length] = bytes(length)

    with pytest.raises(ImageFailed, match="damaged TIFF"):
        compressed(bytes(data), **words)


@pytest.mark.parametrize("count", [None, 0x1000_0000], ids=["no entry", "an entry of a gigabyte"])
def test_a_tiff_whose_directory_is_broken_is_not_said_to_want_memory(count: int | None) -> None:
    """Its reader says so of what it is told to read, whatever that is."""
    whole = photo("coffee", width=64, format="tiff")
    if count is None:
        broken = whole[:4] + (len(whole) + len(whole) % 2).to_bytes(4, "little") + whole[8:] + bytes(7)
    else:
        first = int.from_bytes(whole[4:8], "little") + 2
        entry = next(at for at in range(first, len(whole), 12) if whole[at : at + 2] == b"\x02\x01")  # BitsPerSample
        broken = whole[: entry + 4] + count.to_bytes(4, "little") + whole[entry + 8 :]

    failure = outcome(lambda: compressed(broken))

    assert isinstance(failure, ImageFailed)
    assert (failure.code, str(failure)) == ("damaged", "damaged TIFF: it cannot be read")


def test_what_is_whole_but_coded_in_a_way_that_nobody_here_reads_is_not_called_damaged() -> None:
    lab = bytes(pyvips.Image.black(20, 20, bands=3).colourspace("labq").tiffsave_buffer())
    for data in (lab, sample("heic").replace(b"hvc1", b"unci")):
        with pytest.raises(ImageFailed, match="is not supported") as refusal:
            compressed(data)

        assert refusal.value.code == "unsupported_format"


def test_a_gif_without_its_trailer_passes() -> None:
    data = encoded(picture("coffee", width=100), "gif")

    assert likeness(compressed(data[:-1]).data, data) > 0.7


def noise(frames: int, **save: Any) -> bytes:
    """An animated GIF whose frames weigh much, of different colours."""
    made = []
    for number in range(frames):
        image = Image.new("RGB", (24, 18))
        dice = random.Random(number)
        image.putdata([tuple(dice.randrange(256) if band == number % 3 else 0 for band in range(3)) for _ in range(24 * 18)])
        made.append(image)
    return encoded(made[0], "gif", save_all=True, append_images=made[1:], duration=80, **save)


def ends_of_frames(data: bytes) -> list[int]:
    return [end for introducer, _, end in gif._blocks(data) if introducer == 0x2C]


ANIMATION = noise(3, loop=0)


def with_codes(data: bytes, frame: int, change: Callable[[bytes], bytes]) -> bytes:
    """`data` with what `change` makes of the codes of one of its frames, in blocks that are closed properly."""
    start, end = [(start, end) for introducer, start, end in gif._blocks(data) if introducer == 0x2C][frame]
    at = start + 11 + gif._colour_table(data, start + 9)
    codes = change(gif._joined(data, at, end))
    blocks = (codes[place : place + 255] for place in range(0, len(codes), 255))
    return data[:at] + b"".join(bytes((len(block),)) + block for block in blocks) + b"\0" + data[end:]


@pytest.mark.parametrize("frame", [0, 2])
@pytest.mark.parametrize(
    "change",
    [lambda codes: codes[: len(codes) // 2], lambda codes: codes[:-4], lambda codes: codes[:30] + b"\xff" * 30 + codes[60:]],
    ids=["half of them", "most of them", "impossible ones"],
)
def test_a_gif_that_lacks_pixels_of_a_frame_is_an_error(frame: int, change: Callable[[bytes], bytes]) -> None:
    assert with_codes(ANIMATION, frame, bytes) == ANIMATION

    with pytest.raises(ImageFailed, match="damaged GIF: pixels are missing"):
        compressed(with_codes(ANIMATION, frame, change))


def test_a_gif_with_more_codes_than_pixels_passes() -> None:
    assert opened(compressed(with_codes(ANIMATION, 1, lambda codes: codes + b"more")).data).n_frames == 3  # type: ignore[attr-defined]


@given(st.integers(1, 90), st.integers(1, 90), st.integers(2, 256), st.integers())
def test_the_codes_of_a_gif_hold_all_its_pixels_and_no_more(width: int, height: int, colours: int, seed: int) -> None:
    pixels = random.Random(seed).choices(range(colours), k=width * height)
    data = encoded(Image.frombytes("P", (width, height), bytes(pixels)), "gif")
    _, start, end = next(block for block in gif._blocks(data) if block[0] == 0x2C)
    at = start + 10 + gif._colour_table(data, start + 9)

    assert lzw.holds(width * height, data[at], gif._joined(data, at + 1, end))
    assert not lzw.holds(width * height + 1, data[at], gif._joined(data, at + 1, end))


@given(st.integers(0, 300), st.integers(0, 255), st.binary(max_size=60))
def test_any_codes_hold_some_pixels_or_none(pixels: int, least_bits: int, data: bytes) -> None:
    assert lzw.holds(pixels, least_bits, data) in (True, False)


@given(st.integers(6, len(ANIMATION) - 1))
@example(ends_of_frames(ANIMATION)[0] + 8)  # a frame was announced
@example(ends_of_frames(ANIMATION)[1] - 1)
@example(800)  # before the first frame
@settings(max_examples=150)
def test_an_animated_gif_cut_anywhere_is_an_error_or_has_nothing_but_whole_frames(end: int) -> None:
    done = outcome(lambda: compressed(ANIMATION[:end], format="webp"))

    if end in ends_of_frames(ANIMATION):  # as if it merely lacked its trailer
        whole = ends_of_frames(ANIMATION).index(end) + 1
        assert opened(done.data).n_frames == whole  # type: ignore[union-attr,attr-defined]
    else:
        assert isinstance(done, ImageFailed)
        assert str(done) == "damaged GIF: it is cut short"


@pytest.mark.parametrize("words", [{}, {"max_bytes": "100%"}, {"max_size": "12"}, {"format": "smallest"}])
def test_an_animated_gif_without_its_trailer_passes_with_all_its_frames(words: dict[str, Any]) -> None:
    assert opened(compressed(ANIMATION[:-1], **words).data).n_frames == 3  # type: ignore[attr-defined]


def test_a_gif_that_is_padded_instead_of_closed_passes() -> None:
    for padded in (ANIMATION[:-1] + bytes(20), ANIMATION + bytes(20)):
        assert opened(compressed(padded, format="webp").data).n_frames == 3  # type: ignore[attr-defined]


def test_a_sound_webp_that_memory_does_not_do_for_is_not_called_damaged() -> None:
    """Its reader says the same of both."""
    sound = photo("coffee", width=240, format="webp")
    whole = open_picture(sound, Kind.WEBP, max_pixels=MAX_PIXELS)
    broken = replace(whole, data=sound[: len(sound) // 2])

    def starved(image: pyvips.Image) -> None:
        image.avg()
        raise pyvips.Error("webp2vips: unable to read pixels")

    with pytest.raises(MemoryError):
        whole.use(starved)
    with pytest.raises(ImageFailed) as failure:
        broken.use(starved)
    assert failure.value.code == "damaged"
