"""`docs/commands.md`, made from what every command says of itself.

    python -m halve.doors.cli.command_pages docs/commands.md

writes it; a test sees that it is current.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

WIDTH = 100

HEAD = """# Commands

Written by `make docs` from what `halve COMMAND --help` says. Exit codes are the same everywhere: 0 done, 1 done but something
failed, 2 refused and nothing begun, 3 disk, database, store or server failed, 130 interrupted.

With `--json`, commands that speak to a server print what it answered last. What went wrong is an object, too,
`{"error": {"code", "message"}}`: its code is one of [a run's](running.md#what-it-prints) or [the server's](http.md#errors), or
`server_unreachable`, `bad_answer` (whoever answers there is not halve) or `moved` (it leads elsewhere).
"""


def page() -> str:
    """The whole page. Only in a process of its own: the width of help texts is settled once."""
    os.environ.update(COLUMNS=str(WIDTH), TERM="dumb", NO_COLOR="1")
    from typer.main import get_command
    from typer.testing import CliRunner

    from halve.doors.cli.app import app

    def help_of(*words: str) -> str:
        text = CliRunner().invoke(app, [*words, "--help"], prog_name="halve").output
        return "\n".join(line.rstrip() for line in text.strip("\n").splitlines())

    names = list(get_command(app).commands)  # type: ignore[attr-defined]
    return "\n".join([HEAD, *(f"## halve {name}\n\n```\n{help_of(name)}\n```\n" for name in names)])


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(page(), encoding="utf-8")
