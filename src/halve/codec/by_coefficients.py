"""A JPEG that stays one, and as large as it is, as it was planned: by its coefficients, without pixels."""

from __future__ import annotations

from functools import cache, partial

from halve.codec import look
from halve.codec.candidate import Candidate
from halve.codec.coefficients import requantised
from halve.codec.eye import Eye
from halve.codec.picture import Picture, decoded
from halve.codec.plan import Plan
from halve.codec.search import least_within
from halve.core.compressed import Compressed

CHROMA_TELLS = 75
"""Where halved chroma needs such a quality to look good enough, colours are what fails, and the whole of it may need far less."""


class _NotTaken(Exception):
    """The requantiser leaves this one to pixels."""


def by_coefficients(picture: Picture, what: Plan) -> Candidate | None:
    """None where pixels must do it. By eye, pixels are looked at all the same."""
    quality = what.quality
    if what.by_eye:
        try:
            halved, lightest = _least_by_eye(picture, what)
        except _NotTaken:
            return None
        if what.fits(lightest.data):
            return Candidate(lightest)
        assert halved.quality is not None, "it was made at one"
        quality = halved.quality
    best = requantised(
        picture.data,
        quality=quality,
        bound=what.bound,
        pixels=what.width * what.height,
        orientation=picture.orientation,
        smooth=what.by_eye,
    )
    return Candidate(best, sufficient=not what.by_eye) if best else None


def _least_by_eye(picture: Picture, what: Plan) -> tuple[Compressed, Compressed]:
    """What looks good enough with chroma as its quality has it, and the lightest that does, perhaps with the whole of it."""
    pixels = what.width * what.height
    smaller = partial(requantised, picture.data, bound=None, pixels=pixels, orientation=picture.orientation, smooth=True)

    @cache
    def eye() -> Eye:  # not before something was encoded: whether it is taken at all comes first
        return picture.use(lambda image: Eye(look.upright(image, picture.orientation)))

    def least(*, whole: bool, lighter_than: int | None = None) -> Compressed | None:
        made: dict[int, Compressed] = {}

        def encode(quality: int) -> bytes:
            done = smaller(quality=quality, whole=whole)
            if done is None:
                raise _NotTaken
            made[quality] = done
            return done.data

        def strain(data: bytes) -> float:
            return eye().strain(decoded(data, "jpeg", 1))

        found = least_within(encode, strain, range(1, what.quality + 1), bound=1.0, lighter_than=lighter_than)
        return made[found[0]] if found else None

    halved = least(whole=False)
    assert halved is not None, "nothing was to be beaten"
    asks_little = halved.quality is not None and halved.quality < CHROMA_TELLS and len(halved.data) < len(picture.data)
    if asks_little or smaller(quality=1, whole=True) == smaller(quality=1):  # or no chroma can be halved
        return halved, halved
    whole = least(whole=True, lighter_than=len(halved.data))
    return halved, whole if whole and len(whole.data) < len(halved.data) else halved
