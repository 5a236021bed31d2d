"""All that can be wrong with a sheet, and all that is mended in one: every code and every sentence, in one place.

The table of codes in `docs/sheets.md` follows `Code`; a test holds the two together. Sentences keep to ASCII of their own
accord, since some of them end up in a cell of the user's sheet, whatever its encoding.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import StrEnum

from halve.core.finding import Finding
from halve.core.sheet.limits import LONGEST_RECORD, LONGEST_URL, MOST_COLUMNS, UNPACKED_SHARE
from halve.core.sizes import number
from halve.core.visible import legible


class Code(StrEnum):
    """The stable word of a finding or a repair."""

    # the file as a whole
    UNREADABLE_FILE = "unreadable_file"
    TOO_LARGE = "too_large"
    DAMAGED_GZIP = "damaged_gzip"
    SPREADSHEET_FILE = "spreadsheet_file"
    NOT_TEXT = "not_text"
    MISSING_COLUMN = "missing_column"
    TOO_MANY_COLUMNS = "too_many_columns"
    NO_ROWS = "no_rows"
    TOO_MANY_ROWS = "too_many_rows"
    RECORD_TOO_LONG = "record_too_long"
    MORE_FINDINGS = "more_findings"
    # one row
    UNCLOSED_QUOTE = "unclosed_quote"
    EXTRA_CELLS = "extra_cells"
    EMPTY_NAME = "empty_name"
    NO_URL = "no_url"
    UNSUPPORTED_SCHEME = "unsupported_scheme"
    BAD_URL = "bad_url"
    URL_TOO_LONG = "url_too_long"
    TOO_MANY_URLS = "too_many_urls"
    # repairs
    JOINED_LIST = "joined_list"
    DROPPED_CELLS = "dropped_cells"
    UNWRAPPED_ROW = "unwrapped_row"
    QUOTED_QUOTE = "quoted_quote"
    MORE_REPAIRS = "more_repairs"


SAVE_AS_CSV = (
    "In Excel choose File > Save As > 'CSV UTF-8 (Comma delimited)', in LibreOffice File > Save As > 'Text CSV (.csv)', "
    "in Google Sheets File > Download > 'Comma Separated Values (.csv)', in Numbers File > Export To > CSV; then use that file."
)


LONGEST_COLUMN = 200
"""Characters of a header that a finding names. A header may be as long as a row, and be named with a hundred thousand of them."""


_CREDENTIALS = re.compile(r"://(?![^/?#\s:@]*(:[0-9]*)?([/?#\s]|$))\S{1,300}@")
"""What stands before the host of a URL, also where that is what makes it a bad one: a password with a `/` or `#` in it."""


def _found(line: int, column: str, code: Code, message: str) -> Finding:
    return Finding(line, column if len(column) <= LONGEST_COLUMN else f"{column[:LONGEST_COLUMN]}...", code.value, message)


def shown(text: str, longest: int = 80) -> str:
    """Foreign text as part of a sentence: one line, in quotes, cut short, without credentials or what a terminal acts on."""
    text = _CREDENTIALS.sub("://...@", text[:LONGEST_URL])
    text = legible(text[: longest + 1], " ").strip()
    return f"'{text[:longest]}...'" if len(text) > longest else f"'{text}'"


# ── the file as a whole ───────────────────────────────────────────────────────────────────────────────────────────────


def unreadable_file(reason: str) -> Finding:
    return _found(0, "", Code.UNREADABLE_FILE, f"The file cannot be read: {reason}. Check its path and permissions.")


def changed_meanwhile() -> Finding:
    message = "The file changed while it was read. Wait until it is written to its end, then start again."
    return _found(0, "", Code.UNREADABLE_FILE, message)


def too_large(max_bytes: int, *, unpacked: bool) -> Finding:
    bound = number(UNPACKED_SHARE * max_bytes if unpacked else max_bytes, "byte")
    what = f"unpacks to more than {bound}" if unpacked else f"is larger than {bound}"
    return _found(0, "", Code.TOO_LARGE, f"The file {what}, the most that is taken. Split it, or raise HALVE_MAX_UPLOAD_BYTES.")


def damaged_gzip() -> Finding:
    return _found(0, "", Code.DAMAGED_GZIP, "The gz file is damaged or cut short. Pack it again, or send it unpacked.")


def spreadsheet_file(kind: str) -> Finding:
    return _found(0, "", Code.SPREADSHEET_FILE, f"The file is {kind}, not a CSV. {SAVE_AS_CSV}")


def not_text(reason: str) -> Finding:
    return _found(0, "", Code.NOT_TEXT, f"The file is not a text sheet: {reason}. Save it as CSV in UTF-8.")


def missing_column(line: int, column: str, accepted: Sequence[str], mend: str) -> Finding:
    """`accepted`: other headers that would do. `mend`: what `mending_headers` says of those that are there."""
    also = f" (also accepted: {', '.join(accepted)})" if accepted else ""
    return _found(line, column, Code.MISSING_COLUMN, f"There is no column {shown(column)}{also}. {mend}")


def mending_headers(headers: Sequence[str], *, below: int | None, in_quotes: bool, guessed: bool) -> str:
    """What to do about a first line that has not all columns that are needed.

    `below`: a line further down that has. `in_quotes`: quotes around a line as a whole make one cell of it. `guessed`: the encoding
    may be another, and letters beyond ASCII may not be what the user wrote.
    """
    if below is not None:
        return f"The headers are in line {below}: take out what is above it."
    there = _list_of(headers)
    if in_quotes:
        mend = (
            f"Quotes around the whole line make one cell of it ({there}): use the sheet as it was before a spreadsheet program "
            'saved it, or take them out of every line, and write " for "".'
        )
    elif any("://" in header for header in headers):
        mend = f"The first line looks like a product, not like headers ({there}): put a line of headers above it."
    elif sum(map(bool, map(str.strip, headers))) == 1:
        mend = f"The first line has only {there}: take out what is above the headers, and part these by commas, semicolons or tabs."
    else:
        mend = f"The sheet has {there}: rename one of them, or name the one to use with columns."
    if guessed and not there.isascii():
        mend += " If these are not the letters that were written, save the file as CSV UTF-8."
    return mend


def _list_of(headers: Sequence[str]) -> str:
    named = [header for header in headers if header.strip()]
    more = f" and {len(named) - 30} more" if len(named) > 30 else ""
    return ", ".join(shown(header, 40) for header in named[:30]) + more if named else "no headers"


def too_many_columns(line: int, count: int) -> Finding:
    message = f"The sheet has {count:,} columns, more than {MOST_COLUMNS:,}. Leave out those that are not needed."
    return _found(line, "", Code.TOO_MANY_COLUMNS, message)


def no_rows(*, empty: bool) -> Finding:
    if empty:
        message = "The file is empty. It needs a line of headers and, below it, a line for each product."
    else:
        message = "The sheet has headers and no rows. Add a line for each product below them."
    return _found(0, "", Code.NO_ROWS, message)


def no_images(column: str) -> Finding:
    message = (
        "No row has an image URL, so there is nothing to do. Write the URLs, beginning with http:// or https://, in this column."
    )
    return _found(0, column, Code.NO_URL, message)


def too_many_rows(line: int, most: int) -> Finding:
    return _found(
        line, "", Code.TOO_MANY_ROWS, f"The sheet has more than {number(most, 'row')}. Split it, or raise HALVE_MAX_ROWS."
    )


def too_many_blank_lines(line: int, most: int) -> Finding:
    return _found(line, "", Code.TOO_MANY_ROWS, f"The sheet has more than {most:,} blank lines. Take them out.")


def record_too_long(line: int) -> Finding:
    message = f"The row that begins here is longer than {LONGEST_RECORD:,} characters. Check that it ends in a line break."
    return _found(line, "", Code.RECORD_TOO_LONG, message)


def more_findings(count: int) -> Finding:
    are = "is" if count == 1 else "are"
    message = f"There {are} {number(count, 'more finding')}, not listed here. Mend those above and try again."
    return _found(0, "", Code.MORE_FINDINGS, message)


# ── one row ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def unclosed_quote(line: int, column: str) -> Finding:
    message = 'A quote (") opens a cell of this row and none closes it. Close it, or write a quote that is part of the text as "".'
    return _found(line, column, Code.UNCLOSED_QUOTE, message)


def extra_cells(line: int, cells: int, headers: int) -> Finding:
    message = f"The row has {cells} cells, the header only {headers}. Put quotes around a cell that contains the separator."
    return _found(line, "", Code.EXTRA_CELLS, message)


_EMPTY_NAME = "The product name is empty. Write one."


def empty_name(line: int, column: str) -> Finding:
    return _found(line, column, Code.EMPTY_NAME, _EMPTY_NAME)


_NO_URL = "The row has no image URL. Write at least one, beginning with http:// or https://."


def no_url(line: int, column: str, text: str = "") -> Finding:
    if not text:
        return _found(line, column, Code.NO_URL, _NO_URL)
    return _found(line, column, Code.NO_URL, f"{shown(text)} is no URL. Write it in full, beginning with http:// or https://.")


def unsupported_scheme(line: int, column: str, scheme: str, url: str) -> Finding:
    message = f"{shown(url)} begins with {scheme}; only http:// and https:// can be downloaded. Put the image on a web server."
    return _found(line, column, Code.UNSUPPORTED_SCHEME, message)


def bad_url(line: int, column: str, reason: str, url: str) -> Finding:
    return _found(line, column, Code.BAD_URL, f"{shown(url)} {reason}.")


def url_too_long(line: int, column: str, url: str) -> Finding:
    message = f"{shown(url)} is longer than {LONGEST_URL:,} characters. Use a shorter address; separate several with commas."
    return _found(line, column, Code.URL_TOO_LONG, message)


def too_many_urls(line: int, column: str, count: int, most: int | None = None) -> Finding:
    """`most` None: nobody knows any more how many were taken then."""
    limit = "were taken" if most is None else f"{most:,}"
    message = f"The row has {count:,} images, more than {limit}. Spread them over several rows, or raise HALVE_MAX_URLS_PER_ROW."
    return _found(line, column, Code.TOO_MANY_URLS, message)


# ── repairs ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def joined_list(line: int, column: str, cells: int) -> Finding:
    message = f"A list of images without quotes around it had spilled into {cells} cells; they are joined again."
    return _found(line, column, Code.JOINED_LIST, message)


def dropped_cells(line: int, cells: int) -> Finding:
    cell = "cell" if cells == 1 else "cells"
    return _found(line, "", Code.DROPPED_CELLS, f"{cells} empty {cell} beyond the last header dropped.")


def unwrapped_row(line: int) -> Finding:
    message = "Quotes around the whole row had made one cell of it; they are taken out, and its cells are parted again."
    return _found(line, "", Code.UNWRAPPED_ROW, message)


def quoted_quote(line: int, column: str) -> Finding:
    message = (
        "A quote (\") that nothing closes is written as a part of its cell's text, in quotes, so that the sheet can be read on"
        " behind it. The row itself is not run."
    )
    return _found(line, column, Code.QUOTED_QUOTE, message)


def more_repairs(count: int) -> Finding:
    were = "was" if count == 1 else "were"
    return _found(0, "", Code.MORE_REPAIRS, f"{number(count, 'more row')} {were} mended in the same ways.")
