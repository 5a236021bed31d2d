"""What a PNG without a colour profile says of its colours, worked into its pixels: for formats that cannot say so themselves.

PNG Specification, third edition, 4.3 and 11.3.2: `sRGB` and `cICP` are stronger than `gAMA` and `cHRM`. As in browsers, primaries
count beside a gamma alone.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping

import pyvips

_INTENTS = (b"\0", b"\1", b"\2", b"\3")  # all that an sRGB chunk can say
_ONE = 100_000  # PNG has its numbers in hundred-thousandths
_GAMMA, _GAMMA_TOLERANCE = 45455, 700  # sRGB's, 1/2.2
_CORNERS, _CORNER_TOLERANCE = (31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000), 500  # sRGB's white, red, green, blue: x, y


def as_srgb(image: pyvips.Image, colour: Mapping[bytes, bytes]) -> pyvips.Image:
    """`colour`: the bodies of its colour chunks. Those that cannot be true count for nothing, as in libpng."""
    told = colour.get(b"gAMA", b"")
    gamma = int.from_bytes(told, "big") if len(told) == 4 else 0
    if not gamma or colour.get(b"sRGB") in _INTENTS or b"cICP" in colour:
        return image
    primaries = _primaries(colour.get(b"cHRM", b"")) if image.bands > 2 else None
    if primaries is None and abs(gamma - _GAMMA) <= _GAMMA_TOLERANCE:
        return image
    colours, alpha = (image[: image.bands - 1], image[image.bands - 1]) if image.hasalpha() else (image, None)
    most = 65535 if image.format == "ushort" else 255
    levels = pyvips.Image.identity(ushort=image.format == "ushort") / most
    if primaries is None:
        mapped = colours.maplut(((levels ** (_GAMMA / gamma)) * most).rint().cast(image.format))
    else:
        light = colours.maplut(levels ** (_ONE / gamma)).recomb(primaries).clamp(min=0, max=1)
        mapped = ((light ** (_GAMMA / _ONE)) * most).rint().cast(image.format).copy(interpretation=image.interpretation)
    return mapped.bandjoin(alpha) if alpha is not None else mapped


def _primaries(chunk: bytes) -> pyvips.Image | None:
    """The matrix from light of these primaries to light of sRGB's; None where they are the same, or are none."""
    if len(chunk) != 32:
        return None
    corners = struct.unpack(">8I", chunk)
    if all(abs(one - other) <= _CORNER_TOLERANCE for one, other in zip(corners, _CORNERS, strict=True)):
        return None
    try:
        return _to_xyz(_CORNERS).matrixinvert().matrixmultiply(_to_xyz(corners))
    except (ZeroDivisionError, pyvips.Error):
        return None


def _to_xyz(corners: tuple[int, ...]) -> pyvips.Image:
    """The matrix from light of these primaries to XYZ in shares of their white, which thus stays white."""
    white, *primaries = [(x / y, 1.0, (_ONE - x - y) / y) for x, y in zip(corners[::2], corners[1::2], strict=True)]
    shares = [[part / whole for part in parts] for whole, *parts in zip(white, *primaries, strict=True)]
    amounts = pyvips.Image.new_from_array(shares).matrixinvert().matrixmultiply(pyvips.Image.new_from_array([[1], [1], [1]]))
    scale = [amounts(0, row)[0] for row in range(3)]
    return pyvips.Image.new_from_array([[share * by for share, by in zip(row, scale, strict=True)] for row in shares])
