"""`halve serve`: API, web page and an embedded worker, one command."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from halve.doors.cli import flags
from halve.doors.cli.endings import told


def serve(
    host: Annotated[
        str | None, typer.Option(metavar="HOST", help="Address to listen on. Default: HALVE_HOST or 127.0.0.1.")
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(metavar="PORT", min=0, max=65535, help="Port to listen on; 0 takes a free one. Default: HALVE_PORT or 8000."),
    ] = None,
    data: Annotated[Path | None, flags.data("Folder for database, images and spool.")] = None,
) -> None:
    """Serve API, web page and an embedded worker.

    Prints the address when it answers. Stopped by Ctrl-C or SIGTERM it ends
    what is in work; what was not done is gone on with at the next start.
    Everything else is set by the environment or .env, see the README.

    For example:
      halve serve
      HALVE_ALLOW_PRIVATE=10.0.0.0/8 halve serve --host 0.0.0.0 --data /srv/halve

    Exit codes: 0 stopped by SIGTERM, 2 cannot listen or a setting is
    impossible, 3 database or disk failed, 130 Ctrl-C.
    """
    with told():
        from halve.doors.logs import set_up_logs
        from halve.settings import read_settings

        settings = read_settings(host=host, port=port, data_dir=data)
        set_up_logs(settings.log_level)

        from halve.doors.cli.preflight import check_parts
        from halve.doors.cli.server import address_of, listening_socket, serve_forever
        from halve.doors.cli.terminal import announce

        with listening_socket(settings.host, settings.port) as bound:
            check_parts(settings)
            serve_forever(settings, bound, lambda: announce(f"halve serves on {address_of(bound)} (stop it with Ctrl-C)"))
