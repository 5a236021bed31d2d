"""A GIF as browsers show it, where libvips does not: of what no frame has drawn yet, or one has taken away again, nothing is seen.

libvips fills the one with black where no frame has a clear colour, and the other with the background where that frame has none.
"""

from __future__ import annotations

from itertools import pairwise

import pyvips

from halve.codec import canvas
from halve.codec.canvas import Drawn
from halve.codec.strip import gif
from halve.codec.strip.gif import Frame

_CLEARED, _PREVIOUS = 2, 3
_DISPOSALS = {_CLEARED: canvas.CLEARED, _PREVIOUS: canvas.PREVIOUS}


def is_needed(data: bytes, width: int, height: int) -> bool:
    """Whether it shows something that libvips would show otherwise. Frames larger than their screen, by which pixels are bounded,
    are left to it: one alone could take all memory.
    """
    frames = gif.frames(data)
    if not frames or any(frame.width > width or frame.height > height for frame in frames):
        return False
    uncovered = not any(frame.clear for frame in frames) and (
        not _covers(frames[0], 0, 0, width, height) or frames[0].disposal == _PREVIOUS
    )
    return uncovered or any(_uncovers(frame, following) for frame, following in pairwise(frames))


def read(data: bytes, width: int, height: int, whole: pyvips.Image) -> pyvips.Image:
    """`whole`: its frames as libvips has them, which says how many are to be shown, and for how long."""
    frames = (_drawn(data, frame) for frame in gif.frames(data)[: whole.get_n_pages()])
    return canvas.joined(width, height, frames, delays=whole.get("delay"), loop=whole.get("loop"))


def _drawn(data: bytes, frame: Frame) -> Drawn:
    if not frame.width or not frame.height:
        return Drawn(pyvips.Image.black(1, 1, bands=4).copy(interpretation="srgb"), 0, 0, over=True, disposal=0)
    image = pyvips.Image.gifload_buffer(gif.alone(data, frame), fail_on="error")
    return Drawn(image, frame.left, frame.top, over=True, disposal=_DISPOSALS.get(frame.disposal, 0))


def _uncovers(frame: Frame, following: Frame) -> bool:
    covered = _covers(following, frame.left, frame.top, frame.left + frame.width, frame.top + frame.height)
    return frame.disposal == _CLEARED and not frame.clear and not (covered and not following.clear)


def _covers(frame: Frame, left: int, top: int, right: int, bottom: int) -> bool:
    return frame.left <= left and frame.top <= top and frame.left + frame.width >= right and frame.top + frame.height >= bottom
