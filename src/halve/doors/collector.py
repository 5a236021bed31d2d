"""The garbage collector, told what kind of process this is: one that makes a great many short-lived things beside a few that stay.

Nearly all of them go by their reference counts. Left to its defaults, the collector took a seventh of a worker's CPU for looking
through modules and through what is remembered, again and again, and found next to nothing.
"""

from __future__ import annotations

import gc

THRESHOLDS = (10_000, 20, 50)
"""New containers before the youngest are looked through; how many such looks before the next older generation is, and the next."""


def ease() -> None:
    """From the very start: loading modules makes a great many things that stay."""
    gc.set_threshold(*THRESHOLDS)


def settle() -> None:
    """For processes that serve or work until they end, once their modules are loaded: what is there is never looked at again."""
    ease()
    gc.freeze()
