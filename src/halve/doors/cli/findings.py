"""What is wrong with a sheet, or was mended in it, as a table for people."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from halve.core.models import Finding
from halve.doors.cli.terminal import err, number, printable

MOST_SHOWN = 200
"""Findings shown; a sheet may have a million, and `--json` has them all."""


def show_findings(findings: Sequence[Finding], *, title: str = "The sheet was refused, nothing was fetched") -> None:
    """A table on stderr: line, column, what is wrong and how to mend it. Plain lines where stderr is no terminal."""
    console = err()
    console.print(f"{title} ({number(len(findings), 'finding')}):", style="bold", markup=False)
    shown = findings[:MOST_SHOWN]
    if console.is_terminal:
        table = Table(box=None, header_style="dim", padding=(0, 2, 0, 0))
        for heading in ("line", "column", "what is wrong, and how to mend it"):
            table.add_column(heading, overflow="fold")
        for finding in shown:
            table.add_row(str(finding.line or "–"), Text(printable(finding.column or "–")), Text(printable(finding.message)))
        console.print(table)
    else:
        for finding in shown:
            where = ", ".join(
                filter(None, (f"line {finding.line}" if finding.line else "", finding.column and repr(finding.column)))
            )
            console.print(f"  {where or 'the file'}: {printable(finding.message)}", markup=False)
    if len(findings) > len(shown):
        console.print(f"… and {len(findings) - len(shown):,} more; --json lists them all.")
