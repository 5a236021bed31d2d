"""`halve submit`, `status`, `cancel`, `retry`, `download`: a server somewhere else, from the command line."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, NamedTuple

import typer

from halve.doors.cli import flags
from halve.doors.cli.endings import print_json, told

RequestId = Annotated[str, typer.Argument(metavar="REQUEST_ID", help="What the upload answered.", show_default=False)]
Url = Annotated[str | None, typer.Option(metavar="URL", help="The server's address. Default: HALVE_URL or http://127.0.0.1:8000.")]
ApiKey = Annotated[str | None, typer.Option(metavar="K", help="Key, where the server wants one. Default: HALVE_API_KEY, or none.")]
Wait = Annotated[bool, typer.Option("--wait", help="Follow it to the end; exit code 1 if not all is done then.")]


def submit(
    sheet: flags.Sheet,
    *,
    url: Url = None,
    api_key: ApiKey = None,
    wait: Wait = False,
    output: Annotated[Path | None, flags.output("FILE", "With --wait: save the output sheet here; - is stdout.")] = None,
    quality: flags.Quality = None,
    max_bytes: flags.MaxBytes = None,
    format: flags.Format = None,
    max_size: flags.MaxSize = None,
    mode: flags.Mode = None,
    preset: flags.Preset = None,
    columns: flags.Columns = None,
    email: Annotated[str | None, typer.Option(metavar="ADDRESS", help="Who is sent the result.")] = None,
    webhook_url: Annotated[
        str | None, typer.Option("--webhook-url", "--webhook", metavar="URL", help="Where the server posts to when it is over.")
    ] = None,
    as_json: flags.AsJson = False,
) -> None:
    """Upload a sheet to a server, and follow it with --wait.

    For example:
      halve submit products.csv --url https://halve.example.com --wait -o out.csv
      halve submit products.csv --quality 60 --email me@example.com

    Exit codes: 0 accepted (with --wait: all images done), 1 images failed, rows
    were left out or it was cancelled, 2 refused, 3 server out of reach, 130
    interrupted.
    """
    given = {
        "quality": quality,
        "max_bytes": max_bytes,
        "format": format,
        "max_size": max_size,
        "mode": mode,
        "preset": preset,
        "columns": columns,
        "email": email,
        "webhook_url": webhook_url,
    }
    with told(as_json=as_json):
        from halve.doors.cli import following
        from halve.doors.cli.sheet_file import existing
        from halve.doors.cli.terminal import STDOUT

        if output is not None and not wait:
            raise typer.BadParameter("makes sense with --wait only.", param_hint="--output")
        if output == STDOUT and as_json:
            raise typer.BadParameter("has no stdout to itself with --json.", param_hint="--output")
        fields = {name: value for name, value in given.items() if value}
        server = _server(url, api_key)
        body, saved_as = following.submit(*server, existing(sheet), fields, wait=wait, output=output)
        _end(body, server.url, as_json=as_json, waited=wait, saved_as=saved_as)


def status(request_id: RequestId, url: Url = None, api_key: ApiKey = None, as_json: flags.AsJson = False) -> None:
    """Say how far a request is.

    Exit codes: 0 under way or all done, 1 over, and images failed, rows were
    left out or it was cancelled, 2 no such request, 3 server out of reach.
    """
    with told(as_json=as_json):
        from halve.doors.cli import following

        server = _server(url, api_key)
        _end(following.ask(*server, "status", request_id), server.url, as_json=as_json, waited=True)


def cancel(request_id: RequestId, url: Url = None, api_key: ApiKey = None, as_json: flags.AsJson = False) -> None:
    """Stop a request. What was done stays; the sheet is there in a moment.

    Exit codes: 0 cancelled, 2 no such request or it is over, 3 server out of
    reach.
    """
    with told(as_json=as_json):
        from halve.doors.cli import following
        from halve.doors.cli.terminal import out

        body = following.ask(*_server(url, api_key), "cancel", request_id)
        if as_json:
            print_json(body)
        else:
            out().print(f"{request_id} is cancelled.", markup=False)


def retry(
    request_id: RequestId, url: Url = None, api_key: ApiKey = None, wait: Wait = False, as_json: flags.AsJson = False
) -> None:
    """Run the failed images of a finished request again.

    Exit codes: 0 begun (with --wait: all images done), 1 as of halve status, 2
    nothing to retry, 3 server out of reach.
    """
    with told(as_json=as_json):
        from halve.doors.cli import following

        server = _server(url, api_key)
        body = following.ask(*server, "retry", request_id, wait=wait)
        _end({"request_id": request_id, **body}, server.url, as_json=as_json, waited=wait)


def download(
    request_id: RequestId,
    *,
    url: Url = None,
    api_key: ApiKey = None,
    output: Annotated[Path | None, flags.output("FILE", "Where to save it; - is stdout. Default: named for the request.")] = None,
    failed: Annotated[bool, typer.Option("--failed", help="Only the rows with failures; can be uploaded again.")] = False,
    uploaded: Annotated[bool, typer.Option("--input", help="The sheet as it was uploaded.")] = False,
    archive: Annotated[bool, typer.Option("--archive", help="A ZIP of the sheet and all images.")] = False,
) -> None:
    """Save the output sheet of a finished request, or one of its other files.

    For example:
      halve download 0b0e8c5e-… -o output.csv
      halve download 0b0e8c5e-… --archive

    Exit codes: 0 saved, 2 no such request or not finished, 3 server out of
    reach or disk full.
    """
    if failed + uploaded + archive > 1:
        raise typer.BadParameter("only one of --failed, --input and --archive at a time.")
    with told():
        from halve.doors.cli import following
        from halve.doors.cli.terminal import STDOUT, out

        kind = "archive" if archive else "download"
        part = "failed" if failed else "input" if uploaded else ""
        saved_as = following.save(*_server(url, api_key), request_id, kind=kind, part=part, target=output)
        if saved_as != STDOUT:
            out().print(str(saved_as), markup=False, soft_wrap=True)


class _Server(NamedTuple):
    url: str
    api_key: str | None


def _server(url: str | None, api_key: str | None) -> _Server:
    """Whom to ask, and with which key, by what was given and the settings."""
    from halve.settings import read_settings

    settings = read_settings(url=url, api_key=api_key)
    return _Server(settings.url, settings.api_key)


def _end(body: dict[str, Any], url: str, *, as_json: bool, waited: bool, saved_as: Path | None = None) -> None:
    """Say what the server said, and leave with the exit code that follows from it."""
    from halve.doors.cli.standing import ending_of, tell_standing

    if as_json:
        print_json(body)
    else:
        tell_standing(body, url, saved_as)
    raise typer.Exit(ending_of(body) if waited else 0)
