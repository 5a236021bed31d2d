"""ICO: the PNG images in it are PNG files, and may have all that PNG files have."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from halve.codec.strip import png
from halve.codec.strip.damage import damaged

_HEADER, _ENTRY = struct.Struct("<HHH"), struct.Struct("<8sII")


def strip(data: bytes) -> bytes:
    """The images one behind the other, PNG ones without their metadata, and nothing else."""
    if len(data) < _HEADER.size or data[:4] != b"\0\0\1\0":
        raise damaged("ICO", "it does not start like one")
    count = _HEADER.unpack_from(data)[2]
    at = _HEADER.size + count * _ENTRY.size
    if at > len(data):
        raise damaged("ICO", "it is cut short")
    entries, images = [], []
    for index in range(count):
        look, length, offset = _ENTRY.unpack_from(data, _HEADER.size + index * _ENTRY.size)
        image = data[offset : offset + length]
        if len(image) < length:
            raise damaged("ICO", "it is cut short")
        if image.startswith(png.SIGNATURE):
            image = png.strip(image)
        entries.append(_ENTRY.pack(look, len(image), at))
        images.append(image)
        at += len(image)
        if at > len(data):
            raise damaged("ICO", "images that overlap")
    return b"".join((data[: _HEADER.size], *entries, *images))


def png_sizes(data: bytes) -> Iterator[tuple[int, int]]:
    """Width and height of the PNG images in it, by their own headers: the directory may say otherwise."""
    count = _HEADER.unpack_from(data)[2] if len(data) >= _HEADER.size else 0
    for index in range(count):
        at = _HEADER.size + index * _ENTRY.size
        if at + _ENTRY.size > len(data):
            return
        offset = _ENTRY.unpack_from(data, at)[2]
        header = data[offset : offset + 24]
        if header.startswith(png.SIGNATURE) and len(header) == 24:
            yield int.from_bytes(header[16:20], "big"), int.from_bytes(header[20:24], "big")
