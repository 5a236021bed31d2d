"""`halve listen`: a receiver of webhooks, to see what is sent and whether it verifies."""

from __future__ import annotations

from typing import Annotated

import typer

from halve.doors.cli.endings import told

HOST = "127.0.0.1"


def listen(
    host: Annotated[str, typer.Option(metavar="HOST", help="Address to listen on.")] = HOST,
    port: Annotated[int, typer.Option(metavar="PORT", min=0, max=65535, help="Port to listen on; 0 takes a free one.")] = 9000,
    secret: Annotated[
        str | None,
        typer.Option(metavar="S", help="whsec_…; without one signatures are not checked. Default: HALVE_WEBHOOK_SECRET."),
    ] = None,
) -> None:
    """Receive webhooks at POST /webhook, verify them, print one line of JSON each.

    The server that sends to it must be allowed to:
    HALVE_ALLOW_PRIVATE=127.0.0.0/8 halve serve.

    For example:
      halve listen --secret whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD
      halve submit products.csv --webhook http://127.0.0.1:9000/webhook
    """
    with told():
        from halve.doors.listen import serve_listener
        from halve.settings import read_settings

        # an empty address would be all that the machine has
        serve_listener(host or HOST, port, read_settings(webhook_secret=secret).webhook_secret)
