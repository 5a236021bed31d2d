"""How a command ends: the exit codes, and which error means which. They are a promise to scripts."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from enum import IntEnum

import typer

from halve.core.errors import HalveError, OptionRefused, SheetRefused, StoreFailed
from halve.doors.json_line import json_line


class Ending(IntEnum):
    """The exit codes of every command. `DEFECT` is the one that should never be seen: a fault in the program itself."""

    DONE = 0
    SOME_FAILED = 1
    REFUSED = 2
    BROKEN = 3
    DEFECT = 70
    INTERRUPTED = 130


class Interrupted(Exception):
    """Somebody stopped the command. The message says how to go on, if there is a way."""


@contextmanager
def told(*, as_json: bool = False) -> Iterator[None]:
    """Turn errors into a message on stderr and an exit code; with `as_json` into an object on stdout as well."""
    try:
        yield
    except (KeyboardInterrupt, Interrupted) as stop:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # it ends already; another Ctrl-C must not change how
        words = f"Stopped. {stop}".rstrip()
        _say(words, style="yellow")
        if as_json:
            print_json({"error": {"code": "interrupted", "message": words}})
        raise typer.Exit(Ending.INTERRUPTED) from None
    except SheetRefused as refused:
        from halve.doors.cli.findings import show_findings

        show_findings(refused.findings)
        if as_json:
            _print_error(refused, errors=[asdict(finding) for finding in refused.findings])
        raise typer.Exit(Ending.REFUSED) from None
    except (StoreFailed, OSError) as broken:
        _tell(broken, as_json=as_json)
        raise typer.Exit(Ending.BROKEN) from None
    except HalveError as refused:
        _tell(refused, as_json=as_json)
        raise typer.Exit(Ending.REFUSED) from None


def print_json(value: dict[str, object]) -> None:
    """One object on stdout, on one line."""
    try:
        sys.stdout.write(json_line(value, sys.stdout))
        sys.stdout.flush()
    except OSError as error:
        from halve.doors.cli.terminal import nobody_reads, unwritable

        nobody_reads(sys.stdout)
        if not isinstance(error, BrokenPipeError):
            raise unwritable(error) from error


def _tell(error: Exception, *, as_json: bool) -> None:
    _say(f"halve: {_sentence(error)}", style="red")
    if as_json:
        _print_error(error)


def _print_error(error: Exception, **more: object) -> None:
    code = error.code if isinstance(error, HalveError) else "os_error"
    print_json({"error": {"code": code, "message": _sentence(error), **more}})


def _sentence(error: Exception) -> str:
    """What a form calls `max_bytes` was typed as `--max-bytes`. Settings, in capitals, have one name everywhere."""
    if isinstance(error, OSError) and error.filename and error.strerror:
        return f"{error.filename}: {error.strerror}."
    words = str(error)
    if isinstance(error, OptionRefused) and error.field.islower() and words.startswith(error.field):
        return f"--{error.field.replace('_', '-')}{words.removeprefix(error.field)}"
    return words


def _say(text: str, *, style: str) -> None:
    from halve.doors.cli.terminal import err

    err().print(text, style=style, markup=False)
