"""The sheet that a command was given: is there such a file, and can it be read?"""

from __future__ import annotations

from pathlib import Path

from halve.core.errors import HalveError

_STDIN = Path("-")


def existing(sheet: Path) -> Path:
    """The path itself. HalveError, saying what is wrong with it, where it names nothing that can be read."""
    try:
        if not sheet.exists() and sheet != _STDIN:
            address = sheet.parts[0].lower() in ("http:", "https:")
            mend = " A sheet on the web has to be downloaded first: give the file that comes of it." if address else ""
            raise HalveError(f"There is no file {sheet}.{mend}", code="no_such_file")
        if sheet.is_dir():
            raise HalveError(f"{sheet} is a folder; give the sheet in it.", code="not_a_file")
        if not sheet.is_file():
            raise HalveError(
                f"{sheet} is no regular file, and it has to be read more than once; save it as one.", code="not_a_file"
            )
        sheet.open("rb").close()
    except OSError as error:
        raise HalveError(f"{sheet} cannot be read: {error.strerror}.", code="unreadable") from error
    return sheet
