"""What is wrong with a sheet, or was mended in it, as a table for people."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from halve.core.finding import Finding
from halve.core.sizes import number
from halve.doors.cli.terminal import err, printable

MOST_SHOWN = 200
"""Findings shown on a terminal; a sheet may have a hundred thousand. Files and pipes, and `--json`, have them all."""


def show_findings(findings: Sequence[Finding], *, title: str = "The sheet was refused, nothing was fetched") -> None:
    """A table on stderr: line, column, code, what is wrong and how to mend it. Plain lines where stderr is no terminal."""
    console = err()
    console.print(f"{title} ({number(len(findings), 'finding')}):", style="bold", markup=False)
    if console.is_terminal:
        shown = findings[:MOST_SHOWN]
        table = Table(box=None, header_style="dim", padding=(0, 2, 0, 0))
        for heading in ("line", "column", "code", "what is wrong, and how to mend it"):
            table.add_column(heading, overflow="fold")
        for finding in shown:
            table.add_row(
                str(finding.line or "–"), Text(printable(finding.column or "–")), finding.code, Text(printable(finding.message))
            )
        console.print(table)
        if len(findings) > len(shown):
            console.print(f"… and {len(findings) - len(shown):,} more; --json lists them all.")
    else:
        console.print("\n".join(map(_line, findings)), markup=False)


def _line(finding: Finding) -> str:
    where = ", ".join(filter(None, (f"line {finding.line}" if finding.line else "", finding.column and repr(finding.column))))
    return f"  {where or 'the file'}: {printable(finding.message)} ({finding.code})"
