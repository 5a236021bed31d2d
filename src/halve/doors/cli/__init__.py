"""The command line: `halve …`. One module a command; what they import late, `halve --help` need not wait for."""

from __future__ import annotations


def main() -> None:
    """The console script. Ends the process with the exit code of the command."""
    from halve.doors.cli.app import app

    try:
        app(prog_name="halve")
    except Exception:  # noqa: BLE001 - the last stop: told, and given an exit code of its own
        import sys
        import traceback

        from halve.doors.cli.endings import Ending

        traceback.print_exc()
        sys.stderr.write("halve: this is a defect; what stands above tells where. What was done is kept.\n")
        sys.exit(Ending.DEFECT)
