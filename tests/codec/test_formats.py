"""What comes in as one kind of picture goes out as the same kind, lighter, and looks the same."""

from __future__ import annotations

import io
import struct
from functools import cache
from typing import Any

import pillow_heif
import pytest
import pyvips
from PIL import Image, TiffImagePlugin

from halve.core.errors import ImageFailed
from tests.support.codec import FORMATS, compressed, opened
from tests.support.eyes import colour_distance, likeness
from tests.support.photos import encoded, photo, picture

READABLE = ("jpeg", "png", "webp", "gif", "tiff", "avif", "bmp", "ico", "heic")
PAGES = [picture(name, width=200).resize((200, 150)) for name in ("coffee", "chelsea", "rocket")]
BECOMES = {"bmp": "png", "ico": "png"}


@cache
def sample(kind: str) -> bytes:
    """Coffee at a small size, or 256 pixels square where the format has no larger ones."""
    if kind == "ico":
        return encoded(picture("coffee").resize((256, 256)), "ico", sizes=[(256, 256)], bitmap_format="bmp")
    if kind == "heic":
        out = io.BytesIO()
        pillow_heif.from_pillow(picture("coffee", width=400)).save(out, quality=90)
        return out.getvalue()
    return photo("coffee", width=400, format=kind)


@pytest.mark.parametrize("kind", READABLE)
def test_a_picture_of_every_kind_becomes_lighter_and_looks_the_same(kind: str) -> None:
    data = sample(kind)

    done = compressed(data)

    assert done.format == BECOMES.get(kind, kind)
    assert not done.kept
    assert done.quality == 50
    assert len(done.data) < 0.8 * len(data)
    assert likeness(done.data, data) > 0.75
    assert colour_distance(done.data, data) < 2.0


@pytest.mark.parametrize("kind", READABLE)
@pytest.mark.parametrize("wanted", FORMATS)
def test_every_kind_can_be_made_every_other(kind: str, wanted: str) -> None:
    data = sample(kind)

    done = compressed(data, format=wanted)

    if done.kept:  # a palette PNG of a photograph outweighs its JPEG
        assert wanted == "png"
        assert len(done.data) <= len(data)
    else:
        assert done.format == wanted
        assert opened(done.data).format == wanted.upper()
        assert len(done.data) < len(data)
    assert likeness(done.data, data) > 0.75


def test_of_an_icons_largest_pictures_the_one_with_the_most_colours_is_taken() -> None:
    """Those for old screens, of 16 and 256 colours, stand beside it and are as large."""
    shown = picture("coffee").resize((48, 48))
    pictures = {4: shown.quantize(16), 8: shown.quantize(256), 32: shown}
    entries, files = b"", b""
    for bits, image in pictures.items():
        file = encoded(image.convert("RGB"), "png")
        entries += struct.pack("<BBBxHHII", 48, 48, 0, 1, bits, len(file), 6 + 16 * len(pictures) + len(files))
        files += file

    done = compressed(struct.pack("<HHH", 0, 1, len(pictures)) + entries + files, quality="90")

    assert likeness(done.data, shown) == 1.0


@pytest.mark.parametrize("kind", READABLE)
def test_width_and_height_are_reported_and_kept(kind: str) -> None:
    done = compressed(sample(kind))

    assert (done.width, done.height) == ((256, 256) if kind == "ico" else (400, 267))


def test_a_progressive_jpeg_and_one_with_restart_intervals_are_read(way: str) -> None:
    for save in ({"progressive": True}, {"restart_marker_rows": 2}, {"subsampling": "4:4:4"}, {"subsampling": "4:2:2"}):
        data = photo("chelsea", width=300, **save)
        assert likeness(compressed(data).data, data) > 0.8


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "I;16"])
def test_every_mode_of_png_survives(mode: str) -> None:
    image = picture("chelsea", width=300)
    if mode == "P":
        image = image.quantize(200)
    elif mode == "I;16":
        image = image.convert("L").convert("I;16").point(lambda level: level * 257)
    else:
        image = image.convert(mode)
    data = encoded(image, "png")

    done = compressed(data)

    shown = encoded(image.point(lambda level: level / 257).convert("L"), "png") if mode == "I;16" else data
    assert likeness(done.data, shown) > 0.75
    assert len(done.data) <= len(data)


@pytest.mark.parametrize("compression", ["raw", "tiff_lzw", "tiff_deflate", "jpeg", "packbits"])
def test_tiff_of_every_compression_is_read(compression: str) -> None:
    data = photo("coffee", width=300, format="tiff", compression=compression)

    assert likeness(compressed(data).data, data) > 0.75


def test_a_tiff_keeps_its_pages() -> None:
    done = compressed(tiff_of(PAGES))

    assert opened(done.data).n_frames == 3  # type: ignore[attr-defined]
    for number, page in enumerate(PAGES):
        assert likeness(shown_page(done.data, number), page) > 0.7


def test_a_tiff_loses_no_page_however_many_it_has() -> None:
    def of_dots(pages: int) -> bytes:
        film = pyvips.Image.black(1, pages).copy()
        film.set_type(pyvips.GValue.gint_type, "page-height", 1)
        return bytes(film.tiffsave_buffer())

    assert opened(compressed(of_dots(500)).data).n_frames == 500  # type: ignore[attr-defined]
    with pytest.raises(ImageFailed, match="more than 4,096 pages"):
        compressed(of_dots(4097))


@pytest.mark.parametrize("wanted", FORMATS)
@pytest.mark.parametrize("words", [{}, {"max_size": "100"}, {"max_bytes": "20%"}, {"quality": "auto"}], ids=str)
def test_another_format_takes_the_first_page_of_a_tiff_and_nothing_of_the_others(wanted: str, words: dict[str, Any]) -> None:
    done = compressed(tiff_of(PAGES), format=wanted, **words)

    assert done.format == wanted
    assert (done.width, done.height) == opened(done.data).size == ((100, 75) if "max_size" in words else (200, 150))
    assert getattr(opened(done.data), "n_frames", 1) == 1
    assert likeness(done.data, PAGES[0].resize(opened(done.data).size)) > 0.7


def test_the_smallest_of_a_tiff_keeps_its_pages() -> None:
    done = compressed(tiff_of(PAGES), format="smallest")

    assert opened(done.data).n_frames == 3  # type: ignore[attr-defined]


def test_a_tiff_of_pages_of_different_sizes_is_handed_out_as_it_is() -> None:
    done = compressed(tiff_of([picture("coffee", width=200), picture("chelsea", width=150)]))

    assert done.kept
    assert opened(done.data).n_frames == 2  # type: ignore[attr-defined]


@pytest.mark.parametrize("other", [{"compression": "raw"}, {"tiffinfo": {274: 3}}, {"tiffinfo": {278: 150}}], ids=str)
def test_so_is_one_of_pages_that_are_laid_down_in_different_ways(other: dict[str, Any]) -> None:
    one = {"compression": "tiff_lzw", "tiffinfo": {278: 10}}  # rows of a strip; 274 is the orientation
    out = io.BytesIO()
    with TiffImagePlugin.AppendingTiffWriter(out) as file:
        for how in (one, {**one, **other}):
            picture("coffee", width=200).save(file, "TIFF", **how)
            file.newFrame()

    done = compressed(out.getvalue())

    assert done.kept
    assert opened(done.data).n_frames == 2  # type: ignore[attr-defined]
    assert compressed(out.getvalue(), format="webp").format == "webp"


def tiff_of(pages: list[Image.Image]) -> bytes:
    return encoded(pages[0], "tiff", save_all=True, append_images=pages[1:])


def shown_page(data: bytes, number: int) -> Image.Image:
    image = Image.open(io.BytesIO(data))
    image.seek(number)
    return image.convert("RGB")


def test_a_tiff_of_black_and_white_stays_sharp() -> None:
    data = encoded(picture("chelsea", width=300).convert("L").point(lambda level: 255 * (level > 110)).convert("1"), "tiff")

    done = compressed(data)

    assert likeness(done.data, data) == 1.0
    assert len(done.data) < len(data)
