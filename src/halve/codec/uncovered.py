"""What no frame of a GIF has drawn yet is clear, as in browsers. libvips has it black where no frame has a clear colour."""

from __future__ import annotations

import pyvips

from halve.codec.strip import gif

_DRAWN = 255
_PREVIOUS = 3  # what was there before the frame comes back after it


def any_is(data: bytes, width: int, height: int) -> bool:
    """Whether something is shown that was not drawn, of a GIF without a clear colour."""
    frames = gif.frames(data)
    return bool(frames) and not any(frame.clear for frame in frames) and not _covers(frames[0], width, height)


def drawn(data: bytes, width: int, height: int, pages: int) -> pyvips.Image:
    """Alpha of so many frames below one another."""
    so_far, shown = pyvips.Image.black(width, height), []
    for frame in gif.frames(data)[:pages]:
        shown.append(_with(so_far, frame))
        if frame.disposal != _PREVIOUS:
            so_far = shown[-1]
    return pyvips.Image.arrayjoin(shown, across=1)


def _with(so_far: pyvips.Image, frame: gif.Frame) -> pyvips.Image:
    if not frame.width or not frame.height:
        return so_far
    place = pyvips.Image.black(frame.width, frame.height).linear(1, _DRAWN).cast("uchar")
    return so_far.insert(place, frame.left, frame.top).copy_memory()


def _covers(frame: gif.Frame, width: int, height: int) -> bool:
    return frame.left == frame.top == 0 and frame.width >= width and frame.height >= height and frame.disposal != _PREVIOUS
