"""The command line: `halve …`. One module a command; what they import late, `halve --help` need not wait for."""

from __future__ import annotations

import os
import resource
import signal
import sys
from contextlib import suppress
from io import TextIOWrapper

from halve.doors import heap

_INTERRUPTED = 130
"""`Ending.INTERRUPTED`, for as long as its module is not loaded."""

_OPEN_FILES = 65_536
"""As many files and connections as are ever wanted at once."""


def main() -> None:
    """The console script. Ends the process with the exit code of the command."""
    try:
        _main()
    except KeyboardInterrupt:  # while what the command needs was loaded, or once more while it was ending already
        os._exit(_INTERRUPTED)


def _main() -> None:
    _open_what_is_closed()
    _open_as_many_as_may_be()
    _say_what_can_be_said()
    heap.ease()
    from halve.core.errors import StoreFailed
    from halve.doors.cli.app import app
    from halve.doors.cli.endings import Ending

    try:
        app(prog_name="halve")
    except (OSError, StoreFailed) as error:  # outside of any command: its help, which stdout did not take
        from halve.doors.cli.terminal import unwritable

        with suppress(OSError):  # or stderr neither
            sys.stderr.write(f"halve: {unwritable(error) if isinstance(error, OSError) else error}\n")
        os._exit(Ending.BROKEN)
    except Exception:  # noqa: BLE001 - the last stop: told, and given an exit code of its own
        import traceback

        traceback.print_exc()
        sys.stderr.write("halve: this is a defect; what stands above tells where. What was done is kept.\n")
        sys.exit(Ending.DEFECT)
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # the exit code is decided: Python lets go of its own handler before it ends


def _say_what_can_be_said() -> None:
    """A locale without `→`, or a file name that is no UTF-8, must not change how a command ends; stderr escapes such by itself."""
    if isinstance(sys.stdout, TextIOWrapper) and (sys.stdout.encoding, sys.stdout.errors) != ("utf-8", "surrogateescape"):
        sys.stdout.reconfigure(errors="backslashreplace")
    if os.environ.get("COLUMNS") == "0":  # from terminals that do not know; Rich would take it at its word and print nothing
        del os.environ["COLUMNS"]


def _open_as_many_as_may_be() -> None:
    """The usual limit (1,024 open files; 256 on macOS) is there for programs of long ago, and every process may raise its own."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = _OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, _OPEN_FILES)
    if soft != resource.RLIM_INFINITY and soft < most:
        with suppress(OSError, ValueError):  # a system that says that it has no limit may have one
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


def _open_what_is_closed() -> None:
    """A standard stream that was closed (`>&-`) leads nowhere, else the next file to be opened would take its number."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            nowhere = os.open(os.devnull, os.O_RDWR)
            if nowhere != number:
                os.dup2(nowhere, number)
                os.close(nowhere)
            setattr(sys, name, os.fdopen(number, "r" if number == 0 else "w"))
