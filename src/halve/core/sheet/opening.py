"""How a file becomes a sheet: source, encoding, separator, header, preset, in that order, each found from the one before."""

from __future__ import annotations

import re
from itertools import islice
from pathlib import Path

from halve.core.errors import SheetRefused
from halve.core.models import SheetOptions
from halve.core.sheet import findings
from halve.core.sheet.encoding import Encoding, find_encoding
from halve.core.sheet.layout import Layout, Missing, lay_out
from halve.core.sheet.limits import MOST_COLUMNS, SheetLimits
from halve.core.sheet.records import BLANK, Record, Scanner, is_quoted, value
from halve.core.sheet.sheet import Form, Sheet
from halve.core.sheet.source import Source, find_source

_SEPARATORS = (",", "\t", ";", "|")
"""In order of preference where the header leaves it open."""

_HEAD = 4
"""Pieces of the file (256 KiB each) among which the header is looked for while the separator is not known."""

_REMARKS = 10
"""Lines below the first among which the header is looked for where the first is none."""

_SEPARATOR_LINE = re.compile(r'"?sep=([^\w\s"]?)"?', re.IGNORECASE)
"""What some programs write above the header for Excel, and Excel obeys."""


def open_sheet(path: Path, filename: str, options: SheetOptions, limits: SheetLimits) -> Sheet:
    """The sheet at `path`, which the user calls `filename`, ready to be read.

    Reads the file once, for its encoding. Raises SheetRefused for what concerns the sheet as a whole (with a column
    missing, the other columns are looked through too, so that all findings come at once), OptionRefused where `columns` names
    one of ours.
    """
    source = find_source(path, filename, limits.max_bytes)
    encoding = find_encoding(source)
    separator, above = _find_separator(source, encoding, filename, options)
    form = Form(source, encoding, separator, above)
    header = next(islice(form.records(), above, None), None)
    if header is None:
        raise SheetRefused([findings.no_rows(empty=True)])
    if len(header.fields) > MOST_COLUMNS:
        raise SheetRefused([findings.too_many_columns(header.line, len(header.fields))])
    layout, missing = _lay_out(header, options)
    if header.unclosed is not None:
        raise SheetRefused([findings.unclosed_quote(header.line, layout.headers[header.unclosed])])
    sheet = Sheet(form, header, layout, options, limits)
    if missing:
        for _ in sheet.rows():
            pass
        mend = findings.mending_headers(
            layout.headers,
            below=_header_below(form, options),
            in_quotes=_in_quotes(header, layout.headers),
            guessed=encoding.guessed,
        )
        wrong = [findings.missing_column(header.line, column, accepted, mend) for column, accepted in missing]
        if not sheet.total_rows and not any("://" in header for header in layout.headers):
            wrong.append(findings.no_rows(empty=False))
        raise SheetRefused([*wrong, *sheet.findings])
    return sheet


def _lay_out(header: Record, options: SheetOptions) -> tuple[Layout, list[Missing]]:
    return lay_out([value(field) for field in header.fields], options)


def _in_quotes(header: Record, headers: tuple[str, ...]) -> bool:
    """Whether quotes hide the separators of the whole line: programs that take a line for a cell write it so."""
    return len(headers) == 1 and is_quoted(header.fields[0]) and any(separator in headers[0] for separator in _SEPARATORS)


def _header_below(form: Form, options: SheetOptions) -> int | None:
    """The line, below what was taken for the header, that has all columns that are needed: templates of Amazon, eBay and
    Facebook begin with lines of remarks. No separator can be told from these, so each is tried.
    """
    head = list(islice(form.encoding.texts(form.source), 1))
    for separator in _SEPARATORS:
        for record in islice(Scanner(head, separator), form.above + 1, form.above + 1 + _REMARKS):
            if len(record.fields) <= MOST_COLUMNS and not _lay_out(record, options)[1]:
                return record.line
    return None


def _find_separator(source: Source, encoding: Encoding, filename: str, options: SheetOptions) -> tuple[str, int]:
    """The separator under which the header makes most sense, and the number of records above it.

    What counts is how many of the columns we look for are there, then how many columns there are at all.
    """
    head = list(islice(encoding.texts(source), _HEAD))
    above, marked = 0, None
    for record in Scanner(head, "\n"):  # no cell has a line end outside quotes: each record stays whole
        text = record.fields[0].strip(BLANK)
        if separator_line := _SEPARATOR_LINE.fullmatch(text):
            marked = separator_line[1] or "\t"
        elif text.strip(BLANK + '"' + "".join(_SEPARATORS)):
            break
        above += 1
    if marked:
        return marked, above
    best, most = _SEPARATORS[0], (-1, -1)
    hinted = "\t" if ".tsv" in filename.lower() else ""
    for separator in (hinted, *_SEPARATORS) if hinted else _SEPARATORS:
        header = next(islice(Scanner(head, separator), above, None), None)
        if header is None:
            break
        columns = len(header.fields)
        known = (_lay_out(header, options)[0].known if columns <= MOST_COLUMNS else 0, columns)
        if known > most:
            best, most = separator, known
    return best, above
