"""`halve doctor`: is every part that is configured well, and if not, what mends it?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from halve.doors.cli import flags
from halve.doors.cli.endings import Ending, print_json, told


def doctor(
    data: Annotated[Path | None, flags.data("The data folder to look at.")] = None,
    as_json: flags.AsJson = False,
) -> None:
    """Check every configured part, and say what is wrong and how to mend it.

    Writes to database and store, reads it back and erases it; compresses a
    photograph; says hello to the mail server; publishes to the broker and takes
    it back. Nobody is written to.

    Exit codes: 0 all is well (there may be warnings), 1 something is wrong, 2 the
    settings cannot be read.
    """
    with told(as_json=as_json):
        import asyncio

        from halve.doors.cli.checks import State, all_checks
        from halve.doors.logs import set_up_logs
        from halve.settings import read_settings

        set_up_logs("error")
        checks = asyncio.run(all_checks(read_settings(data_dir=data)))
        wrong = sum(check.state is State.WRONG for check in checks)
        if as_json:
            print_json(
                {"well": not wrong, "checks": [{"name": c.name, "state": c.state.value, "detail": c.detail} for c in checks]}
            )
        else:
            from halve.core.sizes import number
            from halve.doors.cli.terminal import out, printable

            marks = {State.FINE: ("✓", "green"), State.WARNING: ("!", "yellow"), State.WRONG: ("✗", "red")}
            for check in checks:
                mark, style = marks[check.state]
                out().print(f"{mark} {check.name}: {printable(check.detail)}", style=style if mark != "✓" else None, markup=False)
            out().print("All is well." if not wrong else f"{number(wrong, 'thing')} to mend.")
        raise typer.Exit(Ending.SOME_FAILED if wrong else Ending.DONE)
