"""A picture in one format as it was planned: decoded, made ready for the encoder, and encoded until its quality is found."""

from __future__ import annotations

from dataclasses import replace

import pyvips

from halve.codec import look, png_colour
from halve.codec.candidate import Candidate
from halve.codec.encoders import CHROMA_HALVED_BELOW, Encoder, has_whole_chroma, with_halved_chroma
from halve.codec.eye import strain_from
from halve.codec.picture import Picture, decoded
from halve.codec.plan import Plan
from halve.codec.sample import sampled
from halve.codec.search import best_within, least_within
from halve.codec.sniff import Kind
from halve.codec.strip import png
from halve.core.compressed import Compressed

_TRIES, _FEW_TRIES = 12, 3  # encodes at the most to find a look
_PIXELS_OF_MANY_TRIES = 32_000_000

Found = tuple[int, bytes]
"""A quality, and the file that it makes."""


def by_pixels(picture: Picture, what: Plan, encoder: Encoder, *, to_beat: int | None) -> Candidate | None:
    """None where no quality is small enough. `to_beat`: by eye, the bytes of something that looks good enough already; None, too,
    where this would be no lighter.
    """
    if not picture.animated and encoder.format != picture.kind:
        picture = replace(picture, pages=1)  # of a TIFF's pages, the first: not even WebP is to show them as an animation
    return picture.use(lambda image: _Search(image, picture, what, encoder).best(to_beat), shrink=_shrink_on_load(picture, what))


def _shrink_on_load(picture: Picture, what: Plan) -> int:
    """How much smaller a JPEG may be decoded, leaving at least a factor of two to be shrunk well."""
    factor = max(picture.width, picture.height) / max(what.width, what.height)
    narrow = min(picture.width, picture.height)
    return next((shrink for shrink in (8, 4, 2) if factor >= 2 * shrink and narrow >= shrink), 1)


class _Search:
    """For the quality to encode a picture at."""

    def __init__(self, image: pyvips.Image, picture: Picture, what: Plan, encoder: Encoder) -> None:
        self._picture, self._what, self._encoder = picture, what, encoder
        self._colour = _png_colour(picture)
        ready = self._made_ready(image)
        self._ready = ready.copy_memory() if what.bound is not None or what.by_eye else ready  # for more than one encode

    def best(self, to_beat: int | None) -> Candidate | None:
        what = self._what
        if not what.by_eye:
            return self._candidate(self._within(what.quality))
        found = self._by_eye(to_beat)
        if found is not None and what.fits(found[1]):
            return self._candidate(found)
        if to_beat is not None or what.bound is None:
            return None
        return self._candidate(self._within(found[0] - 1 if found else what.quality), sufficient=False)

    def _within(self, most: int) -> Found | None:
        """The best quality up to `most` that has no more bytes than it may."""
        bound, encoder = self._what.bound, self._encoder
        sample = sampled(encoder, self._ready, bound) if bound is not None else None
        found = best_within(self._encode, encoder.qualities(most), bound=bound, sample=sample)
        finer = range(CHROMA_HALVED_BELOW, most + 1)
        in_the_gap = encoder.format == "jpeg" and found is not None and found[0] == CHROMA_HALVED_BELOW - 1
        if not (in_the_gap and finer and has_whole_chroma(self._ready)):
            return found
        self._ready = with_halved_chroma(self._ready)  # there is no room for whole chroma, but perhaps for finer steps
        return best_within(self._encode, finer, bound=bound) or found

    def _by_eye(self, to_beat: int | None) -> Found | None:
        """The least quality that looks good enough; None where that would be too heavy to be of use."""
        ready, what = self._ready, self._what
        too_heavy = [] if to_beat is None else [to_beat]
        if what.bound is not None:
            too_heavy.append(what.bound + 1)
        strain_of = strain_from(look.eight_bits(ready))

        def strain(data: bytes) -> float:
            return strain_of(look.in_step(decoded(data, self._encoder.format, self._picture.pages), ready))

        return least_within(
            self._encode,
            strain,
            self._encoder.qualities(what.quality),
            bound=1.0,
            lighter_than=min(too_heavy, default=None),
            tries=_TRIES if ready.width * ready.height <= _PIXELS_OF_MANY_TRIES else _FEW_TRIES,
        )

    def _encode(self, quality: int) -> bytes:
        made = self._encoder.encode(self._ready, quality)
        return png.with_colour(made, self._colour) if self._colour and self._encoder.format == "png" else made

    def _candidate(self, found: Found | None, *, sufficient: bool = True) -> Candidate | None:
        if found is None:
            return None
        quality, data = found
        what, format = self._what, self._encoder.format
        return Candidate(Compressed(data, format, what.width, what.height, quality=quality, kept=False), sufficient)

    def _made_ready(self, image: pyvips.Image) -> pyvips.Image:
        """The pixels as the encoder is to have them."""
        picture, what = self._picture, self._what
        image = look.plain_colours(image)
        if self._encoder.format != "png":
            image = png_colour.as_srgb(image, self._colour)
        if not what.as_large_as(picture):
            lying = picture.orientation >= 5
            image = look.scaled(image, *((what.height, what.width) if lying else (what.width, what.height)))
        return self._encoder.prepared(look.upright(image, picture.orientation))


def _png_colour(picture: Picture) -> dict[bytes, bytes]:
    """How a PNG without an ICC profile says what its colours mean; libvips hands on profiles alone."""
    if picture.kind is not Kind.PNG:
        return {}
    chunks = png.colour_chunks(picture.data)
    return {} if b"iCCP" in chunks else chunks
