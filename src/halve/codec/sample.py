"""A few tiles of a picture, in place of the whole: what they weigh at a quality tells about what the whole will."""

from __future__ import annotations

import math

import pyvips

from halve.codec.encoders import Encoder
from halve.codec.look import PROFILE
from halve.codec.search import Sample

_TILE = 32  # pixels an edge
_SHARE = 16  # of this many pixels one is taken
_MOST_TILES = 256  # more of them tell hardly more, however large the picture
_LEAST_TILES = 16  # fewer tell too little for what they cost
_GRID = 16  # where tiles begin: blocks of a JPEG that the pixels came from, with chroma halved, stay whole
_LEAST_BITS = 0.1  # a pixel; of fewer, nothing is known about seams
_GOLDEN = 0.618  # the part of a step by which each row is set off from the one before, so that no column is preferred


def sampled(encoder: Encoder, image: pyvips.Image, bound: int) -> Sample | None:
    """How much a sample of the picture weighs; None where none is worth its while."""
    few = _tiles(image) if encoder.seams is not None else None
    if few is None or encoder.seams is None:
        return None
    pixels = image.width * image.height
    seams = encoder.seams / math.sqrt(max(8 * bound / pixels, _LEAST_BITS))
    return Sample(lambda quality: len(encoder.encode(few, quality)), times=pixels / (few.width * few.height) / math.exp(seams))


def _tiles(image: pyvips.Image) -> pyvips.Image | None:
    """Tiles from all over the picture, joined: a sixteenth of its pixels, or 0.26 megapixels if that is less.

    Tiles rather than strips: the sizes of as many pixels in strips stray three times as far. None of pictures of less than 0.26
    megapixels, or of several pages. Without the profile, which weighs the same beside few pixels as beside many.
    """
    count = min(image.width * image.height // (_SHARE * _TILE**2), _MOST_TILES)
    if count < _LEAST_TILES or min(image.width, image.height) < 2 * _TILE or image.get_page_height() != image.height:
        return None
    across = min(max(round(math.sqrt(count * image.width / image.height)), 1), count)
    down = count // across
    tiles = [
        image.crop(_place(column, across, row, image.width), _place(row, down, column, image.height), _TILE, _TILE)
        for row in range(down)
        for column in range(across)
    ]
    joined = pyvips.Image.arrayjoin(tiles, across=across).copy_memory()
    if joined.get_typeof(PROFILE):
        joined.remove(PROFILE)
    return joined


def _place(step: int, steps: int, line: int, length: int) -> int:
    """Where along an edge of `length` pixels a tile begins: within its step of `steps`, at another point in every line."""
    place = (step + (0.5 + _GOLDEN * line) % 1) * (length - _TILE) / steps
    return min(round(place / _GRID) * _GRID, length - _TILE)
