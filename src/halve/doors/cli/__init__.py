"""The command line: `halve …`. One module a command; what they import late, `halve --help` need not wait for."""

from __future__ import annotations


def main() -> None:
    """The console script. Ends the process with the exit code of the command."""
    from halve.doors.cli.app import app

    app(prog_name="halve")
