"""Whether a store can be worked with: a few bytes are stored, read and deleted, as workers will, with the rights they have."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable

from halve.core.ports import ImageStore


async def gives_back(images: ImageStore, delete: Callable[[str], Awaitable[None]]) -> bool:
    """Whether what was read is what was stored. `delete` takes a key. Raises what the store raises."""
    key, word = f"halve-ready/{secrets.token_hex(8)}.txt", secrets.token_hex(16).encode()
    await images.put(key, word, content_type="text/plain")
    read = b"".join([piece async for piece in images.read(key)])
    await delete(key)
    return read == word
