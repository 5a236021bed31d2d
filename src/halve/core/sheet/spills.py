"""What is mended in a record: lists of images without quotes, which a comma-separated sheet takes for several cells, above all."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import islice, pairwise

from halve.core.finding import Finding
from halve.core.sheet import findings
from halve.core.sheet.headers import NOT_RUN, OF_A_RUN
from halve.core.sheet.layout import Layout
from halve.core.sheet.records import BLANK, Record, Scanner, is_quoted, quoted, value

_URL = re.compile(r"""[\s"']*[a-z][a-z0-9+.-]*://""", re.IGNORECASE)
_LINK = re.compile(r"(?:\b|_)(?:url|link|href|website)s?\s*$", re.IGNORECASE)
"""Headers of columns in which links stand, of a product's page for example; in a `url_key` there is none."""

MOST_LOOKED_AT = 5_000
"""Cells too many of a row, times the columns of images that a list may have spilled from. Of more nothing is mended: a row may have
four million.
"""

_AROUND = BLANK + '"'
_PICTURES = (".jpg", ".jpeg", ".png", ".webp", ".gif", ".avif", ".tif", ".tiff", ".bmp", ".heic")


class Mender:
    """Mends the records of a sheet, in place, that have more cells than the header has, or a quote that nothing closes."""

    def __init__(self, layout: Layout, separator: str) -> None:
        self._layout = layout
        self._width = len(layout.headers)
        self._unnamed = layout.unnamed_after_images
        self._separator = separator
        ours = (layout.output, layout.errors)
        links = (at for at, header in enumerate(layout.headers) if at not in ours and _LINK.search(header))
        self._of_links = frozenset((*links, *layout.images))

    def mend(self, record: Record) -> Finding | None:
        """The repair that was made, None where there was nothing to mend, or no safe way to."""
        if record.unclosed is not None:
            return self._quote(record, record.unclosed)
        extra = len(record.fields) - self._width
        if extra <= 0:
            return ((self._unwrap(record) or self._rejoin_short(record)) if extra else None) or self._rejoin_unnamed(record)
        ruled_out = set[int]()  # shifts that leave no images behind one column, and so none behind those before it
        for place, room, shift in self._readings(record, extra):
            if shift in ruled_out:
                continue
            end = place + 1 + room + shift
            window = [value(field) for field in record.fields[place:end]]
            if not _is_list(window, last=end == len(record.fields)) or self._stands_as_its_headers_say(record, place, window):
                continue
            if not self._leaves_images_behind(record, place, shift):
                ruled_out.add(shift)
                continue
            if self._goes_on_in_ours(record, end, shift):
                return None
            joined = self._join(record, place, window, room)
            del record.fields[self._width :]
            return joined
        if self._ends_blank(record) and not self._cut_in_a_url(record):
            del record.fields[self._width :]
            return self._rejoin_unnamed(record) or findings.dropped_cells(record.line, extra)
        return None

    def _quote(self, record: Record, place: int) -> Finding:
        """The record stays marked: it cannot run, since nobody knows where its cells were meant to end."""
        record.fields[place] = quoted(record.fields[place])
        headers = self._layout.headers
        return findings.quoted_quote(record.line, headers[place] if place < len(headers) else "")

    def _unwrap(self, record: Record) -> Finding | None:
        """A row in quotes as a whole: a spreadsheet that parts cells by something else than the sheet does takes a line for a cell,
        and writes it so if there are quotes in it. Without them it has as many cells as the header, and an image in its place.
        """
        if len(record.fields) != 1 or not is_quoted(record.fields[0]) or 0 in self._layout.images:
            return None
        match list(islice(Scanner([value(record.fields[0])], self._separator), 2)):
            case [Record(fields=cells, unclosed=None)] if len(cells) == self._width:
                if any(_URL.match(value(cells[place])) for place in self._layout.images):
                    record.fields[:] = cells
                    return findings.unwrapped_row(record.line)
        return None

    def _readings(self, record: Record, extra: int) -> Iterator[tuple[int, int, int]]:
        """Where a list may have spilled from, columns without header that it may have taken, and by how many cells it may have
        shifted those behind it. The last column comes first, for what spilled from it has shifted no other of images.
        """
        if self._stands_as_written(record) or extra * len(self._layout.images) > MOST_LOOKED_AT:
            return
        for place in sorted(self._layout.images, reverse=True):
            room = self._unnamed if place == max(self._layout.images) else 0
            for shift in _shifts(record, place + room, extra):
                yield place, room, shift

    def _stands_as_written(self, record: Record) -> bool:
        """Whether a run before has written that the row did not run, under the very header: nothing has shifted it, so no list has
        spilled, and what are too many are the cells behind ours.
        """
        errors = self._layout.errors
        return errors is not None and value(record.fields[errors]).startswith(NOT_RUN)

    def _cut_in_a_url(self, record: Record) -> bool:
        """Whether what stands behind a cell of images looks like the rest of its URL (`…/w_100` `h_100/a.jpg`) and not like one
        of its own, nor like what a run before has written there: then the empty cells are not all that is wrong with the row.
        """
        for place in self._layout.images:
            before = value(record.fields[place])
            if not _URL.match(before) or _names_a_picture(before):
                continue
            for at, cell in enumerate(map(value, record.fields[place + 1 : self._width]), start=place + 1):
                if _blank(cell) or _URL.match(cell) or any(c.isspace() for c in cell):
                    break
                if at == self._layout.output and cell.startswith(OF_A_RUN):
                    break
                if "/" in cell and _names_a_picture(cell):
                    return True
        return False

    def _stands_as_its_headers_say(self, record: Record, place: int, window: Sequence[str]) -> bool:
        """Whether each URL of the list stands under a header of its own, and the cells too many are empty: nothing spilled."""
        urls = {place + at for at, cell in enumerate(window) if not _blank(cell)}
        return urls.issubset(self._of_links) and self._ends_blank(record)

    def _ends_blank(self, record: Record) -> bool:
        """Whether the cells too many are but empty ones."""
        return all(_blank(value(field)) for field in record.fields[self._width :])

    def _leaves_images_behind(self, record: Record, place: int, shift: int) -> bool:
        """Whether the columns of images behind the list have nothing but URLs, if what follows it is shifted back."""
        behind = [value(record.fields[other + shift]) for other in self._layout.images if other > place]
        return all(_URL.match(cell) or _blank(cell) for cell in behind)

    def _rejoin_short(self, record: Record) -> Finding | None:
        """A row shorter than the header hides that a list has spilled. URLs that stand where the serial or the name should, with
        these behind them, tell.
        """
        fields, layout = record.fields, self._layout
        for place in layout.images:
            end = place
            while end < len(fields) and _URL.match(value(fields[end])) and (end == place or end not in layout.images):
                end += 1
            spilled = end - place - 1
            words = [column for column in (layout.serial, layout.name) if column is not None and column > place]
            if any(column < end for column in words) and all(_has_words(fields, column + spilled) for column in words):
                return self._join(record, place, [value(field) for field in fields[place:end]], 0)
        return None

    def _goes_on_in_ours(self, record: Record, end: int, shift: int) -> bool:
        """Whether all cells behind the list are URLs too, and would stand in columns of ours: the list's own rather than results of
        a run before, and what stands there is overwritten.
        """
        ours = (self._layout.output, self._layout.errors)
        rest = range(end, len(record.fields))
        return bool(rest) and all(place - shift in ours and _URL.match(value(record.fields[place])) for place in rest)

    def _rejoin_unnamed(self, record: Record) -> Finding | None:
        """The list spilled into columns without header, which the spreadsheet that saved it has added."""
        if not self._unnamed:
            return None
        place = max(self._layout.images)
        window = [value(field) for field in record.fields[place : place + 1 + self._unnamed]]
        if not _is_list(window, last=place + len(window) == len(record.fields)):
            return None
        return self._join(record, place, window, len(window) - 1)

    def _join(self, record: Record, place: int, cells: Sequence[str], room: int) -> Finding:
        """Makes the cells one; `room`: columns without header that were taken from, left empty."""
        joined = cells[0]
        for cell in cells[1:]:
            if not _blank(cell):
                comma = self._separator == "," or not _URL.match(cell)
                joined += (self._separator if comma else ", ") + cell
        record.fields[place : place + len(cells)] = [quoted(joined), *[""] * room]
        return findings.joined_list(record.line, self._layout.headers[place], len(cells))


def _blank(cell: str) -> bool:
    return not cell.strip(BLANK)


def _has_words(fields: Sequence[str], place: int) -> bool:
    """Whether there is a cell that says something, and is no URL."""
    text = value(fields[place]) if place < len(fields) else ""
    return not _blank(text) and not _URL.match(text)


def _shifts(record: Record, last: int, extra: int) -> list[int]:
    """By how many cells a list, whose own cell is `last`, may have shifted those behind it. Where some of the `extra` cells are but
    empty ones at the row's end: first by no more than its URLs need, so that no cell of another column is taken for the list's;
    but not where the cell behind them may be the rest of a URL.
    """
    fields, empty = record.fields, 0
    while empty < extra and _blank(value(fields[-1 - empty])):
        empty += 1
    least = max(1, extra - empty)
    while least < extra and _URL.match(value(fields[last + least + 1])):
        least += 1
    if least < extra and (
        fields[last + least].strip(_AROUND).lower().endswith(_PICTURES) or _blank(value(fields[last + least + 1]))
    ):
        return [least, extra]
    return [extra]


def _is_list(cells: Sequence[str], *, last: bool) -> bool:
    """Whether the cells are a list of URLs: the first begins with a scheme, and each of the others does, is empty, or goes on
    with a URL that had a comma in it (`…/w_100` `h_100/a.jpg`; taken for that in a row's last cells only).
    """
    if not cells or not _URL.match(cells[0]) or all(map(_blank, cells[1:])):
        return False
    unfinished = ""  # what goes on with a URL, so far
    for before, cell in pairwise(cells):
        if _blank(cell) or _URL.match(cell):
            if unfinished and not _ends_a_url(unfinished):
                return False
            unfinished = ""
        elif not last or any(c.isspace() for c in cell) or _blank(before) or _names_a_picture(before):
            return False
        else:
            unfinished += cell
    return not unfinished or _ends_a_url(unfinished)


def _ends_a_url(text: str) -> bool:
    return _names_a_picture(text) or ("/" in text and any(c.isalpha() for c in text))


def _names_a_picture(text: str) -> bool:
    text = text.rstrip(BLANK).lower()
    return text.endswith(_PICTURES) or text.partition("?")[0].endswith(_PICTURES)
