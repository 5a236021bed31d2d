"""How different two pictures look: the distance that `quality=auto` keeps small, whatever the format.

An error shows less where a picture is busy anyway. So brightness is compared in blocks: the mean squared error of each over how
much the original varies there. Blocks of 8 pixels tell of lost detail, blocks of 32 of edges between JPEG's own blocks and of
washed-out shading. Colour is compared unweighed, for few have busy colours. That is the idea of structural similarity without its
costly parts; how well it agrees with SSIMULACRA2 is told in docs/compression.md.

How far a picture may be is its own affair, too. A busy one pays more bytes for every step nearer than a quiet one does, so it may
be farther: the bytes go to where they buy most. No picture may be farther than FARTHEST, however busy.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import pyvips

from halve.codec import look

FARTHEST = 32.0
"""The largest distance that `quality=auto` allows for any picture."""

_ALLOWED, _BY_BUSYNESS = 15.0, 0.3  # the distance allowed for a flat picture; the power of busyness by which it grows

_VISIBLE = 160.0  # squared levels: what an error is weighed against where the original is flat
_DETAIL, _SHADING, _COLOUR = 80.0, 320.0, 60.0  # how much each part counts
_COLOURS = [[0.299, 0.587, 0.114], [-0.1687, -0.3313, 0.5], [0.5, -0.4187, -0.0813]]  # brightness, and two (ITU-R BT.601)
_BLOCK = 4  # pixels an edge, of a picture at half its size and of one at an eighth
_LEAST_EDGE = 32
_WHITE, _BLACK = 255, 0


class Eye:
    """Has seen an original, and tells how far others of its size are from it. Transparent parts are seen on grey of level `ground`.

    `bound`: the largest distance that `quality=auto` allows for this picture.
    """

    def __init__(self, original: pyvips.Image, *, ground: int = _WHITE) -> None:
        self._ground = ground
        self._half = _half(original, ground)
        brightness = self._half.recomb(_COLOURS[:1]).copy_memory()
        busy = [_variance(level).copy_memory() for level in (brightness, brightness.shrink(4, 4).copy_memory())]
        self._weights = [(1 / (variance + _VISIBLE)).copy_memory() for variance in busy]
        self.bound = _allowed(busy[0])

    def distance(self, other: pyvips.Image) -> float:
        """0 for the same picture."""
        detail, shading, colour = self.parts(other)
        return _DETAIL * detail + _SHADING * shading + _COLOUR * colour

    def strain(self, other: pyvips.Image) -> float:
        """The distance as a share of what is allowed: at most 1 looks good enough. Of any depth."""
        return self.distance(look.eight_bits(other)) / self.bound

    def parts(self, other: pyvips.Image) -> tuple[float, float, float]:
        error = (self._half - _half(other, self._ground)).recomb(_COLOURS).copy_memory()
        fine, coarse = _squared(error), _squared(error[0].shrink(4, 4))
        detail, shading = (
            math.sqrt((squared * weight).avg()) for squared, weight in zip((fine[0], coarse), self._weights, strict=True)
        )
        return detail, shading, math.sqrt((fine[1].avg() + fine[2].avg()) / _VISIBLE)


def strain_from(original: pyvips.Image) -> Callable[[pyvips.Image], float]:
    """Tells of others how far they are from it, as `Eye.strain` does. What can be seen through is seen on white and on black, and
    the worse counts: on white, a white logo bears anything.
    """
    if not original.hasalpha() or original[original.bands - 1].min() == _WHITE:
        return Eye(original).strain
    eyes = [Eye(original, ground=ground) for ground in (_WHITE, _BLACK)]

    def strain(other: pyvips.Image) -> float:
        other = other.copy_memory()  # to be looked at twice
        return max(eye.strain(other) for eye in eyes)

    return strain


def _half(image: pyvips.Image, ground: int) -> pyvips.Image:
    """In three colours, at half the size. Tiny pictures are repeated to fill some blocks."""
    if image.hasalpha():
        image = image.flatten(background=ground)
    if image.bands == 1:
        image = image.bandjoin([image, image])
    across, down = (-(-_LEAST_EDGE // edge) for edge in (image.width, image.height))
    if across > 1 or down > 1:
        image = image.replicate(across, down)
    return image.shrink(2, 2).copy_memory()


def _squared(error: pyvips.Image) -> pyvips.Image:
    """Its mean square in each block."""
    return (error * error).shrink(_BLOCK, _BLOCK).copy_memory()


def _allowed(variance: pyvips.Image) -> float:
    """By the mean standard deviation of blocks, which says rather well what a picture costs in bytes, in any format."""
    busyness = float((variance**0.5).avg())
    return min(FARTHEST, _ALLOWED * math.pow(1 + busyness, _BY_BUSYNESS))


def _variance(level: pyvips.Image) -> pyvips.Image:
    """In each block."""
    mean = level.shrink(_BLOCK, _BLOCK)
    variance = (level * level).shrink(_BLOCK, _BLOCK) - mean * mean
    return (variance > 0).ifthenelse(variance, 0)
