"""What is to be made of a picture: which format, how large, how good, how heavy at most."""

from __future__ import annotations

from dataclasses import dataclass

from halve.codec.encoders import ENCODERS, Encoder
from halve.codec.picture import Picture
from halve.codec.sniff import Kind
from halve.core.errors import ImageFailed
from halve.core.options import DEFAULT_QUALITY, Format, Options

_OWN = {kind: kind.value for kind in Kind} | {Kind.BMP: "png", Kind.ICO: "png"}  # those two cannot compress


@dataclass(frozen=True, slots=True)
class Plan:
    """`encoder` None: the picture stays as it is. `width` and `height` as a viewer will show it. `bound`: most bytes, if bounded.

    `only_bounded`: nothing else is asked, so the original itself is the best answer if it is small enough.
    """

    encoder: Encoder | None
    width: int
    height: int
    quality: int
    bound: int | None
    only_bounded: bool


def plan(picture: Picture, options: Options) -> Plan:
    """Raises ImageFailed, code `unsupported_size`, where the format asked for cannot hold so large a picture."""
    encoder = _encoder(picture, options.format)
    width, height = _size(picture, options.max_size)
    if encoder is not None and max(width, height) > encoder.longest_edge:
        raise ImageFailed(
            f"{width} × {height} pixels, and {encoder.format} can hold {encoder.longest_edge:,} an edge: use max_size",
            code="unsupported_size",
        )
    bound = options.max_bytes.of(len(picture.data)) if options.max_bytes else None
    quality = options.quality if isinstance(options.quality, int) else None
    same = (width, height) == (picture.width, picture.height) and (encoder is None or encoder.format == picture.kind.value)
    return Plan(
        encoder=encoder,
        width=width,
        height=height,
        quality=quality or (100 if bound is not None else DEFAULT_QUALITY),
        bound=bound,
        only_bounded=same and bound is not None and quality is None,
    )


def _encoder(picture: Picture, wanted: Format) -> Encoder | None:
    """An animation keeps its frames whatever was asked, so it becomes nothing but GIF or WebP."""
    if picture.all_ways_barred:
        return None
    own = _OWN[picture.kind]
    format = own if wanted is Format.KEEP else wanted.value
    if picture.animated and not (format != own and ENCODERS[format].frames):
        format = own
    return None if format == own and picture.own_way_barred else ENCODERS[format]


def _size(picture: Picture, max_size: int | None) -> tuple[int, int]:
    longest = max(picture.width, picture.height)
    if max_size is None or longest <= max_size:
        return picture.width, picture.height
    return tuple(max(1, round(edge * max_size / longest)) for edge in (picture.width, picture.height))  # type: ignore[return-value]
