"""The long way of an image: read the header → plan → decode → encode; and the original where nothing is won by that."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache, partial

import pyvips

from halve.codec import look
from halve.codec.coefficients import requantised
from halve.codec.damage import forget
from halve.codec.encoders import Encoder
from halve.codec.eye import Eye
from halve.codec.kept import lighter, original
from halve.codec.picture import Picture, decoded, open_picture
from halve.codec.plan import Plan, plan
from halve.codec.sample import sampled
from halve.codec.search import best_within, least_within
from halve.codec.sniff import Kind
from halve.codec.strip import png
from halve.core.compressed import Compressed
from halve.core.errors import ImageFailed
from halve.core.options import Options
from halve.core.sizes import in_words

_BITS_OF_PHOTOGRAPHS = 0.6  # a pixel, as WebP or AVIF
_TRIES, _FEW_TRIES = 12, 3  # encodes at the most to find a look
_PIXELS_OF_MANY_TRIES = 32_000_000


def long_way(data: bytes, kind: Kind, options: Options, *, max_pixels: int) -> Compressed:
    """Make one image smaller as `options` say. Raises ImageFailed with a stable code; MemoryError where that ran out."""
    forget()
    picture = open_picture(data, kind, max_pixels=max_pixels)
    what = plan(picture, options)
    if what.only_bounded and (kept := _original_that_fits(picture, what)) is not None:
        picture.use(_read)
        return kept
    best = lighter(_make(picture, what), data, kind, picture.width, picture.height)
    if best.kept and not _fits(best, what):
        raise ImageFailed(f"cannot be made smaller than {in_words(what.bound or 0)}", code="size_target")
    return best


def _original_that_fits(picture: Picture, what: Plan) -> Compressed | None:
    try:
        kept = original(picture.data, picture.kind, picture.width, picture.height)
    except ImageFailed:  # encoding it may still do
        return None
    return kept if _fits(kept, what) else None


def _fits(made: Compressed, what: Plan) -> bool:
    return what.bound is None or len(made.data) <= what.bound


def _make(picture: Picture, what: Plan) -> Compressed | None:
    """The picture encoded as planned, in whichever format makes it smallest; None where it is to stay as it is, or no quality is
    small enough. With a bound on the bytes the best quality wins.
    """
    if not what.encoders:
        picture.use(_read)  # what goes out untouched must be whole, too
        return None
    best: _Candidate | None = None
    for encoder in what.encoders:
        if best is not None and _hopeless(encoder, best.made, picture):
            continue
        candidate = _encoded(picture, what, encoder, best)
        if candidate is not None and (best is None or candidate.rank(what) < best.rank(what)):
            best = candidate
    return best.made if best else None


@dataclass(frozen=True, slots=True)
class _Candidate:
    """`sufficient`: it looks good enough, where that is asked."""

    made: Compressed
    sufficient: bool = True

    def rank(self, what: Plan) -> tuple[bool, int, int]:
        """The lowest is best. What looks good enough comes first; where bytes are bounded and that is not asked, or cannot be had
        within the bound, the best quality; then the fewest bytes.
        """
        by_quality = what.bound is not None and not (what.by_eye and self.sufficient)
        return not self.sufficient, -(self.made.quality or 0) if by_quality else 0, len(self.made.data)


def _hopeless(encoder: Encoder, best: Compressed, picture: Picture) -> bool:
    """PNG is not tried on what WebP or AVIF made of a photograph: its palettes take several times the bytes."""
    bits = 8 * len(best.data) / (best.width * best.height * picture.pages)
    return encoder.format == "png" and picture.kind is not Kind.PNG and bits > _BITS_OF_PHOTOGRAPHS


def _encoded(picture: Picture, what: Plan, encoder: Encoder, best: _Candidate | None) -> _Candidate | None:
    """The picture in one format; None also where that is no better than the best so far for certain."""
    if _stays_a_jpeg_of_its_size(picture, what, encoder):
        candidate = _by_coefficients(picture, what)
        if candidate is not None:
            return candidate
    if not picture.animated and encoder.format != picture.kind:
        picture = replace(picture, pages=1)  # of a TIFF's pages, the first: not even WebP is to show them as an animation
    colour = _png_colour(picture)
    to_beat = best if what.by_eye and best is not None and best.sufficient else None

    def work(image: pyvips.Image) -> tuple[int, bytes, bool] | None:
        ready = _ready(image, picture, what, encoder, colour)
        if what.bound is not None or what.by_eye:
            ready = ready.copy_memory()

        def encode(quality: int) -> bytes:
            made = encoder.encode(ready, quality)
            return png.with_colour(made, colour) if colour and encoder.format == "png" else made

        def within(most: int, *, sufficient: bool) -> tuple[int, bytes, bool] | None:
            sample = sampled(encoder, ready, what.bound) if what.bound is not None else None
            found = best_within(encode, encoder.qualities(most), bound=what.bound, sample=sample)
            return None if found is None else (*found, sufficient)

        if not what.by_eye:
            return within(what.quality, sufficient=True)
        found = _by_eye(encode, ready, picture=picture, encoder=encoder, what=what, to_beat=to_beat)
        if found is not None and (what.bound is None or len(found[1]) <= what.bound):
            return (*found, True)
        if to_beat or what.bound is None:
            return None
        return within(found[0] - 1 if found else what.quality, sufficient=False)

    found = picture.use(work, shrink=_shrink_on_load(picture, what))
    if found is None:
        return None
    quality, data, sufficient = found
    return _Candidate(Compressed(data, encoder.format, what.width, what.height, quality=quality, kept=False), sufficient)


def _by_eye(
    encode: Callable[[int], bytes],
    ready: pyvips.Image,
    *,
    picture: Picture,
    encoder: Encoder,
    what: Plan,
    to_beat: _Candidate | None,
) -> tuple[int, bytes] | None:
    """The least quality that looks good enough, and its output; None where that would be too heavy to be of use."""
    enough = [len(to_beat.made.data)] if to_beat else []
    if what.bound is not None:
        enough.append(what.bound + 1)
    eye = Eye(look.eight_bits(ready))

    def strain(data: bytes) -> float:
        return _strain(eye, look.in_step(decoded(data, encoder.format, picture.pages), ready))

    return least_within(
        encode,
        strain,
        encoder.qualities(what.quality),
        bound=1.0,
        lighter_than=min(enough, default=None),
        tries=_TRIES if ready.width * ready.height <= _PIXELS_OF_MANY_TRIES else _FEW_TRIES,
    )


def _stays_a_jpeg_of_its_size(picture: Picture, what: Plan, encoder: Encoder) -> bool:
    return encoder.format == picture.kind == Kind.JPEG and (what.width, what.height) == (picture.width, picture.height)


def _by_coefficients(picture: Picture, what: Plan) -> _Candidate | None:
    pixels = what.width * what.height
    smaller = partial(requantised, picture.data, pixels=pixels, orientation=picture.orientation, smooth=what.by_eye)
    quality = what.quality
    if what.by_eye:
        made: dict[int, Compressed] = {}

        def encode(quality: int) -> bytes:
            done = smaller(quality=quality, bound=None)
            if done is None:
                raise _NotTaken
            made[quality] = done
            return done.data

        @cache
        def eye() -> Eye:  # not before something was encoded: whether it is taken at all comes first
            return picture.use(lambda image: Eye(look.upright(image, picture.orientation)))

        try:
            found = least_within(encode, lambda data: _strain(eye(), decoded(data, "jpeg", 1)), range(1, quality + 1), bound=1.0)
        except _NotTaken:
            return None
        assert found is not None, "nothing was to be beaten"
        quality = found[0]
        if what.bound is None or len(made[quality].data) <= what.bound:
            return _Candidate(made[quality])
    best = smaller(quality=quality, bound=what.bound)
    return _Candidate(best, sufficient=not what.by_eye) if best else None


class _NotTaken(Exception):
    """The requantiser leaves this one to pixels."""


def _strain(eye: Eye, image: pyvips.Image) -> float:
    """The distance as a share of what is allowed."""
    return eye.distance(look.eight_bits(image)) / eye.bound


def _ready(image: pyvips.Image, picture: Picture, what: Plan, encoder: Encoder, colour: dict[bytes, bytes]) -> pyvips.Image:
    """The pixels as the encoder is to have them."""
    image = look.plain_colours(image)
    if encoder.format != "png" and b"gAMA" in colour:
        image = look.with_png_gamma(image, int.from_bytes(colour[b"gAMA"], "big"))
    if (what.width, what.height) != (picture.width, picture.height):
        lying = picture.orientation >= 5
        image = look.scaled(image, *((what.height, what.width) if lying else (what.width, what.height)))
    return encoder.prepared(look.upright(image, picture.orientation))


def _png_colour(picture: Picture) -> dict[bytes, bytes]:
    """How a PNG without an ICC profile says what its colours mean; libvips hands on profiles alone."""
    if picture.kind is not Kind.PNG:
        return {}
    chunks = png.colour_chunks(picture.data)
    return {} if b"iCCP" in chunks else chunks


def _shrink_on_load(picture: Picture, what: Plan) -> int:
    """How much smaller a JPEG may be decoded, leaving at least a factor of two to be shrunk well."""
    factor = max(picture.width, picture.height) / max(what.width, what.height)
    narrow = min(picture.width, picture.height)
    return next((shrink for shrink in (8, 4, 2) if factor >= 2 * shrink and narrow >= shrink), 1)


def _read(image: pyvips.Image) -> None:
    """Pull all pixels, so that damage shows."""
    image.avg()
