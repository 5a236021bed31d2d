"""Memory, told what kind of process this is: one that makes a great many short-lived things beside a few that stay.

Python's own: nearly all of them go by their reference counts. Left to its defaults, the garbage collector took a seventh of a
worker's CPU for looking through modules and through what is remembered, again and again, and found next to nothing.

The C library's: a body of half a megabyte is memory that the kernel hands out page by page and takes back, image after image. Kept,
it serves for the next: a download of 0.6 MB takes a fifth less CPU (`bench/fetch.py`, with and without these figures in glibc's
`MALLOC_TRIM_THRESHOLD_` and `MALLOC_MMAP_THRESHOLD_`, four turns).
"""

from __future__ import annotations

import gc

THRESHOLDS = (10_000, 20, 50)
"""New containers before the youngest are looked through; how many such looks before the next older generation is, and the next."""

TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3
"""What glibc's malloc.h calls them."""

KEPT = 32 * 2**20
"""Bytes of free memory at the heap's end that are kept."""

OF_THE_HEAP = 16 * 2**20
"""Bytes from which a piece of memory comes from the kernel by itself, and goes back there."""


def ease() -> None:
    """From the very start: loading modules makes a great many things that stay."""
    gc.set_threshold(*THRESHOLDS)


def settle() -> None:
    """For processes that serve or work until they end, once their modules are loaded: what is there is never looked at again."""
    ease()
    gc.freeze()
    _keep_pages()


def _keep_pages() -> None:
    """Where the C library can be told; others have ways of their own."""
    import ctypes  # which not every command needs

    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(MMAP_THRESHOLD, OF_THE_HEAP)
        mallopt(TRIM_THRESHOLD, KEPT)
