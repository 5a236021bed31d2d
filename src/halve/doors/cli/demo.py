"""`halve demo`: the real thing, on real photographs, in a few seconds and without the internet."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from halve.doors.cli import flags
from halve.doors.cli.endings import told

if TYPE_CHECKING:
    from halve.settings import Settings

SHEET = "products.csv"


def demo(
    output: Annotated[Path | None, flags.output("DIR", "Where the result goes. Default: ./halve-demo.")] = None,
    serve: Annotated[bool, typer.Option("--serve", help="Then serve the web page with the same sheet, until Ctrl-C.")] = False,
    port: Annotated[
        int, typer.Option(metavar="PORT", min=0, max=65535, help="With --serve: port of the page; 0 takes a free one.")
    ] = 8000,
) -> None:
    """Run a dozen sample photographs through the real pipeline.

    They are served from a free port of this machine, fetched, compressed and
    stored as any sheet's would be. DIR gets the sample sheet, output.csv and
    the images; run again, it starts over.

    Exit codes: 0 all is well, 1 an image failed, 2 refused, 3 disk failed, 130
    interrupted.
    """
    with told():
        from halve.core.models import SheetOptions
        from halve.core.options import Options
        from halve.demo import shop
        from halve.doors.cli.before_after import show_before_after
        from halve.doors.cli.job import Job
        from halve.doors.cli.run import carry_out
        from halve.settings import read_settings

        settings = read_settings(allow_private="127.0.0.0/8")
        folder = _own_folder(output or Path("halve-demo"))
        sheet = folder / SHEET
        with shop.open_shop() as address:
            sheet.write_bytes(shop.sheet(address))
            result = carry_out(Job(sheet, folder, Options(), SheetOptions(), fresh=True), settings)
            show_before_after(result)
            if serve:
                _serve(_of_the_demo(settings, folder, port), sheet)
        raise typer.Exit(result.ending)


def _own_folder(output: Path) -> Path:
    """The folder, made if it is not there. HalveError where it holds something that is not the demo's."""
    from halve.core.errors import HalveError, StoreFailed
    from halve.demo.shop import is_ours

    try:
        if output.exists() and any(output.iterdir()) and not is_ours(output / SHEET):
            raise HalveError(f"{output} holds other things already. Choose another folder with -o.", code="folder_taken")
        output.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise HalveError(
            f"{output} is in the way, or a part of it: it is no folder. Choose another with -o.", code="not_a_folder"
        ) from None
    except OSError as error:
        raise StoreFailed(f"{output} cannot be made: {error.strerror}. Choose another folder with -o.") from error
    return output


def _of_the_demo(settings: Settings, output: Path, port: int) -> Settings:
    """Whatever is set for a real server does not concern this one."""
    return replace(
        settings,
        data_dir=output / "server",
        host="127.0.0.1",
        port=port,
        api_keys={},
        database_url=None,
        storage_url=None,
        broker_url=None,
        public_url=None,
        base_url=None,
        smtp_url=None,
        mail_from=None,
    )


def _serve(settings: Settings, sheet: Path) -> None:
    """Serve the page, and upload the sheet to it as soon as it answers."""
    from halve.doors.cli.following import submit
    from halve.doors.cli.server import address_of, listening_socket, serve_forever
    from halve.doors.cli.terminal import announce
    from halve.doors.logs import set_up_logs

    set_up_logs("warning")
    with listening_socket(settings.host, settings.port) as bound:
        here = address_of(bound)

        def upload() -> None:
            body, _ = submit(here, None, sheet, {}, wait=False, output=None)
            announce(f"The page is {here}/#{body['request_id']} (stop it with Ctrl-C)")

        serve_forever(settings, bound, lambda: threading.Thread(target=upload, daemon=True).start())
