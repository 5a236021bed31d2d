"""What `halve` is measured beside: other ways to do the same job, each tuned as its own documents advise.

The job: fetch these URLs, make a JPEG of quality 50 of each, have it on the disk. A peer's own dependencies stay out of this
project's lock: they are installed on demand, pinned, each into a folder of its own below `.tools/peers`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bench.measure import Cost

CORES = 2
QUALITY = 50


class NotHere(Exception):
    """This peer cannot be had on this machine; the message is a sentence for the report."""


@dataclass(frozen=True)
class Job:
    """`folder` is empty; every file in it in the end counts as an output. `in_flight` downloads may wait at once."""

    urls: list[str]
    folder: Path
    in_flight: int


@dataclass(frozen=True)
class Peer:
    """`ready` installs what is missing and tells the version, or raises NotHere. `run` does the job and tells what it cost."""

    name: str
    how: str
    ready: Callable[[], str]
    run: Callable[[Job], Cost]
    patient: bool = True  # waits for many downloads at once
