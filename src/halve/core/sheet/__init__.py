"""Sheets in: what a user hands over as CSV becomes rows that can run, and findings that say what is wrong, where, and how to
mend it. Everything is read as a stream; nothing is lost on the way, so that `core.report` can write it all again.

source (bytes) → encoding (characters) → lines → records (cells) → layout (which column is what) → spills (mended) → rows
"""

from halve.core.sheet.limits import SheetLimits
from halve.core.sheet.opening import open_sheet
from halve.core.sheet.sheet import Sheet

__all__ = ["Sheet", "SheetLimits", "open_sheet"]
