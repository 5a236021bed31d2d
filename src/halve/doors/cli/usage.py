"""What is wrong with a command line as such (no SHEET, no such option), for programs too: `--json` promises them an object."""

from __future__ import annotations

import sys
from typing import Any

from typer.core import TyperGroup

from halve.doors.cli.endings import print_json


class Commands(TyperGroup):
    """All commands. What cannot be understood is told by typer on stderr, and before that, where `--json` was said, on stdout."""

    def invoke(self, ctx: Any) -> Any:
        """Typer's usage errors have no public name; they are known by the sentence that they can give."""
        try:
            return super().invoke(ctx)
        except Exception as error:
            sentence = getattr(error, "format_message", None)
            if sentence is not None and "--json" in sys.argv:
                print_json({"error": {"code": "usage", "message": sentence()}})
            raise
