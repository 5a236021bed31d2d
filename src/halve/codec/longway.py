"""The long way of an image: read the header → plan → encode as planned; and the original where nothing is won by that."""

from __future__ import annotations

import pyvips

from halve.codec.by_coefficients import by_coefficients
from halve.codec.by_pixels import by_pixels
from halve.codec.candidate import Candidate
from halve.codec.damage import forget
from halve.codec.encoders import Encoder
from halve.codec.kept import lighter, original
from halve.codec.picture import Picture, open_picture
from halve.codec.plan import Plan, plan
from halve.codec.sniff import Kind
from halve.core.compressed import Compressed
from halve.core.errors import ImageFailed
from halve.core.options import Options
from halve.core.sizes import in_words

_BITS_OF_PHOTOGRAPHS = 0.6  # a pixel, as WebP or AVIF


def long_way(data: bytes, kind: Kind, options: Options, *, max_pixels: int) -> Compressed:
    """Make one image smaller as `options` say. Raises ImageFailed with a stable code; MemoryError where that ran out."""
    forget()
    picture = open_picture(data, kind, max_pixels=max_pixels)
    what = plan(picture, options)
    if what.only_bounded and (kept := _original_that_fits(picture, what)) is not None:
        picture.use(_read)
        return kept
    best = lighter(_make(picture, what), data, kind, picture.width, picture.height)
    if best.kept and not what.fits(best.data):
        raise ImageFailed(f"cannot be made smaller than {in_words(what.bound or 0)}", code="size_target")
    return best


def _original_that_fits(picture: Picture, what: Plan) -> Compressed | None:
    try:
        kept = original(picture.data, picture.kind, picture.width, picture.height)
    except ImageFailed:  # encoding it may still do
        return None
    return kept if what.fits(kept.data) else None


def _make(picture: Picture, what: Plan) -> Compressed | None:
    """The picture encoded as planned, in whichever format makes it smallest; None where it is to stay as it is, or no quality is
    small enough. With a bound on the bytes the best quality wins.
    """
    if not what.encoders:
        picture.use(_read)  # what goes out untouched must be whole, too
        return None
    best: Candidate | None = None
    for encoder in what.encoders:
        if best is not None and _hopeless(encoder, best.made, picture):
            continue
        candidate = _encoded(picture, what, encoder, best)
        if candidate is not None and (best is None or candidate.rank(what) < best.rank(what)):
            best = candidate
    return best.made if best else None


def _hopeless(encoder: Encoder, best: Compressed, picture: Picture) -> bool:
    """PNG is not tried on what WebP or AVIF made of a photograph: its palettes take several times the bytes."""
    bits = 8 * len(best.data) / (best.width * best.height * picture.pages)
    return encoder.format == "png" and picture.kind is not Kind.PNG and bits > _BITS_OF_PHOTOGRAPHS


def _encoded(picture: Picture, what: Plan, encoder: Encoder, best: Candidate | None) -> Candidate | None:
    """The picture in one format; None also where that is no better than the best so far for certain."""
    stays_a_jpeg = encoder.format == picture.kind == Kind.JPEG and what.as_large_as(picture)
    if stays_a_jpeg and (candidate := by_coefficients(picture, what)) is not None:
        return candidate
    to_beat = len(best.made.data) if what.by_eye and best is not None and best.sufficient else None
    return by_pixels(picture, what, encoder, to_beat=to_beat)


def _read(image: pyvips.Image) -> None:
    """Pull all pixels, so that damage shows."""
    image.avg()
