"""The frames of an animation as a viewer shows them: each drawn over what the ones before have left, as the file says."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import pyvips

CLEARED, PREVIOUS = 1, 2  # what becomes of a frame's place before the next one


@dataclass(frozen=True, slots=True)
class Drawn:
    """A frame's own picture. `over`: drawn over what is there; else in its place. `disposal`: what becomes of it."""

    image: pyvips.Image
    left: int
    top: int
    over: bool
    disposal: int


def joined(width: int, height: int, frames: Iterable[Drawn], *, delays: list[int], loop: int) -> pyvips.Image:
    """All of them below one another, as libvips has animations. `delays`: in milliseconds; `loop`: how often; 0: for ever."""
    pages = list(_shown(width, height, frames))
    image = pyvips.Image.arrayjoin(pages, across=1).copy()
    image.set_type(pyvips.GValue.gint_type, "page-height", height)
    image.set_type(pyvips.GValue.gint_type, "n-pages", len(pages))
    image.set_type(pyvips.GValue.array_int_type, "delay", delays)
    image.set_type(pyvips.GValue.gint_type, "loop", loop)
    return image


def _shown(width: int, height: int, frames: Iterable[Drawn]) -> Iterator[pyvips.Image]:
    canvas = None
    for frame in frames:
        image = (frame.image if frame.image.hasalpha() else frame.image.bandjoin(255)).copy_memory()
        nothing = image.new_from_image([0] * image.bands)
        if canvas is None:  # clear, and of the same colour profile
            canvas = nothing.crop(0, 0, 1, 1).embed(0, 0, width, height)
        if frame.over:
            shown = canvas.composite2(image, "over", x=frame.left, y=frame.top).cast("uchar")
        else:
            shown = canvas.insert(image, frame.left, frame.top)
        shown = shown.copy_memory()
        yield shown
        if frame.disposal == CLEARED:
            canvas = shown.insert(nothing, frame.left, frame.top).copy_memory()
        elif frame.disposal != PREVIOUS:
            canvas = shown
