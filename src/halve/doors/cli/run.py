"""`halve run`: a sheet, on this machine, to its end."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from halve.doors.cli import flags
from halve.doors.cli.endings import print_json, told

if TYPE_CHECKING:
    from halve.core.models import Request
    from halve.doors.cli.job import Job, Result
    from halve.settings import Network, Settings


def run(
    sheet: flags.Sheet,
    *,
    output: Annotated[
        Path | None, flags.output("DIR", "Where the result goes. Default: SHEET's name with -halved, beside it.")
    ] = None,
    quality: flags.Quality = None,
    max_bytes: flags.MaxBytes = None,
    format: flags.Format = None,
    max_size: flags.MaxSize = None,
    mode: flags.Mode = None,
    preset: flags.Preset = None,
    columns: flags.Columns = None,
    base_url: Annotated[
        str,
        typer.Option(metavar="URL", help="What image links in output.csv start with. Default: none, they are relative paths."),
    ] = "",
    allow_private: Annotated[
        list[str] | None,
        typer.Option(
            metavar="CIDR", help="A private network that may be fetched from, such as 10.0.0.0/8; may be given several times."
        ),
    ] = None,
    concurrency: flags.Concurrency = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Remove what an earlier run left in DIR, and start over.")] = False,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="If a run in DIR has ended with failures, try those images again.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Read the sheet and say what is wrong with it, fetch nothing and write nothing.")
    ] = False,
    as_json: flags.AsJson = False,
) -> None:
    """Compress all images of a sheet, on this machine.

    DIR gets output.csv (your sheet with two columns more), images/ and, if
    something failed, failed.csv, which can be run by itself. Stopped in any
    way, the same command goes on where it was.

    For example:
      halve run products.csv
      halve run products.csv -o out --max-bytes 50% --max-size 2048
      halve run export.csv.gz --mode lenient --base-url https://cdn.example.com

    Exit codes: 0 all images done, 1 some failed, 2 refused and nothing fetched,
    3 disk or database failed, 130 interrupted.
    """
    with told(as_json=as_json):
        signal.signal(signal.SIGTERM, signal.default_int_handler)  # until the work begins, and where none does, it is as Ctrl-C
        from halve.core.options import read_options
        from halve.core.sheet_options import read_sheet_options
        from halve.doors.cli.folder import default_folder
        from halve.doors.cli.job import Job
        from halve.doors.cli.sheet_file import existing
        from halve.settings import read_settings

        job = Job(
            sheet=existing(sheet),
            folder=output or default_folder(sheet),
            options=read_options(quality=quality, max_bytes=max_bytes, format=format, max_size=max_size),
            reading=read_sheet_options(mode, preset, columns),
            base_url=_base_url(base_url),
            allow_private=_networks(allow_private or []),
            fresh=fresh,
            retry_failed=retry_failed,
        )
        settings = read_settings(concurrency=concurrency)
        if dry_run:
            from halve.doors.cli.rehearsal import rehearse

            rehearse(job, settings, as_json=as_json)
            return
        result = carry_out(job, settings)
        if as_json:
            print_json(_words(result))
        else:
            from halve.doors.cli.summary import show_summary

            show_summary(result)
        raise typer.Exit(result.ending)


def carry_out(job: Job, settings: Settings) -> Result:
    """Run a job with its progress on stderr."""
    from halve.core.sizes import number
    from halve.doors.cli.local import run_sheet
    from halve.doors.cli.progress import Standing, progress
    from halve.doors.cli.terminal import err
    from halve.doors.logs import set_up_logs

    set_up_logs("error")
    told_first = False
    with progress() as display:

        def show(request: Request) -> None:
            nonlocal told_first
            if not told_first:
                told_first = True
                if request.repairs:
                    from halve.doors.cli.findings import show_findings

                    show_findings(request.repairs, title="Mended while reading")
                if tried := request.done_images + request.failed_images:
                    err().print(f"Going on: {tried:,} of {number(request.total_images, 'image')} were done before.")
            display(Standing(request.total_images, request.done_images, request.failed_images, request.bytes_in, request.bytes_out))

        return run_sheet(job, settings, show)


def _words(result: Result) -> dict[str, object]:
    request = result.request
    return {
        "request_id": str(request.id),
        "status": request.status.value,
        "total_images": request.total_images,
        "done_images": request.done_images,
        "failed_images": request.failed_images,
        "bytes_in": request.bytes_in,
        "bytes_out": request.bytes_out,
        "seconds": round(result.seconds, 3),
        "output_csv": str(result.output_csv.absolute()),
    }


def _base_url(word: str) -> str:
    from halve.core.errors import OptionRefused
    from halve.settings.readers import link

    try:
        return link(word) if word else ""
    except ValueError as error:
        raise OptionRefused("base_url", f"base_url {error}.") from None


def _networks(words: list[str]) -> tuple[Network, ...]:
    from halve.core.errors import OptionRefused
    from halve.settings.readers import networks

    try:
        return networks(",".join(words))
    except ValueError as error:
        raise OptionRefused("allow_private", f"allow_private {error}.") from None
