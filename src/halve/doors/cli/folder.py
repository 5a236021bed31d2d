"""The folder of `halve run`: where it is, who may write there, what it holds, and how to start over.

DIR/output.csv  DIR/images/…  DIR/failed.csv     what the user asked for
DIR/.halve/                                      database, lock, spool: what it takes to go on after an interruption
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from halve.core.errors import Conflict, HalveError, StoreFailed

OURS = ("output.csv", "failed.csv", "images")
STATE = ".halve"
_LOCK = "lock"


def default_folder(sheet: Path) -> Path:
    """`a.csv` and `a.csv.gz` → `a-halved`, beside the sheet."""
    name = sheet.name
    if name.lower().endswith(".gz"):
        name = name[:-3]
    return sheet.with_name(f"{Path(name).stem}-halved")


@contextmanager
def held(folder: Path, *, fresh: bool) -> Iterator[Path]:
    """Make the folder and hold it alone; gives the folder of the state. With `fresh`, what an earlier run left is removed.

    The lock is the operating system's: it goes with the process, however that ends. Raises Conflict where another run holds the
    folder, or where it has files by our names that are not ours; StoreFailed where it cannot be written to.
    """
    state = folder / STATE
    new = not folder.exists()
    strangers = [name for name in OURS if (folder / name).exists()] if not state.exists() else []
    if strangers:
        raise Conflict(
            f"{folder} already has {' and '.join(strangers)}, made by something else. Choose another folder with -o, or move "
            "them away.",
            code="folder_taken",
        )
    try:
        state.mkdir(parents=True, exist_ok=True)
        lock = os.open(state / _LOCK, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o644)
    except (FileExistsError, NotADirectoryError) as error:
        raise HalveError(
            f"{_no_folder(folder)} is in the way: it is no folder. Choose another with -o.", code="not_a_folder"
        ) from error
    except OSError as error:
        raise StoreFailed(f"{folder} cannot be written to: {error.strerror}. Choose another folder with -o.") from error
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise Conflict(
                f"Another run is at work in {folder}. Wait for it, or choose another folder with -o.", code="busy"
            ) from error
        if fresh:
            _clear(folder)
        yield state
    finally:
        os.close(lock)
        if new:
            with suppress(OSError):
                folder.rmdir()  # still empty: nothing came of it


def database_in(state: Path) -> Path:
    """Where the database is, once a run was begun there."""
    return state / "halve.db"


def forget(state: Path) -> None:
    """Remove the state, as if nothing had been begun."""
    shutil.rmtree(state, ignore_errors=True)


def _no_folder(folder: Path) -> Path:
    """The part of a path that is something else than a folder."""
    parts = [*reversed(folder.parents), folder, folder / STATE]
    return next((part for part in parts if part.exists() and not part.is_dir()), folder)


def _clear(folder: Path) -> None:
    try:
        for name in OURS:
            path = folder / name
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
        for path in (folder / STATE).iterdir():
            if path.name == _LOCK:
                continue
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()
    except OSError as error:
        raise StoreFailed(f"{folder} cannot be emptied: {error.strerror}.") from error
