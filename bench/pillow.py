"""Pillow's way to make a JPEG smaller, which the codec is measured beside."""

from __future__ import annotations

import io

from PIL import Image


def pillow(data: bytes, quality: int = 50, **save: bool) -> bytes:
    out = io.BytesIO()
    with Image.open(io.BytesIO(data)) as image:
        image.save(out, "JPEG", quality=quality, **save)
    return out.getvalue()
