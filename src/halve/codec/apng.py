"""The frames of an animated PNG (APNG), as a viewer shows them: each drawn over what the ones before have left, as the file says.

PNG Specification, third edition, 11.3.6 and 13. libvips knows the first picture of such a file alone. Here every frame is made a
PNG of its own, which libvips reads, and drawn where it belongs.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass, field

import pyvips

from halve.codec import canvas, look
from halve.codec.canvas import Drawn
from halve.codec.strip import png
from halve.codec.strip.damage import damaged

_CONTROL = struct.Struct(">4xIIIIHHBB")  # behind the number in the sequence
_OVER = 1  # drawn over what is there; else in its place
_NEEDED = frozenset({b"iCCP", b"PLTE", b"tRNS"})


@dataclass(frozen=True, slots=True)
class _Frame:
    """Where it stands on the canvas, and its packed pixels. `numerator` and `denominator`: seconds for which it is shown.

    `disposal` has the numbers of `canvas`.
    """

    width: int
    height: int
    left: int
    top: int
    numerator: int
    denominator: int
    disposal: int
    blending: int
    pixels: list[bytes] = field(default_factory=list)

    @property
    def delay(self) -> int:
        """In milliseconds."""
        return round(1000 * self.numerator / (self.denominator or 100))


@dataclass(frozen=True, slots=True)
class Animation:
    """`plays`: how often it is shown; 0: for ever. `header`, `needed`: what each frame's own PNG has from the file."""

    width: int
    height: int
    plays: int
    frames: tuple[_Frame, ...]
    header: bytes
    needed: bytes


def scan(data: bytes) -> Animation:
    """What is in the file; nothing is decoded. Raises ImageFailed, code `damaged`.

    A picture that stands before the first frame is for viewers that know no animations, and no part of it.
    """
    header, needed, plays, frames = b"", b"", 0, list[_Frame]()
    for kind, body, whole in png.chunks(data):
        if kind == b"IHDR":
            header = body
        elif kind in _NEEDED:
            needed += whole
        elif kind == b"acTL":
            plays = int.from_bytes(body[4:8], "big")
        elif kind == b"fcTL" and len(body) == _CONTROL.size:
            frames.append(_Frame(*_CONTROL.unpack(_checked(body, whole))))
        elif kind == b"IDAT" and frames:
            frames[0].pixels.append(body)
        elif kind == b"fdAT" and frames:
            frames[-1].pixels.append(_checked(body, whole)[4:])
    if len(header) != 13 or not frames or not all(frame.pixels for frame in frames):
        raise damaged("PNG", "an animation without its frames")
    width, height = struct.unpack_from(">II", header)
    for frame in frames:
        if not (0 < frame.width <= width - frame.left and 0 < frame.height <= height - frame.top):
            raise damaged("PNG", "a frame beyond the edge")
    return Animation(width, height, plays, tuple(frames), header, needed)


def read(data: bytes) -> pyvips.Image:
    """All frames below one another, as libvips has those of other formats: RGB with alpha, 8 bits."""
    animation = scan(data)
    frames = (
        Drawn(_decoded(animation, frame), frame.left, frame.top, frame.blending == _OVER, frame.disposal)
        for frame in animation.frames
    )
    delays = [frame.delay for frame in animation.frames]
    return canvas.joined(animation.width, animation.height, frames, delays=delays, loop=animation.plays)


def _decoded(animation: Animation, frame: _Frame) -> pyvips.Image:
    own = struct.pack(">II", frame.width, frame.height) + animation.header[8:]
    parts = (png.chunk(b"IHDR", own), animation.needed, png.chunk(b"IDAT", b"".join(frame.pixels)), png.chunk(b"IEND", b""))
    image = pyvips.Image.pngload_buffer(png.SIGNATURE + b"".join(parts), fail_on="error")
    return look.eight_bits(look.three_colours(look.plain_colours(image)))


def _checked(body: bytes, whole: bytes) -> bytes:
    """The body of a chunk that libvips does not see as it is."""
    if zlib.crc32(whole[4:-4]) != int.from_bytes(whole[-4:], "big"):
        raise damaged("PNG", "a chunk whose sum is wrong")
    return body
