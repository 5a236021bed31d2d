"""What is said of a sheet: by its reader to its owner, wherever it was read."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """Something wrong with a sheet (or, in a list of repairs, something mended).

    `line` is the physical line where the record starts (the header is 1; 0: the file as a whole), `column` the header's
    own text (empty: the row or file as a whole), `code` a stable word, `message` a sentence that says how to mend it.
    """

    line: int
    column: str
    code: str
    message: str
