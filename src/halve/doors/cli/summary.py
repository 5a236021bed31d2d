"""What a run came to, for people: the numbers, the first failures with a hint how to mend them, and where the output is."""

from __future__ import annotations

import re

from halve.core.models import ImageState
from halve.core.sizes import number
from halve.doors.cli.job import FAILURES_SHOWN, Result
from halve.doors.cli.terminal import err, out, printable, saved, span

_HINTS = {
    r"address_not_allowed: .*: (?P<one>(?!169\.254\.|fe80:)\S+)$": (  # where clouds tell secrets nobody is advised to go
        "Private addresses are fetched from only where you allow it: run again with --allow-private {one} --retry-failed."
    ),
    r"not_an_image: an HTML page": "A page instead of an image is often a login, or a link to a page that shows the image.",
    r"rate_limited: ": "That host wants fewer connections at once: HALVE_PER_HOST=2.",
    r"too_large: larger than [\d.]+ \w+$": "Larger ones are let in by HALVE_MAX_SOURCE_BYTES.",
    r"too_many_pixels: ": "Larger ones are let in by HALVE_MAX_PIXELS.",
    r"timeout: (?!no connection)": "More patience is had with HALVE_FETCH_TIMEOUT.",
}
"""What mends a failure, by its code and its words: one code may stand for what can be mended and for what cannot."""


def show_summary(result: Result) -> None:
    """Numbers and the output's path on stdout, failures on stderr."""
    request = result.request
    if result.again:
        rest = "its failures are tried again only with --retry-failed" if request.failed_images else "nothing was left to do"
        err().print(f"This run had ended before; {rest}.")
    if result.remade:
        gone = "was gone and was" if result.remade == 1 else "were gone and were"
        err().print(f"{number(result.remade, 'image')} of this run {gone} tried again.")
    _show_failures(result)
    parts = [f"{request.done_images:,} of {number(request.total_images, 'image')} done"]
    if request.failed_images:
        parts.append(f"{request.failed_images:,} failed")
    if request.failed_rows:
        parts.append(f"{number(request.failed_rows, 'row')} left out")
    parts += filter(None, [saved(request.bytes_in, request.bytes_out), span(result.seconds)])
    out().print(", ".join(parts), markup=False)
    out().print(str(result.output_csv), markup=False, soft_wrap=True)
    if result.failed_csv is not None:
        use = "mend those that were left out, then run it" if request.failed_rows else "can be run again"
        out().print(f"{result.failed_csv} (only the rows with failures; {use} by itself)", markup=False, soft_wrap=True)


def _show_failures(result: Result) -> None:
    hints: list[str] = []
    shown = 0
    for product in result.failures:
        for place, image in enumerate(product.results, start=1):
            if image.state is ImageState.FAILED and shown < FAILURES_SHOWN:
                name = printable(product.product_name)[:60]
                err().print(f"row {product.row}, {name}, image {place}: {printable(image.error or 'failed')}", markup=False)
                hints += _hints(f"{image.error_code}: {image.error}")
                shown += 1
    if result.request.failed_images > shown:
        more = number(result.request.failed_images - shown, "more failure")
        err().print(f"… and {more}, see the sheet's last column")
    for hint in dict.fromkeys(hints):
        err().print(hint, style="dim", markup=False)
    if hints and not result.again and not any("--retry-failed" in hint for hint in hints):  # a run that has ended stays so
        err().print("Then the same command with --retry-failed tries what failed again.", style="dim")


def _hints(failure: str) -> list[str]:
    return [hint.format(**found.groupdict()) for words, hint in _HINTS.items() if (found := re.match(words, failure))]
