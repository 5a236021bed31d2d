"""The table of commands. Each stands in a module of its own and imports what is heavy only when it is run."""

from __future__ import annotations

from typing import Annotated

import typer

from halve.doors.cli import database, demo, doctor, listen, remote, run, serve, worker
from halve.doors.cli.usage import Commands

app = typer.Typer(
    name="halve",
    cls=Commands,
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120},
)

_HERE = "On this machine"
_SERVER = "A server, and workers"
_REMOTE = "Against a server"
_CARE = "Care"

app.command(rich_help_panel=_HERE)(run.run)
app.command(rich_help_panel=_HERE)(demo.demo)
app.command(rich_help_panel=_SERVER)(serve.serve)
app.command(rich_help_panel=_SERVER)(worker.worker)
app.command(rich_help_panel=_SERVER)(listen.listen)
app.command(rich_help_panel=_REMOTE)(remote.submit)
app.command(rich_help_panel=_REMOTE)(remote.status)
app.command(rich_help_panel=_REMOTE)(remote.cancel)
app.command(rich_help_panel=_REMOTE)(remote.retry)
app.command(rich_help_panel=_REMOTE)(remote.download)
app.command("init-db", rich_help_panel=_CARE)(database.init_db)
app.command(rich_help_panel=_CARE)(doctor.doctor)


def _version(wanted: bool) -> None:
    if wanted:
        from halve import __version__

        typer.echo(f"halve {__version__}")
        raise typer.Exit


@app.callback()
def halve(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """A spreadsheet of heavy product pictures in, the same spreadsheet with pictures of half the weight out.

    First steps: `halve demo`, then `halve run products.csv`. Every command explains itself with --help.
    """
