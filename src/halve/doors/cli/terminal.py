"""The two consoles, and how numbers and other people's words are said on them. What a command is asked for goes to stdout, all else
to stderr.
"""

from __future__ import annotations

import os
import re
import sys
from functools import cache
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from halve.core.errors import StoreFailed
from halve.core.sizes import in_words, percent_less
from halve.core.visible import legible

if TYPE_CHECKING:
    from rich.console import Console

STDOUT = Path("-")
"""The file that stands for stdout."""


@cache
def err() -> Console:
    """Stderr. Colours only on a terminal, and not where NO_COLOR is set; lines are broken only there, too (not what is
    to be copied, a path or a command: that is printed with `soft_wrap`).
    """
    return _console(stderr=True)


@cache
def out() -> Console:
    """Stdout, as plain as it comes where it is no terminal."""
    return _console(stderr=False)


def _console(*, stderr: bool) -> Console:
    from rich.console import Console

    class Unheard(Console):
        """Rich would end the program where its reader has gone; a run goes on, and ends with the exit code that it earned, also
        where stderr takes nothing. Raises StoreFailed where stdout takes nothing.
        """

        def on_broken_pipe(self) -> None:
            self.quiet = True
            nobody_reads(self.file)

        def print(self, *objects: Any, **how: Any) -> None:
            try:
                super().print(*objects, **how)
            except OSError as error:
                if not self.stderr:
                    raise unwritable(error) from error
                self.on_broken_pipe()

    console = Unheard(stderr=stderr, highlight=False)
    console.soft_wrap = not console.is_terminal
    return console


def unwritable(error: OSError) -> StoreFailed:
    """The error of a stream does not say which one it was."""
    return StoreFailed(f"Standard output cannot be written to: {error.strerror}.")


def nobody_reads(stream: IO[str]) -> None:
    """From here on the stream leads nowhere, with what it still holds: `halve run … | head -1` has seen enough."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


def announce(text: str) -> None:
    """Say on stdout what is at work now. It goes on where nobody reads that, and where it cannot be written: stderr tells, then."""
    try:
        print(text, flush=True)
    except OSError as error:
        nobody_reads(sys.stdout)
        if not isinstance(error, BrokenPipeError):
            err().print(f"halve: {unwritable(error)}", markup=False)


def saved(bytes_in: int, bytes_out: int) -> str:
    """`1.7 MB → 800 kB, 52 % less`; nothing where nothing was done."""
    if not bytes_in:
        return ""
    return f"{in_words(bytes_in)} → {in_words(bytes_out)}, {percent_less(bytes_in, bytes_out)} % less"


def span(seconds: float) -> str:
    """`0.8 s`, `42 s`, `3 min 20 s`, `2 h 05 min`."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def printable(text: str) -> str:
    """Text of a stranger's with nothing in it that a terminal would obey."""
    return legible(text, "�")


def without_password(url: str) -> str:
    """A URL that may be shown: what stands between `:` and `@` in it is left out, and so is an option `password`."""
    shown = re.sub(r"(?i)(?<=password=)[^&#]+", "…", url)
    return re.sub(r"(?<=://)([^:/?#@]*):(?:[^/?#]+|[^@]+)@", r"\1:…@", shown, count=1)  # some databases take `/` in a password, too
