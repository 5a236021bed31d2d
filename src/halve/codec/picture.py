"""An image file whose header was read and found bearable: what it is, and its pixels on demand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeVar

import pyvips

from halve.codec import apng, foreign, gif_canvas
from halve.codec.damage import complaint, forget, translated, warnings
from halve.codec.sniff import Kind
from halve.codec.strip import base_media, gif, ico, jpeg, png, tiff
from halve.codec.strip.damage import damaged
from halve.core.errors import ImageFailed

T = TypeVar("T")

_LOADERS: dict[Kind, Callable[..., pyvips.Image]] = {
    Kind.JPEG: pyvips.Image.jpegload_buffer,
    Kind.PNG: pyvips.Image.pngload_buffer,
    Kind.WEBP: pyvips.Image.webpload_buffer,
    Kind.GIF: pyvips.Image.gifload_buffer,
    Kind.TIFF: pyvips.Image.tiffload_buffer,
    Kind.AVIF: pyvips.Image.heifload_buffer,
}
"""The loader is chosen by what we found the file to be; libvips is never asked to guess."""

_ANIMATED = (Kind.WEBP, Kind.GIF)
_PAGED = (*_ANIMATED, Kind.TIFF)
_FAIL_ON = {Kind.JPEG: "warning"}  # elsewhere warnings are about trifles, here they mean missing pixels
_LENIENT = {Kind.JPEG: "none"}  # the header alone: strictness is for the pixels
_TRIFLES = (  # of a JPEG that shows well in every viewer
    "extraneous bytes before marker",
    "Invalid SOS parameters",
    "Unknown Adobe color transform",
    "unknown JFIF revision",
    "Inconsistent progression",
)
_UNREAD = "unable to read pixels"
_NO_END = "premature end of JPEG image"
_BYTES_A_PIXEL = 4
_PLAIN_PRIMARIES = (1, 2)  # ITU-T H.273: BT.709, which is sRGB's; unspecified
_PLAIN_TRANSFERS = (1, 2, 6, 13, 14, 15)  # BT.709 and its equals, sRGB, unspecified; not PQ, not HLG


@dataclass(frozen=True, slots=True)
class Picture:
    """`width` and `height` are one frame's, as a viewer shows it: orientation applied.

    `pages` counts what is decoded: frames of an animation, or pages of a TIFF; 1 for a still. `may_be_clear`: it has
    alpha. `own_way_barred`: it cannot be encoded in its own format without losing frames or pages; `all_ways_barred`: in no format
    without losing something.
    """

    data: bytes
    kind: Kind
    width: int
    height: int
    pages: int = 1
    orientation: int = 1
    may_be_clear: bool = False
    own_way_barred: bool = False
    all_ways_barred: bool = False

    @property
    def animated(self) -> bool:
        return self.pages > 1 and self.kind is not Kind.TIFF

    def use(self, work: Callable[[pyvips.Image], T], *, shrink: int = 1) -> T:
        """Hand the pixels as stored (not turned yet) to `work`, which must pull all of them in order, once. Returns its result.

        `shrink`: 2, 4 or 8, a JPEG may be decoded that much smaller. Raises ImageFailed, code `damaged`, for files that
        are cut short or broken anywhere; oddities that lose no pixel pass.
        """
        with translated(self.kind):
            if self.kind is Kind.JPEG:
                return self._use_jpeg(work, shrink)
            if self.kind is Kind.TIFF and tiff.is_tiled(self.data):
                return work(_load(self.data, self.kind, self.pages, fail_on="warning"))  # else broken tiles are left empty
            if self.kind is Kind.PNG and self.own_way_barred:
                return work(apng.read(self.data))
            if self.kind is Kind.GIF:
                return work(_load_gif(self.data, self.width, self.height, self.pages))
            if self.kind is Kind.WEBP:
                return self._use_webp(work)
            return work(_load(self.data, self.kind, self.pages) if self.kind in _LOADERS else foreign.read(self.data, self.kind))

    def _use_jpeg(self, work: Callable[[pyvips.Image], T], shrink: int) -> T:
        """JPEG's reader warns of trifles and of lost pixels alike: a file that gave a trifle away is read again less strictly."""
        try:
            return _whole(self.data, work, shrink)
        except pyvips.Error as error:
            text = str(error)
            if _NO_END in text:  # perhaps nothing else is missing
                return _whole(self.data + b"\xff\xd9", work, shrink)
            if not _is_trifle(text):
                raise
            return work(_load(self.data, self.kind, shrink=shrink, fail_on="truncated"))

    def _use_webp(self, work: Callable[[pyvips.Image], T]) -> T:
        """WebP's reader has the same words for damage and for want of memory: what can be read by itself, with nothing else in
        memory, is not damaged.
        """
        try:
            return work(_load(self.data, self.kind, self.pages))
        except pyvips.Error as error:
            if _UNREAD not in str(error):
                raise
        _load(self.data, self.kind, self.pages).avg()
        raise MemoryError


def _whole(data: bytes, work: Callable[[pyvips.Image], T], shrink: int) -> T:
    """Read a JPEG strictly to the end: of what is missing from the last rows, there is only a warning when it is closed."""
    forget()
    result = work(_load(data, Kind.JPEG, shrink=shrink))
    lost = next((text for text in warnings() if "Corrupt JPEG data" in text and not _is_trifle(text)), None)
    if lost:
        raise damaged("JPEG", complaint(lost))
    return result


def _is_trifle(text: str) -> bool:
    return any(trifle in text for trifle in _TRIFLES)


def open_picture(data: bytes, kind: Kind, *, max_pixels: int) -> Picture:
    """Read the header. Raises ImageFailed: `damaged`; `unsupported_format`; `too_many_pixels`, before one is decoded."""
    with translated(kind):
        if kind is Kind.PNG and png.is_animated(data):
            return _animated_png(data, max_pixels)
        if kind is Kind.TIFF:
            return _open_tiff(data, max_pixels)
        if kind is Kind.GIF:
            gif.check_whole(data)
        if kind in _LOADERS:
            return _open(data, kind, max_pixels)
        return _open_foreign(data, kind, max_pixels)


def _open(data: bytes, kind: Kind, max_pixels: int, pages: int = -1) -> Picture:
    header = _load(data, kind, pages if kind in _PAGED else 1, fail_on=_LENIENT.get(kind))
    pages = max(header.get("n-pages"), 1) if kind in _ANIMATED and header.get_typeof("n-pages") else max(pages, 1)
    height = header.height // pages
    _check_pixels(header.width, height, pages, bytes_each=header.bands * _depth(header), most=max_pixels)
    turned = _orientation(header, data, kind)
    width, height = (height, header.width) if turned >= 5 else (header.width, height)
    barred = (kind is Kind.AVIF and (_barred(data) or base_media.may_be_pale(data))) or (kind is Kind.PNG and _coded_png(data))
    clear = header.hasalpha() or (kind is Kind.GIF and gif_canvas.is_needed(data, width, height))
    return Picture(data, kind, width, height, pages, turned, clear, all_ways_barred=barred)


def _open_tiff(data: bytes, max_pixels: int) -> Picture:
    layout = tiff.layout(data)
    if layout.raw:
        raise ImageFailed("camera raw is not supported", code="unsupported_format")
    if layout.floating:
        raise ImageFailed("TIFF of floating-point numbers is not supported", code="unsupported_format")
    picture = _open(data, Kind.TIFF, max_pixels, layout.pages if layout.uniform else 1)
    return replace(picture, own_way_barred=not layout.uniform, all_ways_barred=layout.mistaken)


def _open_foreign(data: bytes, kind: Kind, max_pixels: int) -> Picture:
    if kind is Kind.ICO:
        for width, height in ico.png_sizes(data):
            _check_pixels(width, height, 1, bytes_each=4, most=max_pixels)
    header = foreign.read_header(data, kind)
    _check_pixels(header.width, header.height, 1, bytes_each=header.bands, most=max_pixels)
    clear = header.bands in (2, 4)
    return Picture(data, kind, header.width, header.height, may_be_clear=clear, all_ways_barred=kind is Kind.HEIC and _barred(data))


def _animated_png(data: bytes, max_pixels: int) -> Picture:
    found = apng.scan(data)
    _check_pixels(found.width, found.height, len(found.frames), bytes_each=4, most=max_pixels)
    turned = png.orientation(data)
    width, height = (found.height, found.width) if turned >= 5 else (found.width, found.height)
    coded = _coded_png(data)
    return Picture(data, Kind.PNG, width, height, len(found.frames), turned, True, own_way_barred=True, all_ways_barred=coded)


def decoded(data: bytes, format: str, pages: int) -> pyvips.Image:
    """The pixels of a file that we made ourselves, all pages below one another."""
    kind = Kind(format)
    return _load(data, kind, -1 if pages > 1 else 1) if kind in _LOADERS else foreign.read(data, kind)


def _load(data: bytes, kind: Kind, pages: int = 1, *, shrink: int = 1, fail_on: str | None = None) -> pyvips.Image:
    options: dict[str, object] = {"access": "sequential", "fail_on": fail_on or _FAIL_ON.get(kind, "error")}
    if pages != 1:
        options["n"] = pages
    if shrink != 1:
        options["shrink"] = shrink
    return _LOADERS[kind](data, **options)


def _load_gif(data: bytes, width: int, height: int, pages: int) -> pyvips.Image:
    image = _load(data, Kind.GIF, pages)
    return gif_canvas.read(data, width, height, image) if gif_canvas.is_needed(data, width, height) else image


def _orientation(header: pyvips.Image, data: bytes, kind: Kind) -> int:
    """As viewers heed it: not of an AVIF, which its boxes turn; of a PNG behind the pixels too, and of a JPEG behind an empty EXIF
    segment, where libvips does not look.
    """
    if kind in (Kind.PNG, Kind.JPEG):
        return png.orientation(data) if kind is Kind.PNG else jpeg.orientation(data)
    said = header.get("orientation") if header.get_typeof("orientation") and kind is not Kind.AVIF else 1
    return said if 1 <= said <= 8 else 1


def _depth(header: pyvips.Image) -> int:
    """Bytes a sample."""
    return {"uchar": 1, "char": 1, "ushort": 2, "short": 2}.get(header.format, 4)


def _check_pixels(width: int, height: int, pages: int, *, bytes_each: int, most: int) -> None:
    size = f"{width} × {height} pixels" + (f" in {pages} frames" if pages > 1 else "")
    if width * height * pages > most:
        raise ImageFailed(f"{size}, more than {_number(most)}", code="too_many_pixels")
    if width * height * pages * bytes_each > most * _BYTES_A_PIXEL:
        limit = _number(most * _BYTES_A_PIXEL)
        raise ImageFailed(f"{size} of {bytes_each} bytes, more than {limit} bytes", code="too_many_pixels")


def _number(n: int) -> str:
    return f"{n / 1_000_000:g} million" if n >= 1_000_000 else f"{n:,}"


def _barred(data: bytes) -> bool:
    """Whether encoding a HEIC or AVIF again loses something: a sequence's frames, or colours that only a code describes."""
    if base_media.is_sequence(data):
        return True
    return _coded(base_media.colour_code(data))


def _coded_png(data: bytes) -> bool:
    """A profile beside the code says the same, but for light that is brighter than white."""
    code = png.colour_code(data)
    return _coded(code) and not (code and code[1] in _PLAIN_TRANSFERS and b"iCCP" in png.colour_chunks(data))


def _coded(code: tuple[int, int] | None) -> bool:
    """Whether colours have a code (primaries, transfer) that says what no encoder here can."""
    return code is not None and (code[0] not in _PLAIN_PRIMARIES or code[1] not in _PLAIN_TRANSFERS)
