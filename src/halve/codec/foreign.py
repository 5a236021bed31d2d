"""What libvips' wheel cannot read goes through Pillow and pillow-heif: BMP, ICO, HEIC.

Both are loaded when the first such file comes, and only that format's reader is ever offered a file.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyvips

from halve.codec.sniff import Kind

if TYPE_CHECKING:
    from PIL import Image

_PLAIN_MODES = ("L", "RGB", "RGBA")
_DIB = 40  # bytes of the header of a bitmap within an icon
_FORMATS = {Kind.BMP: "BMP", Kind.ICO: "ICO"}


@dataclass(frozen=True, slots=True)
class Header:
    width: int
    height: int
    bands: int


def read_header(data: bytes, kind: Kind) -> Header:
    """Size and bands; nothing but an icon is decoded yet. Raises what Pillow raises."""
    if kind is Kind.HEIC:
        heif = _open_heic(data)
        return Header(heif.size[0], heif.size[1], len(heif.mode))
    with _opened(data, kind) as image:
        if kind is Kind.ICO:
            image.load()  # its directory may be wrong about its size
        return Header(image.width, image.height, len(_plain_mode(image)))


def read(data: bytes, kind: Kind) -> pyvips.Image:
    """The pixels. Raises what Pillow raises."""
    if kind is Kind.HEIC:
        return _read_heic(data)
    with _opened(data, kind) as image:
        profile = image.info.get("icc_profile")
        return _with_profile(_to_vips(image.convert(_plain_mode(image))), profile)


@contextmanager
def _opened(data: bytes, kind: Kind) -> Iterator[Image.Image]:
    from PIL import Image

    Image.MAX_IMAGE_PIXELS = None  # bounded by whoever reads the header
    with Image.open(io.BytesIO(data), formats=(_FORMATS[kind],)) as image:
        yield _deepest(image) if kind is Kind.ICO else image


def _deepest(icon: Any) -> Image.Image:
    """Of its largest pictures the one with the most colours; Pillow would take the one with the fewest.

    Alpha as browsers read it: of 32 bits a pixel by the picture's own word, whatever the directory says, and where it is 0 all
    over, it was left out, and the mask behind the pixels says what is clear.
    """
    entries = icon.ico.entry
    at = max(range(len(entries)), key=lambda at: (entries[at].square, entries[at].color_depth))
    if not _is_deep(icon.ico.buf, entries[at].offset):
        return _icon(icon, at)
    entries[at] = entries[at]._replace(bpp=32)
    made = _icon(icon, at)
    if made.getchannel("A").getextrema() != (0, 0):
        return made
    mask = (made.width + 31) // 32 * 4 * made.height
    if entries[at].size < _DIB + 4 * made.width * made.height + mask:
        return made.convert("RGB")
    entries[at] = entries[at]._replace(bpp=24)  # any but 32: by the mask
    return _icon(icon, at)


def _is_deep(file: Any, offset: int) -> bool:
    """Whether the picture there is a bitmap of 32 bits a pixel."""
    file.seek(offset)
    header: bytes = file.read(_DIB)
    return header[:4] == _DIB.to_bytes(4, "little") and header[14:16] == b"\x20\0"


def _icon(icon: Any, at: int) -> Image.Image:
    made: Image.Image = icon.ico.frame(at)
    return made


def _plain_mode(image: Image.Image) -> str:
    if image.mode in _PLAIN_MODES:
        return image.mode
    if image.mode == "1":
        return "L"
    return "RGBA" if image.has_transparency_data else "RGB"


def _to_vips(image: Image.Image) -> pyvips.Image:
    bands = len(image.getbands())
    made = pyvips.Image.new_from_memory(image.tobytes(), image.width, image.height, bands, "uchar")
    return made.copy(interpretation="b-w" if bands == 1 else "srgb")


def _open_heic(data: bytes) -> Any:
    import pillow_heif

    pillow_heif.options.DECODE_THREADS = 1
    pillow_heif.options.THUMBNAILS = pillow_heif.options.DEPTH_IMAGES = pillow_heif.options.AUX_IMAGES = False
    heif = pillow_heif.open_heif(io.BytesIO(data), convert_hdr_to_8bit=True)
    if not len(heif):
        raise ValueError("unsupported coding")
    return heif


def _read_heic(data: bytes) -> pyvips.Image:
    heif = _open_heic(data)
    image = heif.to_pillow()
    return _with_profile(_to_vips(image.convert(_plain_mode(image))), heif.info.get("icc_profile"))


def _with_profile(image: pyvips.Image, profile: bytes | None) -> pyvips.Image:
    if profile:
        image = image.copy()
        image.set_type(pyvips.GValue.blob_type, "icc-profile-data", profile)
    return image
