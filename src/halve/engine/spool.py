"""A folder of each process's own for what is on its way: uploads, large downloads, sheets being written.

What a process leaves there when it is killed is nobody's, and the next one that starts clears it away.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from halve.engine.holder import Holder, unusable


@contextmanager
def own_spool(folder: Path) -> Iterator[Path]:
    """A new folder below `folder`, gone afterwards. StoreFailed where it cannot be made."""
    try:
        holder = Holder(folder)
        own = folder / holder.name
        own.mkdir()
        dead = holder.the_dead()
    except OSError as error:
        raise unusable(folder, error) from error
    with holder:
        for name in dead:
            shutil.rmtree(folder / name, ignore_errors=True)
        holder.forget(dead)
        try:
            yield own
        finally:
            shutil.rmtree(own, ignore_errors=True)
            holder.forget([holder.name])
