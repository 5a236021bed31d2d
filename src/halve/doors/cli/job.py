"""What `halve run` is asked to do, and what came of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from halve.core.models import Product, Request, SheetOptions
from halve.core.options import Options
from halve.doors.cli.endings import Ending

if TYPE_CHECKING:
    from halve.settings import Network

FAILURES_SHOWN = 10


@dataclass(frozen=True, slots=True)
class Job:
    """What is to be done to a sheet, and where the result goes. `retry_failed`: a finished run's failures are tried again."""

    sheet: Path
    folder: Path
    options: Options
    reading: SheetOptions
    base_url: str = ""
    allow_private: tuple[Network, ...] = ()
    fresh: bool = False
    retry_failed: bool = False


@dataclass(frozen=True, slots=True)
class Result:
    """How a run ended. `seconds` is what it took; `again`: it had ended before, nothing was left to do. `remade`: images of before
    whose files were gone.
    """

    request: Request
    seconds: float
    output_csv: Path
    failed_csv: Path | None
    failures: tuple[Product, ...]
    again: bool
    remade: int = 0

    @property
    def ending(self) -> Ending:
        return Ending.SOME_FAILED if self.request.failed_images or self.request.failed_rows else Ending.DONE


Show = Callable[[Request], None]
"""Told again and again how far the request is; the first time before anything is done."""
