"""Bringing decoded pixels into the shape in which an encoder takes them, without changing what anybody sees."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from itertools import accumulate

import pyvips

PROFILE = "icc-profile-data"
BITS = "bits-per-sample"
DELAYS = "delay"
_GREY = ("b-w", "grey16")


def upright(image: pyvips.Image, orientation: int) -> pyvips.Image:
    """Turned as its orientation says. Beyond mirroring left and right this needs the whole picture in memory."""
    if orientation == 1:
        return image
    if orientation > 2:
        image = image.copy_memory()
    image = image.copy()
    image.set_type(pyvips.GValue.gint_type, "orientation", orientation)
    return each_page(image, lambda page: page.autorot())


def plain_colours(image: pyvips.Image) -> pyvips.Image:
    """Grey or RGB, with or without alpha; 8 or 16 bits. Its profile, if it still holds, stays attached.

    CMYK becomes sRGB through its profile; without one, by multiplying out black, as browsers and most viewers do. Of more channels
    than that (masks and spot colours of a TIFF) the first is alpha, and the others are for the press.
    """
    if image.interpretation == "cmyk":
        return _from_cmyk(_first(image, 5))
    if image.interpretation in _GREY or image.bands <= 2:
        return _first(image, 2).copy(interpretation="grey16" if image.format == "ushort" else "b-w")
    if image.interpretation in ("srgb", "rgb", "rgb16", "multiband"):
        return _first(image, 4).copy(interpretation="rgb16" if image.format == "ushort" else "srgb")
    return _without_profile(image.colourspace("srgb"))


def _first(image: pyvips.Image, bands: int) -> pyvips.Image:
    return image[:bands] if image.bands > bands else image


def eight_bits(image: pyvips.Image) -> pyvips.Image:
    if image.format == "uchar":
        return image
    if image.format == "ushort":
        image = image.cast("uchar", shift=True)
    return image.cast("uchar").copy(interpretation="b-w" if image.bands <= 2 else "srgb")


def three_colours(image: pyvips.Image) -> pyvips.Image:
    """RGB, for formats that have no grey. A profile of grey says nothing of RGB, so it is applied first."""
    if image.bands > 2:
        return image
    managed = _through_profile(image, b"GRAY")
    if managed is not None:
        return managed
    return _without_profile(image).colourspace("rgb16" if image.format == "ushort" else "srgb")


def on_white(image: pyvips.Image) -> pyvips.Image:
    """Alpha gone, for formats that have none: what shows through is white."""
    if not image.hasalpha():
        return image
    return each_page(image, lambda page: page.flatten(background=65535 if page.format == "ushort" else 255)).cast(image.format)


def scaled(image: pyvips.Image, width: int, height: int) -> pyvips.Image:
    """Each page shrunk to exactly `width` by `height`, by averaging and Lanczos, in the file's own gamma, as browsers do.

    Black and white average to greys, so what was true of the samples' bits is true no more.
    """

    def shrink(page: pyvips.Image) -> pyvips.Image:
        alpha = page.hasalpha()
        small = page.premultiply() if alpha else page
        small = small.resize(width / page.width, vscale=height / page.height)
        return (small.unpremultiply() if alpha else small).cast(page.format)

    return _without(BITS, each_page(image, shrink))


def each_page(image: pyvips.Image, work: Callable[[pyvips.Image], pyvips.Image]) -> pyvips.Image:
    """`work` done on every page by itself, so that nothing of a frame bleeds into its neighbours."""
    pages = image.get_n_pages()
    if pages <= 1 or image.get_page_height() >= image.height:
        return work(image)
    height, image = image.get_page_height(), image.copy_memory()
    tops = range(0, image.height, height)
    done = [work(image.crop(0, top, image.width, height)).copy_memory() for top in tops]  # else all are in work at once, at the end
    joined = pyvips.Image.arrayjoin(done, across=1).copy()
    joined.set_type(pyvips.GValue.gint_type, "page-height", done[0].height)
    return joined


def in_step(image: pyvips.Image, original: pyvips.Image) -> pyvips.Image:
    """An animation with as many frames as its original: those that are equal were joined into one that is shown for longer."""
    if image.height == original.height:
        return image
    height, delays = original.get_page_height(), original.get(DELAYS)
    ends = list(accumulate(image.get(DELAYS))) if image.get_typeof(DELAYS) else [0]
    if ends[-1] != sum(delays):
        delays = [delay if delay > 10 else 100 for delay in delays]  # as browsers show them, and WebP is written
    frames = [min(bisect_right(ends, start), len(ends) - 1) for start in accumulate(delays[:-1], initial=0)]
    image = image.copy_memory()
    return pyvips.Image.arrayjoin([image.crop(0, height * frame, image.width, height) for frame in frames], across=1)


def _from_cmyk(image: pyvips.Image) -> pyvips.Image:
    managed = _through_profile(image, b"CMYK")
    if managed is not None:
        return managed
    most = 65535.0 if image.format == "ushort" else 255.0
    paper = image[:4].linear([-1.0] * 4, [most] * 4)  # 0 is now full ink
    rgb = (paper[:3] * paper[3] / most).rint().cast(image.format)
    if image.bands > 4:
        rgb = rgb.bandjoin(image[4])
    return _without_profile(rgb.copy(interpretation="rgb16" if image.format == "ushort" else "srgb"))


def _through_profile(image: pyvips.Image, space: bytes) -> pyvips.Image | None:
    """In sRGB, by the image's own profile of that colour space; None where it has none that works.

    Perceptual, since that is how browsers read the tables of such profiles.
    """
    profile = image.get(PROFILE) if image.get_typeof(PROFILE) else b""
    if profile[36:40] != b"acsp" or profile[16:20] != space:  # ICC.1, 7.2: libvips would put one of its own in its place
        return None
    try:
        return _without_profile(image.icc_transform("srgb", embedded=True, intent="perceptual").copy_memory())
    except pyvips.Error:
        return None  # broken: viewers ignore it too


def _without_profile(image: pyvips.Image) -> pyvips.Image:
    return _without(PROFILE, image)


def _without(fact: str, image: pyvips.Image) -> pyvips.Image:
    if image.get_typeof(fact):
        image = image.copy()
        image.remove(fact)
    return image
