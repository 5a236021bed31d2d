"""What holds for every sheet, however strange."""

from __future__ import annotations

import csv
import gzip
import io
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from halve.core.errors import OptionRefused, SheetRefused
from halve.core.finding import Finding
from halve.core.models import Mode, Row, SheetOptions
from halve.core.report import ReportWriter
from halve.core.sheet import open_sheet
from halve.core.sheet.records import Scanner, value
from halve.core.sheet.sheet import Part
from halve.core.visible import visible
from tests.support.sheets import LIMITS, Sheets, done, failing, options, product, written

patient = settings(deadline=None)  # each example writes files, and the machine may be busy

ENCODINGS = {"utf-8": b"", "utf-8 with bom": b"\xef\xbb\xbf", "utf-16-le": b"\xff\xfe", "utf-16-be": b"\xfe\xff", "cp1252": b""}
SEPARATORS = st.sampled_from(",;\t|")
NEWLINES = st.sampled_from(["\n", "\r\n", "\r"])
QUOTING = st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC])
TEXT = st.text("abc é€ß\"',;|\t.=+-@5\n ", max_size=12)
URL = st.integers(1, 99).map(lambda n: f"http://a.test/p,{n}.jpg")
ROW = st.tuples(
    st.one_of(st.integers(1, 99), TEXT),
    TEXT.map(lambda text: text + "n"),
    st.lists(URL, min_size=1, max_size=4).map(", ".join),
    TEXT,
)


class Folder:
    """A folder for one example: Hypothesis runs many within one test's `tmp_path`."""

    def __enter__(self) -> Sheets:
        self._folder = tempfile.TemporaryDirectory()
        return Sheets(Path(self._folder.name))

    def __exit__(self, *error: object) -> None:
        self._folder.cleanup()


@st.composite
def dialects(draw: st.DrawFn) -> dict[str, Any]:
    return {"delimiter": draw(SEPARATORS), "quoting": draw(QUOTING), "newline": draw(NEWLINES)}


@patient
@given(st.lists(ROW, min_size=1, max_size=6), dialects(), st.sampled_from(sorted(ENCODINGS)), st.booleans(), st.booleans())
def test_whatever_python_writes_comes_back_with_our_columns_and_not_a_byte_changed(
    rows: list[tuple[object, ...]], dialect: dict[str, Any], encoding: str, packed: bool, last: bool
) -> None:
    bom, codec = ENCODINGS[encoding], encoding.partition(" ")[0]
    end = dialect["newline"]
    lines = [written([row], **dialect).removesuffix(end) for row in [("S. No.", "Product Name", "Input Image Urls", "Nöte"), *rows]]
    tail = end if last else ""
    data = bom + (end.join(lines) + tail).encode(codec)

    def links(number: int) -> str:
        count = str(rows[number - 1][2]).count("http")
        return ", ".join(f"images/{number}-{place}.jpg" for place in range(1, count + 1))

    ours = [("Output Image Urls", "Image Errors"), *((links(number), "") for number in range(1, len(rows) + 1))]
    added = [written([cells], **{**dialect, "newline": ""}) for cells in ours]
    expected = end.join(line + dialect["delimiter"] + more for line, more in zip(lines, added, strict=True)) + tail
    with Folder() as sheets:
        sheets.report(gzip.compress(data) if packed else data)
        assert sheets.output.read_bytes().decode(codec) == (bom.decode(codec) + expected)
        assert sheets.output.read_bytes().startswith(bom)
        assert not sheets.failed.exists()


@patient
@given(st.lists(st.lists(TEXT, min_size=1, max_size=5), min_size=1, max_size=6), dialects(), st.booleans())
def test_cells_are_read_as_python_reads_them(rows: list[list[str]], dialect: dict[str, Any], last: bool) -> None:
    text = written(rows, **dialect)
    text = text if last else text.removesuffix(dialect["newline"])
    theirs = [row for row in csv.reader(io.StringIO(text, newline=""), delimiter=dialect["delimiter"]) if row]
    ours = [list(map(value, record.fields)) for record in Scanner([text], dialect["delimiter"]) if record.fields != [""]]
    assert ours == theirs


@patient
@given(st.lists(ROW, min_size=1, max_size=8), dialects(), st.lists(st.integers(0, 2), min_size=9, max_size=9))
def test_line_numbers_are_those_of_an_editor(rows: list[tuple[object, ...]], dialect: dict[str, Any], blanks: list[int]) -> None:
    end = dialect["newline"]
    sheet, lines = "", []
    for row, blank in zip([("S. No.", "Product Name", "Input Image Urls", "Note"), *rows], blanks, strict=False):
        lines.append(len((sheet + "|").replace("\r\n", "\n").replace("\r", "\n").split("\n")))
        sheet += written([row], **dialect) + end * blank
    with Folder() as sheets:
        read = sheets.read(sheet)
    assert [row.line for row in read.rows] == lines[1:]
    assert [row.row for row in read.rows] == list(range(1, len(rows) + 1))


@patient
@given(st.text('ab,;"\n\r |\té\ufeff', max_size=80), st.integers(1, 30), SEPARATORS)
def test_records_hold_every_character_however_the_text_is_cut(text: str, size: int, separator: str) -> None:
    pieces = [text[at : at + size] for at in range(0, len(text), size)]
    records = list(Scanner(pieces, separator))
    assert "".join(separator.join(record.fields) + record.ending for record in records) == text
    assert records == list(Scanner([text], separator))


def run(data: bytes, how: SheetOptions) -> tuple[Finding, ...]:
    """As far as it goes: read the sheet, and where it may run, write its reports with every second image failed.

    Returns what refused it, empty if it ran.
    """
    with Folder() as sheets:
        path = sheets.path(data)
        try:
            with open_sheet(path, "sheet.csv", how, LIMITS) as sheet:
                rows: list[Row] = list(sheet.rows())
                sheet.check()
                total, bad = sheet.total_rows, sheet.failed_rows
        except SheetRefused as refused:
            assert refused.findings  # noqa: PT017  # that it is refused is as good as that it is not
            return refused.findings
        result = failing(*((row.row, place) for row in rows for place in range(2, 9, 2)))
        with open_sheet(path, "sheet.csv", how, LIMITS) as sheet:
            writer = ReportWriter(sheet, sheets.output, sheets.failed)
            writer.feed([product(row, result) for row in rows])
            writer.close()
        failed = bad + sum(len(row.input_urls) > 1 for row in rows)
        assert sheets.failed.exists() == bool(failed)
        if failed:
            with open_sheet(sheets.failed, "failed.csv", how, LIMITS) as sheet:
                assert sum(entry.part is Part.ROW for entry in sheet.entries()) == failed
        with open_sheet(sheets.output, "output.csv", how, LIMITS) as sheet:
            again = {row.row: row.input_urls for row in sheet.rows()}
            assert sheet.total_rows == total
            assert all(again[row.row] == row.input_urls for row in rows)
        return ()


HOW = st.builds(options, st.sampled_from(list(Mode)), st.sampled_from([None, None, "plain", "shopify", "google"]))


HEADERS = st.sampled_from(
    [
        "S. No.,Product Name,Input Image Urls",
        "id;name;images;note",
        "Handle\tTitle\tImage Src\tVariant Image",
        '"#","title","images",,',
    ]
)
CODECS = st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "cp1252"])
ROWS = [
    "\n7§shoe§http://a.test/1.jpg",
    '\r\n"8"§ "a\nb" §"http://a.test/1.jpg, http://a.test/2.jpg"',
    "\n9§§http://a.test/3.jpg|ftp://b.test",
]
MESS = [
    *ROWS,
    *ROWS,
    "http://a.test/1.jpg",
    "http://b.test/x,y.jpg",
    "ftp://c.test",
    "shoe",
    *',,,;;\t\t||""= é1',
    "\n",
    "\n",
    "\r\n",
    "\r",
]


@settings(patient, max_examples=400)
@given(
    HEADERS,
    st.lists(st.sampled_from(MESS), max_size=40).map("".join),
    CODECS,
    HOW,
)
@example("S. No.,Product Name,Input Image Urls", '1,"a\n2,b,http://a.test/1.jpg', "utf-8", options(Mode.LENIENT))
def test_a_messy_sheet_is_refused_or_comes_back_whole(header: str, body: str, encoding: str, how: SheetOptions) -> None:
    """`§` stands for the header's own separator."""
    separator = next(c for c in ",;\t" if c in header)
    for finding in run((header + "\n" + body.replace("§", separator)).encode(encoding), how):
        assert finding.line <= 2 + len(body)


BYTES = st.one_of(
    st.binary(max_size=300),
    st.binary(max_size=200).map(gzip.compress),
    st.binary(max_size=60).map(lambda data: b"\x1f\x8b\x08" + data),
    st.binary(max_size=60).map(lambda data: b"id,name,images\n1,a,http://a.test/\n" + data),
)


@settings(patient, max_examples=300)
@given(BYTES, HOW)
@example(b"\xff\xfe\xfd", options())
@example(b"\xef\xbb", options())
@example(b'"', options())
@example(b"sep=", options())
def test_no_bytes_whatever_do_more_than_refuse(data: bytes, how: SheetOptions) -> None:
    for finding in run(data, how):
        assert all(map(visible, finding.message))


@settings(patient, max_examples=200)
@given(st.text(max_size=30), st.text(max_size=60))
@example("Image Errors", "")
@example("", "\U00012544")
def test_nor_does_any_text_or_header(header: str, body: str) -> None:
    how = options(Mode.LENIENT, columns={"name": header, "images": header})
    with suppress(OptionRefused):  # a column of ours
        for finding in run(f"{header}\n{body}".encode("utf-8", "replace"), how):
            assert all(map(visible, finding.message))


@patient
@given(st.lists(st.tuples(TEXT.map(lambda t: t + "n"), st.integers(1, 4), st.integers(0, 15)), min_size=1, max_size=6), dialects())
def test_the_failures_sheet_has_just_the_failures_and_can_be_uploaded(
    rows: list[tuple[str, int, int]], dialect: dict[str, Any]
) -> None:
    table: list[tuple[object, ...]] = [("id", "name", "images")]
    for n, (name, count, _) in enumerate(rows, start=1):
        table.append((n, name, ", ".join(f"http://a.test/{n}/{i}" for i in range(count))))
    failed = [(n, place) for n, (_, count, bits) in enumerate(rows, 1) for place in range(1, count + 1) if bits >> (place - 1) & 1]
    with Folder() as sheets:
        sheets.report(written(table, **dialect), result=failing(*failed) if failed else done)
        expected = sorted({n for n, _ in failed})
        assert sheets.failed.exists() == bool(expected)
        if expected:
            again = sheets.read(sheets.failed.read_bytes())
            assert again.refused == ()
            assert [int(row.serial) for row in again.rows] == expected
            assert [row.product_name for row in again.rows] == [rows[n - 1][0].strip(" \t\n") for n in expected]
