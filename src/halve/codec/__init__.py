"""Bytes and options in, fewer bytes out; every image in an isolated child process.

`CodecPool` is what the rest of the house calls. The parent's side is `pool`, `process` and `wire`; the child's side starts at
`child`, and `compress` tells the story of one image. Only the child ever loads an image library.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from halve.codec.limits import CodecLimits

if TYPE_CHECKING:
    from halve.codec.pool import CodecPool

__all__ = ["CodecLimits", "CodecPool"]


def __getattr__(name: str) -> Any:
    """The pool needs asyncio; the children, which import this package too, start quicker without it."""
    if name == "CodecPool":
        from halve.codec.pool import CodecPool

        return CodecPool
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
