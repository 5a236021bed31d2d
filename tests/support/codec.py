"""Handing bytes to the codec, in this process or through a pool."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import psutil
from PIL import Image

from halve.codec.compress import compress
from halve.core.compressed import Compressed
from halve.core.errors import ImageFailed
from halve.core.options import Format, Options, read_options

T = TypeVar("T")

MAX_PIXELS = 100_000_000


@dataclass(frozen=True)
class Held:
    """A body that is held in memory."""

    data: bytes

    @property
    def size(self) -> int:
        return len(self.data)

    def read(self) -> bytes:
        return self.data


_others: set[psutil.Process] = set()


def children() -> list[psutil.Process]:
    """The codec's children of this process, zombies among them. Databases and brokers that other tests share are none, and those of
    servers that other tests share are left out.
    """
    return [child for child in psutil.Process().children() if _is_codec(child) and child not in _others]


def leave_out_others() -> None:
    """Count children from here on: whoever is there now belongs to a server in this process that lives on."""
    _others.update(children())


def _is_codec(child: psutil.Process) -> bool:
    try:
        return any("halve.codec.child" in word for word in child.cmdline())
    except psutil.ZombieProcess:
        return child.name().startswith("python")
    except psutil.NoSuchProcess:
        return False


def options(**words: str) -> Options:
    """Options as a user writes them."""
    return read_options(**words)


def compressed(data: bytes, *, max_pixels: int = MAX_PIXELS, **words: str) -> Compressed:
    """One image through the codec, in this very process."""
    return compress(data, read_options(**words), max_pixels=max_pixels)


def outcome(call: Callable[[], T]) -> T | ImageFailed:
    """What `call` returns, or the failure that it raised."""
    try:
        return call()
    except ImageFailed as failure:
        return failure


def opened(data: bytes) -> Image.Image:
    """The file as Pillow reads it, whole."""
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


def info(data: bytes) -> dict[Any, Any]:
    return opened(data).info


FORMATS = tuple(format for format in Format if format not in (Format.KEEP, Format.SMALLEST))
