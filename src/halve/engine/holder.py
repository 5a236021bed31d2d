"""Who holds a lease, and who can hold none any more.

Every worker holds an OS lock on a file of its own name for as long as its process lives. The kernel lets go of it however
the process ends, so whoever finds a file that nobody locks knows its worker dead, and need not wait for the leases to run out.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
from pathlib import Path
from types import TracebackType
from typing import Self

from halve.core.errors import StoreFailed


def unusable(folder: Path, error: OSError) -> StoreFailed:
    """What to say of a folder in the data folder that cannot be worked in."""
    return StoreFailed(f"The folder {folder} cannot be made or written to: {error.strerror}. Set HALVE_DATA_DIR to another.")


class Holder:
    """A worker's name, locked. `folder` is shared by the workers of one machine that work on one database."""

    def __init__(self, folder: Path) -> None:
        """StoreFailed where there can be no such file."""
        self.name = secrets.token_hex(8)
        self._folder = folder
        self._path = folder / f"{self.name}.lock"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            # Locked before it has its name: nobody may see the file unlocked and take its worker for dead.
            unnamed = folder / f".{self.name}.new"
            self._fd = os.open(unnamed, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
            fcntl.flock(self._fd, fcntl.LOCK_EX)
            unnamed.rename(self._path)
        except OSError as error:
            raise unusable(folder, error) from error

    def the_dead(self) -> list[str]:
        """Names of workers of this folder that hold nothing now: killed, or ended. `forget` them once their leases are void."""
        return [path.stem for path in self._folder.glob("*.lock") if path != self._path and _unlocked(path)]

    def forget(self, names: list[str]) -> None:
        for name in names:
            (self._folder / f"{name}.lock").unlink(missing_ok=True)

    def close(self) -> None:
        """Let go. The name stays behind, unlocked: what could not be handed back is the next worker's to void."""
        os.close(self._fd)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


def _unlocked(path: Path) -> bool:
    with contextlib.suppress(OSError):
        fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        else:
            return True
        finally:
            os.close(fd)
    return False
