"""The folder of `halve run`: where it is, who may write there, what it holds, and how to start over.

DIR/output.csv  DIR/images/…  DIR/failed.csv     what the user asked for
DIR/.halve/                                      database, lock, spool: what it takes to go on after an interruption
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from halve.core.errors import HalveError, StoreFailed
from halve.core.naming import EXTENSIONS
from halve.core.sheet.headers import ERRORS, OUTPUT, spelling

OURS = ("output.csv", "failed.csv", "images")
STATE = ".halve"
_LOCK = "lock"

_HEAD = 64_000
"""Bytes of a sheet among which its header is looked for."""

_IMAGE = re.compile(rf".+-\d+\.(?:{'|'.join(sorted(set(EXTENSIONS.values())))})")
"""What images of a run are called; see `core.naming.readable_name`."""


def default_folder(sheet: Path) -> Path:
    """`a.csv` and `a.csv.gz` → `a-halved`, beside the sheet."""
    name = sheet.name
    if name.lower().endswith(".gz"):
        name = name[:-3]
    return sheet.with_name(f"{Path(name).stem}-halved")


@contextmanager
def held(folder: Path, *, fresh: bool) -> Iterator[Path]:
    """Make the folder and hold it alone; gives the folder of the state. With `fresh`, what an earlier run left is removed.

    The lock is the operating system's: it goes with the process, however that ends. Raises HalveError where another run holds the
    folder, or where it has files by our names and no state; StoreFailed where it cannot be written to.
    """
    state = folder / STATE
    try:
        new = [path for path in (folder, *folder.parents) if not path.exists()]
        if not state.exists():
            _refuse_strangers(folder, fresh=fresh)
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
            raise HalveError(
                f"Another run is at work in {folder}: wait for it, or choose another folder with -o.", code="busy"
            ) from error
        if fresh:
            _clear(folder)
        yield state
    finally:
        os.close(lock)
        with suppress(OSError):
            for path in new:
                path.rmdir()  # still empty: nothing came of it


def database_in(state: Path) -> Path:
    """Where the database is, once a run was begun there."""
    return state / "halve.db"


def forget(state: Path) -> None:
    """Remove the state, as if nothing had been begun."""
    shutil.rmtree(state, ignore_errors=True)


def _refuse_strangers(folder: Path, *, fresh: bool) -> None:
    """Without the state nobody knows whose these files are: a run's, whose state its user removed, or somebody's by chance. With
    `fresh` they are given up for a new run, if they look in every respect like what a run leaves.
    """
    there = [name for name in OURS if (folder / name).exists()]
    if not there:
        return
    like_ours = _like_a_runs(folder, there)
    if fresh and like_ours:
        return
    told = f"{folder} already has {' and '.join(there)}, and no {STATE} that would tell what they are of."
    if like_ours:
        told += " If a run made them, --fresh starts over there; else choose another folder with -o, or move them away."
    else:
        told += " Choose another folder with -o, or move them away."
    raise HalveError(told, code="folder_taken")


def _like_a_runs(folder: Path, there: list[str]) -> bool:
    """Sheets with our columns, and images named as ours are. Never images alone: so are those of many a camera."""
    sheets = [folder / name for name in there if name != "images"]
    try:
        return (
            bool(sheets)
            and all(path.is_file() and _has_our_columns(path) for path in sheets)
            and (
                "images" not in there
                or all(path.is_file() and _IMAGE.fullmatch(path.name) for path in folder.joinpath("images").iterdir())
            )
        )
    except OSError:
        return False


def _has_our_columns(sheet: Path) -> bool:
    """Whatever its encoding, these letters are the same once zeros are left out."""
    with sheet.open("rb") as file:
        head = spelling(file.read(_HEAD).replace(b"\0", b"").decode("latin-1"))
    return spelling(OUTPUT) in head and spelling(ERRORS) in head


def _no_folder(folder: Path) -> Path:
    """The part of a path that is something else than a folder."""
    parts = [*reversed(folder.parents), folder, folder / STATE]
    return next((part for part in parts if part.exists() and not part.is_dir()), folder)


def _clear_images(images: Path) -> None:
    """What its user put beside the images stays, and the folder with it."""
    for path in list(images.iterdir()):
        if _IMAGE.fullmatch(path.name):
            path.unlink()
    with suppress(OSError):
        images.rmdir()


def _clear(folder: Path) -> None:
    try:
        for name in OURS:
            path = folder / name
            if path.is_dir() and not path.is_symlink():
                _clear_images(path)
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
