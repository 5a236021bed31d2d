"""Records, losslessly: every cell as it was written, quotes and all, so that it can be written again to the letter.

The grammar is RFC 4180's with what spreadsheets do beyond it: any separator, any line end, spaces before an opening quote,
text after a closing one, a quote in mid-cell that is just a character.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from halve.core.errors import SheetRefused
from halve.core.sheet import findings
from halve.core.sheet.limits import LONGEST_RECORD
from halve.core.sheet.lines import LineTooLong, lines, split_end

_DIRECTIONS = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
BLANK = " \t\r\n\f\v\x1a\u00a0\u2028\u2029\u202f\u205f\u2060\u3000\ufeff" + "".join(map(chr, range(0x2000, 0x200C))) + _DIRECTIONS
"""What may stand in a cell and leave it empty: white space, BOMs gone astray, the Ctrl-Z that ends DOS files, and the marks of
which way text runs, which come along unseen with what is copied out of Windows' dialogs, chats and Arabic or Hebrew sheets.
"""


@dataclass(slots=True)
class Record:
    """`line`: the physical line on which it starts, from 1. `fields`: the cells as written. `ending`: its line end, which the
    last record may lack. `unclosed`: the cell whose opening quote has no closing one, None if there is no such.
    """

    line: int
    fields: list[str]
    ending: str
    unclosed: int | None = None

    @property
    def blank(self) -> bool:
        """Whether no cell has anything in it. A quote that is not closed is something: as it is it would swallow the rest."""
        if self.unclosed is not None:
            return False
        return not self.fields[0].strip(_BLANK_RAW) and not any(field.strip(_BLANK_RAW) for field in self.fields)


_BLANK_RAW = BLANK + '"'

_OPENING = r' {0,16}+"'
"""An opening quote, and the few spaces that people put before it."""

_OPEN = re.compile(_OPENING)
_QUOTED = re.compile(_OPENING + r'([^"]*+(?:""[^"]*+)*+)"(.*)', re.DOTALL)


def value(field: str) -> str:
    """What a cell says, of how it is written."""
    if '"' not in field:
        return field
    match = _QUOTED.fullmatch(field)
    return match[1].replace('""', '"') + match[2] if match else field


def quoted(text: str) -> str:
    """The text as a cell in quotes."""
    escaped = text.replace('"', '""')
    return f'"{escaped}"'


def is_quoted(field: str) -> bool:
    return _OPEN.match(field) is not None


_CLOSING = re.compile(r'[^"]*+(?:""[^"]*+)*+"')


class _Grammar:
    """The expressions for one separator."""

    def __init__(self, separator: str) -> None:
        s = re.escape(separator)
        self.fields = re.compile(rf'({_OPENING}[^"]*+(?:""[^"]*+)*+"[^{s}]*+|(?!{_OPENING})[^{s}]*+){s}')
        self.stop = re.compile(rf"[{s}\r\n]")


class Scanner:
    """Iterates over the records of a text, each in bounded memory. SheetRefused where one is too long.

    A quote that is never closed would swallow all that follows, or the rows up to the next cell in quotes. Its line is taken as
    it stands instead, the quote as a character, and marked; scanning goes on at the next line. What was looked at in vain has
    no quote that could be open but in its last line, so the time stays linear.
    """

    def __init__(self, texts: Iterable[str], separator: str) -> None:
        self._source = lines(texts, LONGEST_RECORD)
        self._again: deque[str] = deque()
        self._separator = separator
        self._grammar = _Grammar(separator)
        self._line = 0

    def __iter__(self) -> Iterator[Record]:
        separator, again = self._separator, self._again
        while (line := again.popleft() if again else self._next()) is not None:
            self._line += 1
            if '"' in line:
                yield self._quoted_record(line)
            else:
                body, ending = split_end(line)
                yield Record(self._line, body.split(separator), ending)

    def _next(self) -> str | None:
        try:
            return next(self._source, None)
        except LineTooLong:
            raise SheetRefused([findings.record_too_long(self._line + 1)]) from None

    def _quoted_record(self, line: str) -> Record:
        start = self._line
        fields: list[str] = []
        length = len(line)
        body, ending = split_end(line)
        while True:
            rest = self._take_fields(body, fields)
            if rest is None:
                return Record(start, fields, ending)
            first, first_line = (rest, ending), self._line
            held = [rest + ending]
            ahead: list[str] = []
            while True:
                following = self._again.popleft() if self._again else self._next()
                length += len(following) if following is not None else 0
                closing = _CLOSING.match(following) if following is not None else None
                if following is None or length > LONGEST_RECORD or (closing and self._opens(following, closing.end())):
                    self._put_back(ahead, following)
                    self._line = first_line
                    unclosed = len(fields)
                    fields.extend(first[0].split(self._separator))
                    return Record(start, fields, first[1], unclosed)
                self._line += 1
                if closing:
                    break
                ahead.append(following)
                held.append(following)
            stop = self._grammar.stop.search(following, closing.end())
            end = stop.start() if stop else len(following)
            held.append(following[:end])
            fields.append("".join(held))
            body, ending = split_end(following[end:])
            if not body:
                return Record(start, fields, ending)
            body = body[1:]

    def _opens(self, line: str, end: int) -> bool:
        """Whether the quote before `end`, which would close a cell of an earlier line, is another cell's opening one: it stands
        where a cell begins, and not where one ends. What is between the two are rows, and no part of a cell.
        """
        if self._separator == "\n":
            return False
        before, after = line[: end - 1].rstrip(" "), line[end:].lstrip(" ")
        return (
            (not before or before.endswith(self._separator)) and not after.startswith((self._separator, "\r", "\n")) and after != ""
        )

    def _put_back(self, ahead: list[str], following: str | None) -> None:
        if following is not None:
            ahead.append(following)
        self._again.extendleft(reversed(ahead))

    def _take_fields(self, body: str, fields: list[str]) -> str | None:
        """Add the cells of a line's rest. Returns the start of one whose quote does not close on this line, or None."""
        closed = body + self._separator
        found: list[str] = self._grammar.fields.findall(closed)
        if sum(map(len, found)) + len(found) == len(closed):
            fields += found
            return None
        at = 0
        while match := self._grammar.fields.match(closed, at):
            fields.append(match[1])
            at = match.end()
        return body[at:]
