"""Every error that `halve` raises on purpose.

HalveError
├── SheetRefused        the sheet as a whole cannot run; carries every finding
├── OptionRefused       an option or setting has an impossible value; names it
├── ImageFailed         one image failed; carries its stable code, and whether trying again may help
│   ├── CodecCrashed    the child that held the image died or hung; charged to that image
│   └── Postponed       nothing was tried yet; charged to nobody
├── StoreFailed         the database, the disk or the image store failed; nothing is lost, try again later
├── NotFound            no such request, image or sheet (or it is another key's)
├── AddressRefused      an address that users may not make us connect to
└── ExtraMissing        an optional part is not installed; names the extra

A part translates its library's errors into these where it calls the library. Whatever else escapes is a defect.
"""

from __future__ import annotations

from collections.abc import Sequence

from halve.core.finding import Finding


class HalveError(Exception):
    """Base of all. `code` is a stable word for programs, `str(error)` a sentence for people that says how to mend it."""

    code = "internal"

    def __init__(self, message: str, *, code: str | None = None) -> None:
        super().__init__(message)
        if code is not None:
            self.code = code


class SheetRefused(HalveError):
    """The sheet cannot run. `findings` lists all that is wrong with it, in the order of its lines; never empty."""

    code = "sheet_refused"

    def __init__(self, findings: Sequence[Finding]) -> None:
        super().__init__(" ".join(f.message for f in findings[:3]), code=findings[0].code if len(findings) == 1 else None)
        self.findings = tuple(findings)


class OptionRefused(HalveError):
    """`field` has a value that is impossible, or not offered. The message names the values that are."""

    code = "option_refused"

    def __init__(self, field: str, message: str, *, code: str | None = None) -> None:
        super().__init__(message, code=code)
        self.field = field


class ImageFailed(HalveError):
    """One image failed. The message is what the sheet's `Image Errors` says, such as `not found (404)`: no full stop, one line.

    `transient` says that trying again later may help; `retry_after` is the least number of seconds to wait then, if the
    origin named one.
    """

    code = "image_failed"

    def __init__(self, message: str, *, code: str | None = None, transient: bool = False, retry_after: float | None = None) -> None:
        super().__init__(message, code=code)
        self.transient = transient
        self.retry_after = retry_after


class CodecCrashed(ImageFailed):
    """The isolated child died or hung over this image. The third time makes the image `poison`."""

    code = "codec_crashed"


class Postponed(ImageFailed):
    """The image's turn did not come for long, so others go first. However often that happens, it is no attempt."""

    def __init__(self, message: str, *, retry_after: float) -> None:
        super().__init__(message, transient=True, retry_after=retry_after)


class StoreFailed(HalveError):
    """The database, the disk or the image store failed. What was recorded before stays; the same call may be made again."""

    code = "store_failed"


class NotFound(HalveError):
    """There is no such thing, or it belongs to another key."""

    code = "not_found"


class AddressRefused(HalveError):
    """The address is private, local or otherwise not on the public internet, and `HALVE_ALLOW_PRIVATE` does not have it."""

    code = "address_not_allowed"


class ExtraMissing(HalveError):
    """An optional part is wanted and not installed. The message has the command that installs it."""

    code = "extra_missing"
