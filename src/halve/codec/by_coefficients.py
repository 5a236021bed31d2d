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


class _NotTaken(Exception):
    """The requantiser leaves this one to pixels."""


def by_coefficients(picture: Picture, what: Plan) -> Candidate | None:
    """None where pixels must do it. By eye, pixels are looked at all the same."""
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
            found = least_within(encode, lambda data: eye().strain(decoded(data, "jpeg", 1)), range(1, quality + 1), bound=1.0)
        except _NotTaken:
            return None
        assert found is not None, "nothing was to be beaten"
        quality = found[0]
        if what.fits(made[quality].data):
            return Candidate(made[quality])
    best = smaller(quality=quality, bound=what.bound)
    return Candidate(best, sufficient=not what.by_eye) if best else None
