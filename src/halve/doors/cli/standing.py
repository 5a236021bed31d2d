"""What a server says of a request, read and said to people."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from halve.core.models import Status
from halve.core.sizes import number
from halve.doors.cli.endings import Ending
from halve.doors.cli.progress import Standing
from halve.doors.cli.terminal import STDOUT, err, out, printable, saved
from halve.outbound.remote import without_user

if TYPE_CHECKING:
    from rich.console import Console

_WORDS = {
    Status.PENDING: "waiting for its turn",
    Status.PROCESSING: "under way",
    Status.COMPLETED: "over",
    Status.FAILED: "over, no image succeeded",
    Status.CANCELLED: "cancelled",
}


def standing_of(body: dict[str, Any]) -> Standing:
    """The figures in a status or an upload's answer; those it does not have are nothing."""
    return Standing(
        total=_count(body, "total_images"),
        done=_count(body, "no_img_compressed"),
        failed=_count(body, "failed_images"),
        bytes_in=_count(body, "bytes_in"),
        bytes_out=_count(body, "bytes_out"),
    )


def over(body: dict[str, Any]) -> bool:
    """Whether the output sheet is there."""
    return bool(body.get("output_csv_url"))


def ending_of(body: dict[str, Any]) -> Ending:
    """1 for a request that ended with failures, rows left out or cancelled; 0 else, also while it is under way."""
    if not over(body):
        return Ending.DONE
    trouble = _count(body, "failed_images") or _count(body, "failed_rows") or body.get("status") == Status.CANCELLED
    return Ending.SOME_FAILED if trouble else Ending.DONE


def tell_standing(body: dict[str, Any], url: str, saved_as: Path | None) -> None:
    """The request's id, how far it is, and where its sheet is, on stdout; on stderr where the sheet itself went to stdout."""
    console, standing = err() if saved_as == STDOUT else out(), standing_of(body)
    word = str(body.get("status", ""))
    console.print(f"{printable(str(body.get('request_id', '')))}: {_WORDS.get(word, word)}", markup=False)  # type: ignore[call-overload]
    figures = [f"{standing.done:,} of {number(standing.total, 'image')} done"]
    if standing.failed:
        figures.append(f"{standing.failed:,} failed")
    if left_out := _count(body, "failed_rows"):
        figures.append(f"{number(left_out, 'row')} left out")
    if less := saved(standing.bytes_in, standing.bytes_out):
        figures.append(less)
    console.print(", ".join(figures), markup=False)
    for repair in body.get("repairs") or []:
        if isinstance(repair, dict):
            console.print(f"mended: line {repair.get('line')}: {printable(str(repair.get('message')))}", markup=False)
    if over(body):
        if saved_as != STDOUT:
            console.print(str(saved_as or printable(str(body["output_csv_url"]))), markup=False, soft_wrap=True)
    else:
        tell_way_back(console, body, url)


def tell_way_back(console: Console, body: dict[str, Any], url: str) -> None:
    """The command that asks after the request, without what opens the server's door."""
    asking = f"halve status {printable(str(body.get('request_id', '')))} --url {without_user(url)}"
    console.print(asking, style="dim", markup=False, soft_wrap=True)


def _count(body: dict[str, Any], name: str) -> int:
    value = body.get(name)
    return value if isinstance(value, int) else 0
