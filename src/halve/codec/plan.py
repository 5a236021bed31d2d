"""What is to be made of a picture: which format, how large, how good, how heavy at most."""

from __future__ import annotations

from dataclasses import dataclass

from halve.codec.encoders import ENCODERS, Encoder
from halve.codec.picture import Picture
from halve.codec.sniff import Kind
from halve.core.errors import ImageFailed
from halve.core.options import Format, Options

_OWN = {kind: kind.value for kind in Kind} | {Kind.BMP: "png", Kind.ICO: "png"}  # those two cannot compress


MOST_FOR_AVIF = 20_000_000
"""Pixels above which `smallest` leaves AVIF out: it would not fit into a child's memory for certain."""


@dataclass(frozen=True, slots=True)
class Plan:
    """`encoders`: those to try, the smallest output wins; none: the picture stays as it is. `width` and `height` as a viewer will
    show it. `quality`: the best to try. `by_eye`: the least that looks good enough is wanted. `bound`: most bytes, if bounded.

    `only_bounded`: nothing else is asked, so the original itself is the best answer if it is small enough.
    """

    encoders: tuple[Encoder, ...]
    width: int
    height: int
    quality: int
    by_eye: bool
    bound: int | None
    only_bounded: bool

    def fits(self, data: bytes) -> bool:
        """Whether it has no more bytes than it may."""
        return self.bound is None or len(data) <= self.bound

    def as_large_as(self, picture: Picture) -> bool:
        return (self.width, self.height) == (picture.width, picture.height)


def plan(picture: Picture, options: Options) -> Plan:
    """Raises ImageFailed, code `unsupported_size`, where the format asked for cannot hold so large a picture."""
    width, height = _size(picture, options.max_size)
    formats = _formats(picture, options.format, width * height)
    encoders = tuple(ENCODERS[format] for format in formats if max(width, height) <= ENCODERS[format].longest_edge)
    if formats and not encoders:
        first = ENCODERS[formats[0]]
        raise ImageFailed(
            f"{width} × {height} pixels, and {first.format} can hold {first.longest_edge:,} an edge: use max_size",
            code="unsupported_size",
        )
    bound = options.max_bytes.of(len(picture.data)) if options.max_bytes else None
    same = (width, height) == (picture.width, picture.height) and formats in ((), (picture.kind.value,))
    return Plan(
        encoders=encoders,
        width=width,
        height=height,
        quality=options.best_quality,
        by_eye=options.quality == "auto",
        bound=bound,
        only_bounded=same and bound is not None and options.quality is None,
    )


def _formats(picture: Picture, wanted: Format, pixels: int) -> tuple[str, ...]:
    """The formats to try. An animation keeps its frames whatever was asked, so it becomes nothing but GIF or WebP."""
    if picture.all_ways_barred:
        return ()
    own = _OWN[picture.kind]
    formats: tuple[str, ...] = (own,) if wanted is Format.KEEP else (wanted.value,)
    if wanted is Format.SMALLEST:
        formats = tuple(dict.fromkeys((own, *_candidates(picture, pixels))))
    if picture.animated:
        formats = tuple(dict.fromkeys(format if ENCODERS[format].frames else own for format in formats))
    if picture.own_way_barred:
        formats = tuple(format for format in formats if format != own)
    return formats


def _candidates(picture: Picture, pixels: int) -> tuple[str, ...]:
    """What `smallest` tries besides the picture's own format. A file of several pages keeps them, and AVIF its limits."""
    if picture.pages > 1 and not picture.animated:
        return ()
    modern = ("webp", "avif") if pixels <= MOST_FOR_AVIF else ("webp",)
    return (*modern, "png") if picture.may_be_clear else (*modern, "jpeg", "png")


def _size(picture: Picture, max_size: int | None) -> tuple[int, int]:
    longest = max(picture.width, picture.height)
    if max_size is None or longest <= max_size:
        return picture.width, picture.height
    return tuple(max(1, round(edge * max_size / longest)) for edge in (picture.width, picture.height))  # type: ignore[return-value]
