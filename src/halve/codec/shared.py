"""Memory that parent and child both see, for the bodies of jobs and replies that fit.

To lay one there takes less than half the CPU of sending it through a socket; and it lies there whole at once, where a socket holds
some hundreds of kilobytes, unless its administrator allows more, and then its two ends wait for one another.
"""

from __future__ import annotations

import fcntl
import os
from mmap import mmap

from halve.codec.wire import AHEAD

PLACE = 2 * 2**20
"""Bytes that a body may have: more than those of a brief image (`pool.BRIEF`), for whom waiting counts."""

JOBS, REPLIES = 0, 1


class Shared:
    """A place for each image that a child may have at once, and for each reply to one: who writes the next has had the answer to
    the one before the last, and nothing is overwritten that is still to be read.
    """

    def __init__(self, fd: int) -> None:
        """`fd` is one of `make`'s, and may be closed then."""
        self._memory = mmap(fd, 2 * AHEAD * PLACE)

    @staticmethod
    def takes(length: int) -> bool:
        """Whether a body of that length goes this way; both sides must say the same."""
        return 0 < length <= PLACE

    def put(self, side: int, number: int, body: bytes) -> None:
        """`number` counts jobs, or replies, of this child."""
        start = _start(side, number)
        self._memory[start : start + len(body)] = body

    def get(self, side: int, number: int, length: int) -> bytes:
        """A copy, for the other side may write there whatever and whenever it likes."""
        start = _start(side, number)
        return self._memory[start : start + length]

    def close(self) -> None:
        """Repeatable."""
        self._memory.close()


def _start(side: int, number: int) -> int:
    return (side * AHEAD + number % AHEAD) * PLACE


def make() -> int | None:
    """A descriptor of such memory, for the two to open. None where the system has none that is sealed: if the child could cut it
    short, its parent would die of the next look at it.
    """
    if not hasattr(os, "memfd_create"):
        return None
    try:
        fd = os.memfd_create("halve", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    except OSError:
        return None
    try:
        os.ftruncate(fd, 2 * AHEAD * PLACE)
        fcntl.fcntl(fd, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL)
    except OSError:
        os.close(fd)
        return None
    return fd
