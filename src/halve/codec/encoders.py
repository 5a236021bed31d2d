"""One encoder a format: pixels and a quality in, a file without metadata out.

`quality` is always the JPEG scale's; `scales` says what that means elsewhere. All of them keep the colour profile.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import pyvips

from halve.codec import look, palette_spots, scales
from halve.codec.limits import LONGEST_JPEG
from halve.codec.strip import png, webp

_KEEP = "icc"
_BEYOND_PALETTES = 90  # photographs of 256 colours score between JPEGs of 85 and of 90
_DITHER = 0.5
CHROMA_HALVED_BELOW = 90  # of JPEG, where libvips begins to
_SAMPLING = "jpeg-chroma-subsample"
_PIXELS_WORTH_CARE = 16_000_000  # above it AVIF and PNG are made in a fifth and two fifths of the time, for more bytes

# How hard an encoder tries, on its library's scale: where more effort costs much and saves little. `python -m bench effort`.
WEBP_EFFORT, WEBP_EFFORT_WITHOUT_LOSS = 5, 4
AVIF_EFFORT, AVIF_EFFORT_WHERE_LARGE = 2, 0
PNG_EFFORT, PNG_EFFORT_WHERE_LARGE = 5, 3

_SUPPOSED = (1.0, 2.834, 72 / 25.4)
"""Pixels a millimetre that libvips supposes where a file states none; those of PNG and JPEG come last."""


@dataclass(frozen=True, slots=True)
class Encoder:
    """`longest_edge`: what the format can hold. `alpha`, `grey`, `deep`: whether it takes alpha, grey, 16 bits (at some quality).

    `frames`: whether it takes several pages below one another. `number`: its own for a quality; equal ones make the same file.
    `seams`: what those between the tiles of a sample add to the logarithm of its size, at one bit a pixel; None: it has no samples.
    """

    format: str
    encode: Callable[[pyvips.Image, int], bytes]
    longest_edge: int
    alpha: bool = True
    grey: bool = True
    deep: bool = False
    frames: bool = False
    number: Callable[[int], object] = int
    seams: float | None = None

    def qualities(self, most: int) -> list[int]:
        """Those up to `most` that are worth trying: of those that make the same file, the highest."""
        return [quality for quality in range(1, most + 1) if quality == most or self.number(quality) != self.number(quality + 1)]

    def prepared(self, image: pyvips.Image) -> pyvips.Image:
        """Whatever this format cannot hold put into what it can."""
        if not self.alpha:
            image = look.on_white(image)
        if not self.grey:
            image = look.three_colours(image)
        return image if self.deep else look.eight_bits(image)


def _jpeg(image: pyvips.Image, quality: int) -> bytes:
    """Baseline with optimal Huffman tables. Chroma is halved below 90, or where it came halved."""
    subsampled = "on" if _came_halved(image) else "auto"
    return bytes(image.jpegsave_buffer(Q=quality, optimize_coding=True, subsample_mode=subsampled, keep=_KEEP))


def _came_halved(image: pyvips.Image) -> bool:
    return bool(image.get_typeof(_SAMPLING)) and image.get(_SAMPLING) == "4:2:0"


def has_whole_chroma(image: pyvips.Image) -> bool:
    """Whether a JPEG of it would have whole chroma from some quality on."""
    return image.bands > 1 and not _came_halved(image)


def with_halved_chroma(image: pyvips.Image) -> pyvips.Image:
    """For a JPEG whose chroma is to be halved at any quality, as where it came halved."""
    image = image.copy()
    image.set_type(pyvips.GValue.gstr_type, _SAMPLING, "4:2:0")
    return image


def _png(image: pyvips.Image, quality: int) -> bytes:
    """A palette of as many colours as the quality needs, dithered; without loss where 256 are too few, and for few grey levels."""
    bits = image.get(look.BITS) if image.get_typeof(look.BITS) else 8
    if image.bands == 1 and bits < 8 and not image.get_typeof("palette"):
        return _png_file(image, bitdepth=bits, compression=9)
    if quality >= _BEYOND_PALETTES:
        return _png_file(image, filter="all", compression=6)
    small = look.eight_bits(image)
    if image.get_typeof(look.PROFILE):
        small = look.three_colours(small)  # a palette is of RGB
    number = scales.on(scales.PNG, quality)
    depth = {1: 1, 2: 2, 3: 4}.get(quality, 8)
    large = image.width * image.height > _PIXELS_WORTH_CARE
    effort = PNG_EFFORT_WHERE_LARGE if large else PNG_EFFORT
    if not large:
        small = small.copy_memory()  # it is looked at twice
    packed = partial(_png_file, small, palette=True, Q=number, bitdepth=depth, effort=effort, compression=9)
    made = packed(dither=_DITHER)
    return made if large or depth < 8 else palette_spots.without(small, made, lambda: packed(dither=0))


def _png_file(image: pyvips.Image, **how: Any) -> bytes:
    """Without a size on paper where the original states none: libvips writes what it supposes, an inch for 25 pixels of a WebP."""
    made = bytes(image.pngsave_buffer(keep=_KEEP, **how))
    stated = image.get_typeof("resolution-unit") or image.xres != image.yres or image.xres not in _SUPPOSED
    return made if stated else png.without(made, b"pHYs")


def _png_number(quality: int) -> object:
    """The first three qualities have depths of their own."""
    return (min(quality, 4), quality >= _BEYOND_PALETTES, scales.on(scales.PNG, quality))


def _webp(image: pyvips.Image, quality: int) -> bytes:
    """Lossy below 100; alpha without loss."""
    if quality >= 100:
        made = image.webpsave_buffer(lossless=True, effort=WEBP_EFFORT_WITHOUT_LOSS, keep=_KEEP)
    else:
        made = image.webpsave_buffer(Q=scales.on(scales.WEBP, quality), effort=WEBP_EFFORT, keep=_KEEP)
    return webp.said_to_have_alpha(bytes(made)) if image.hasalpha() and image.get_n_pages() > 1 else bytes(made)


def _webp_number(quality: int) -> object:
    return (quality >= 100, scales.on(scales.WEBP, quality))


def _avif(image: pyvips.Image, quality: int) -> bytes:
    effort = AVIF_EFFORT if image.width * image.height <= _PIXELS_WORTH_CARE else AVIF_EFFORT_WHERE_LARGE
    number = scales.on(scales.AVIF, quality)
    return bytes(image.heifsave_buffer(compression="av1", Q=number, effort=effort, bitdepth=8, keep=_KEEP))


def _gif(image: pyvips.Image, quality: int) -> bytes:
    """Fewer colours, and more tolerance for pixels that hardly change from frame to frame."""
    depth = next(bits for least, bits in ((85, 8), (60, 7), (35, 6), (20, 5), (10, 4), (5, 3), (2, 2), (0, 1)) if quality >= least)
    tolerance = (100 - quality) * 0.16
    return bytes(image.gifsave_buffer(bitdepth=depth, interframe_maxerror=tolerance, dither=0.5, effort=4, keep=_KEEP))


def _tiff(image: pyvips.Image, quality: int) -> bytes:
    """JPEG within TIFF for pictures of 8 bits without alpha that are not too wide for it; packed without loss otherwise."""
    if image.get_typeof(look.BITS) and image.get(look.BITS) == 1 and image.bands == 1:
        return bytes(image.tiffsave_buffer(compression="ccittfax4", bitdepth=1, keep=_KEEP))
    if quality < 100 and image.format == "uchar" and not image.hasalpha() and image.width <= LONGEST_JPEG:
        return bytes(image.tiffsave_buffer(compression="jpeg", Q=quality, keep=_KEEP))
    return bytes(image.tiffsave_buffer(compression="deflate", predictor="horizontal", keep=_KEEP))


def _heic(image: pyvips.Image, quality: int) -> bytes:
    import pillow_heif

    mode = {1: "L", 3: "RGB", 4: "RGBA"}[image.bands]
    made = pillow_heif.from_bytes(mode, (image.width, image.height), image.write_to_memory())
    profile = {"icc_profile": image.get(look.PROFILE)} if image.get_typeof(look.PROFILE) else {}
    made[0].info.update(profile)
    out = io.BytesIO()
    made.save(out, quality=scales.on(scales.HEIC, quality), exif=None, xmp=None, enc_params={"preset": "veryfast"})
    return out.getvalue()


ENCODERS = {
    encoder.format: encoder
    for encoder in (
        Encoder("jpeg", _jpeg, LONGEST_JPEG, alpha=False, seams=0.05),
        Encoder("png", _png, 2**31 - 1, deep=True, number=_png_number, seams=0.12),
        Encoder("webp", _webp, 16_383, grey=False, frames=True, number=_webp_number, seams=0.12),
        Encoder("avif", _avif, 16_384, grey=False, number=partial(scales.on, scales.AVIF), seams=0.17),
        Encoder("gif", _gif, 65_535, grey=False, frames=True),
        Encoder("tiff", _tiff, 2**31 - 1, deep=True, frames=True),
        Encoder("heic", _heic, 16_384, grey=False, number=partial(scales.on, scales.HEIC), seams=0.12),
    )
}
