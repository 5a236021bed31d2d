"""What a file may be: encodings, separators, line ends, gz; and what is told of files that are no sheets."""

from __future__ import annotations

import gzip
import io
import os
import random
import time
import tracemalloc
import zipfile
from pathlib import Path

import pytest

from halve.core.errors import SheetRefused
from halve.core.models import SheetOptions
from halve.core.report import ReportWriter
from halve.core.sheet import SheetLimits, open_sheet
from halve.core.sheet.encoding import charset
from tests.support.sheets import HEADER, LIMITS, Sheets

ROW = "1,Schöner Schuh,http://a.test/1.jpg\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_every_encoding_gives_the_same_name(sheets: Sheets, encoding: str) -> None:
    assert sheets.read((HEADER + ROW).encode(encoding)).rows[0].product_name == "Schöner Schuh"


def test_utf16_big_endian_is_known_by_its_bom(sheets: Sheets) -> None:
    assert sheets.read(b"\xfe\xff" + (HEADER + ROW).encode("utf-16-be")).rows[0].product_name == "Schöner Schuh"


@pytest.mark.parametrize("last", ["Zoë", "Zoé “x” €"])
def test_an_accent_in_the_last_row_alone_decides_the_encoding(sheets: Sheets, last: str) -> None:
    rows = "".join(f"{n},Shoe,http://a.test/{'x' * 900}/{n}.jpg\n" for n in range(1, 801))
    sheet = HEADER + rows + f"801,{last},http://a.test/1.jpg"
    for encoding in ("utf-8", "cp1252"):
        assert sheets.read(sheet.encode(encoding)).rows[-1].product_name == last


@pytest.mark.parametrize(
    ("head", "whole", "name"),
    [
        (b"name\nShoe\n", True, "utf-8"),
        (b"name\nShoe\n", False, None),
        (b"", True, "utf-8"),
        ("Zo\u00eb".encode(), True, "utf-8"),
        ("Zo\u00eb".encode(), False, "utf-8"),
        ("Zo\u00eb".encode()[:-1], False, None),
        ("Zo\u00eb".encode("cp1252"), True, "windows-1252"),
        ("Zo\u00eb Shoe".encode("cp1252"), False, "windows-1252"),
        ("name".encode("utf-8-sig"), False, "utf-8"),
        ("name".encode("utf-16"), False, "utf-16"),
        (b"\xfe\xff" + "name".encode("utf-16-be"), True, "utf-16"),
    ],
)
def test_an_encoding_is_named_where_a_beginning_tells_it(head: bytes, whole: bool, name: str | None) -> None:
    assert charset(head, whole=whole) == name


def test_characters_cut_apart_between_two_reads_are_whole(sheets: Sheets) -> None:
    for shift in range(3):
        sheet = HEADER + f"1,{'x' * shift}{'€' * 150_000},http://a.test/1.jpg\n"
        assert sheets.read(sheet).rows[0].product_name == "x" * shift + "€" * 150_000


@pytest.mark.parametrize("separator", [",", "\t", ";", "|"])
def test_the_separator_is_found(sheets: Sheets, separator: str) -> None:
    sheet = (HEADER + "1,Shoe,http://a.test/1.jpg\n").replace(",", separator)
    assert sheets.read(sheet).rows[0].input_urls == ("http://a.test/1.jpg",)


def test_commas_in_a_header_of_semicolons_do_not_mislead(sheets: Sheets) -> None:
    sheet = "Size, colour, weight, price;S. No.;Product Name;Input Image Urls\nx;1;Shoe, red;http://a.test/1,2.jpg\n"
    assert sheets.read(sheet).rows[0].product_name == "Shoe, red"


def test_a_line_that_tells_excel_the_separator_is_obeyed(sheets: Sheets) -> None:
    read = sheets.read("sep=;\r\nS. No.;Product Name;Input Image Urls\r\n1;Shoe;http://a.test/1.jpg\r\n")
    assert [(row.row, row.line) for row in read.rows] == [(1, 3)]


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("last", ["", "end"])
def test_every_line_end_counts_once(sheets: Sheets, newline: str, last: str) -> None:
    lines = [HEADER.strip(), "1,a,http://a.test/1.jpg", '2,"b', 'b",http://a.test/2.jpg', "", "3,c,http://a.test/3.jpg"]
    sheet = newline.join(lines) + (newline if last else "")
    assert [(row.row, row.line) for row in sheets.read(sheet).rows] == [(1, 2), (2, 3), (3, 6)]


def test_line_ends_may_be_mixed(sheets: Sheets) -> None:
    sheet = HEADER + "1,a,http://a.test/1\r\n2,b,http://a.test/2\r3,c,http://a.test/3\n\r4,d,http://a.test/4\n"
    assert [(row.row, row.line) for row in sheets.read(sheet).rows] == [(1, 2), (2, 3), (3, 4), (4, 6)]


def test_a_cr_lf_cut_apart_between_two_reads_is_one_line_end(sheets: Sheets) -> None:
    for length in range(262_130, 262_146):
        name = "x" * (length - len(HEADER) - len("1,,http://a.test/1.jpg\r"))
        read = sheets.read(HEADER + f"1,{name},http://a.test/1.jpg\r\n2,b,http://a.test/2.jpg\r\n")
        assert [(row.row, row.line) for row in read.rows] == [(1, 2), (2, 3)]


def test_form_feeds_and_unicode_line_separators_end_no_line(sheets: Sheets) -> None:
    read = sheets.read(HEADER + "1,a\x0bb\x0cc\u2028d\x85e,http://a.test/1.jpg\n2,f,http://a.test/2.jpg\n")
    assert [(row.line, row.product_name) for row in read.rows] == [(2, "a\x0bb\x0cc\u2028d\x85e"), (3, "f")]


def test_blank_lines_anywhere_are_no_rows(sheets: Sheets) -> None:
    read = sheets.read("\n  \n" + HEADER + "\n1,a,http://a.test/1.jpg\n\n   \n,,\n2,b,http://a.test/2.jpg\n\n\x1a")
    assert [(row.row, row.line) for row in read.rows] == [(1, 5), (2, 9)]
    assert (read.total_rows, read.findings) == (2, [])


def test_gz_is_undone_whatever_the_name(sheets: Sheets) -> None:
    for filename in ("sheet.csv.gz", "sheet.csv"):
        assert sheets.read(gzip.compress((HEADER + ROW).encode()), filename=filename).rows[0].product_name == "Schöner Schuh"


def test_several_gz_one_after_the_other_are_one_sheet(sheets: Sheets) -> None:
    assert len(sheets.read(gzip.compress(HEADER.encode()) + gzip.compress(ROW.encode())).rows) == 1


def test_a_gz_that_unpacks_to_too_much_is_refused_in_little_memory(sheets: Sheets) -> None:
    bomb = gzip.compress(HEADER.encode() + b"1,x,http://a.test/1.jpg\n" * 4_000_000)
    tracemalloc.start()
    refused = sheets.refusal(bomb, limits=SheetLimits(max_rows=10**9, max_urls_per_row=20, max_bytes=1_000_000))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert refused.code == "too_large"
    assert "10,000,000" in str(refused)
    assert peak < 8_000_000


def test_a_file_is_taken_up_to_the_last_byte_of_the_limit(sheets: Sheets) -> None:
    sheet = (HEADER + ROW).encode()
    assert sheets.read(sheet, limits=SheetLimits(10, 10, len(sheet))).rows
    assert sheets.refusal(sheet, limits=SheetLimits(10, 10, len(sheet) - 1)).code == "too_large"


@pytest.mark.parametrize(
    "damage", [lambda data: data[:-9], lambda data: data[:20] + b"\xff\xff\xff\xff" + data[24:], lambda d: d[:5]]
)
def test_a_damaged_gz_says_so(sheets: Sheets, damage: object) -> None:
    assert callable(damage)
    packed = gzip.compress(HEADER.encode() + os.urandom(300).hex().encode())
    assert sheets.refusal(damage(packed)).code == "damaged_gzip"


def workbook(kind: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        if kind == "ods":
            archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        else:
            archive.writestr("[Content_Types].xml", "<Types/>")
            archive.writestr("xl/workbook.xml", "<workbook/>")
    return out.getvalue()


@pytest.mark.parametrize("filename", ["products.xlsx", "products.ods", "products.csv"])
@pytest.mark.parametrize("kind", ["xlsx", "ods"])
def test_workbooks_are_refused_with_a_word_on_how_to_save_them(sheets: Sheets, kind: str, filename: str) -> None:
    for data in (workbook(kind), gzip.compress(workbook(kind))):
        refused = sheets.refusal(data, filename=filename)
        assert refused.code == "spreadsheet_file"
        assert "Save As" in str(refused)
        assert "CSV" in str(refused)


def test_an_old_excel_workbook_is_refused_likewise(sheets: Sheets) -> None:
    refused = sheets.refusal(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600))
    assert refused.code == "spreadsheet_file"
    assert "XLS" in str(refused)


@pytest.mark.parametrize(
    "data",
    [
        b"<!DOCTYPE html>\n<html><head><title>Sign in</title></head></html>",
        b'<html xmlns:x="urn:schemas-microsoft-com:office:excel">\r\n<table><tr><td>S. No.</td></tr></table></html>',
        b'\xef\xbb\xbf\n <?xml version="1.0"?>\n<?mso-application progid="Excel.Sheet"?>\n<Workbook/>',
        b"<TABLE><tr><td>S. No.,Product Name,Input Image Urls",
    ],
    ids=lambda data: repr(data[:12]),
)
def test_markup_is_refused_likewise_whatever_it_is_named(sheets: Sheets, data: bytes) -> None:
    refused = sheets.refusal(data, filename="products.xls")
    assert [(finding.line, finding.code) for finding in refused.findings] == [(0, "spreadsheet_file")]
    assert "HTML" in str(refused)
    assert "Save As" in str(refused)


def test_a_header_that_begins_with_a_less_than_sign_is_no_markup(sheets: Sheets) -> None:
    assert sheets.read("<Tablet>,id,name,images\n1,1,Shoe,http://a.test/1.jpg\n").refused == ()


@pytest.mark.parametrize(
    "data",
    [
        b"\x89PNG\r\n\x1a\n" + bytes(40),
        b"\xff\xd8\xff\xe0\x00\x10JFIF\x00",
        b"%PDF-1.7\n%abc\n",
        bytes(range(256)),
        bytes(range(1, 32)) * 4,
        HEADER.encode() + b"1,a\0b,http://a.test/1.jpg\n",
        HEADER.encode("utf-16-le"),
        b"\xff\xfe" + HEADER.encode("utf-16-le") + b"x",
        b"\xff\xfe" + HEADER.encode("utf-16-le") + b"\x00\xd8",
        HEADER.encode("utf-32"),
        b"\xef\xbb\xbf" + HEADER.encode() + b"1,\xe9,http://a.test/1.jpg\n",
        HEADER.encode() + "1,靴,http://a.test/1.jpg\n".encode("shift_jis") + b"\x81\x8d\n",
        gzip.compress(gzip.compress(HEADER.encode(), mtime=0), mtime=0),
        random.Random(7).randbytes(5_000),
    ],
    ids=lambda data: repr(data[:12]),
)
def test_what_is_not_text_is_called_so(sheets: Sheets, data: bytes) -> None:
    refused = sheets.refusal(data)
    assert refused.code == "not_text"
    assert [finding.code for finding in refused.findings] == ["not_text"]
    assert "CSV" in str(refused)


@pytest.mark.parametrize("name", ["\x1b[31mShoe\x1b[0m", "Shoe\x1dred\x1dblue", "Sho\x07e"])
def test_a_control_character_that_strayed_into_a_name_makes_a_short_sheet_no_binary(sheets: Sheets, name: str) -> None:
    assert sheets.read(HEADER + f"1,{name},http://a.test/1.jpg\n").rows[0].product_name == name


def test_bytes_in_no_known_encoding_are_named_by_their_line(sheets: Sheets) -> None:
    rows = b"1,Shoe,http://a.test/1.jpg\n" * 20_000
    assert "about line 20002" in str(sheets.refusal(HEADER.encode() + rows + b"2,\x81\xe9,http://a.test/1.jpg\n"))


@pytest.mark.parametrize("data", [b"", b"\xef\xbb\xbf", b"\n\n  \r\n", b"\xff\xfe", gzip.compress(b"", mtime=0)])
def test_an_empty_file_is_told_what_it_needs(sheets: Sheets, data: bytes) -> None:
    refused = sheets.refusal(data)
    assert refused.code == "no_rows"
    assert "headers" in str(refused)


def test_a_file_that_cannot_be_read_says_why(tmp_path: Path) -> None:
    for path in (tmp_path / "none.csv", tmp_path):
        with pytest.raises(SheetRefused) as refused:
            open_sheet(path, path.name, SheetOptions(), LIMITS)
        assert refused.value.code == "unreadable_file"


def test_a_record_without_end_is_refused_before_it_fills_the_memory(sheets: Sheets) -> None:
    refused = sheets.refusal(HEADER + "1,a,http://a.test/1.jpg\n2," + "x" * 5_000_000, limits=SheetLimits(10, 10, 10_000_000))
    assert [(finding.line, finding.code) for finding in refused.findings] == [(3, "record_too_long")]


def test_a_large_sheet_is_read_in_little_memory(sheets: Sheets) -> None:
    rows = "".join(f'{n},"Shoe ""{n}""","http://a.test/{n}.jpg, http://a.test/{n}b.jpg"\n' for n in range(1, 20_001))
    path = sheets.path(HEADER + rows)
    del rows
    tracemalloc.start()
    with open_sheet(path, "sheet.csv", SheetOptions(), SheetLimits(100_000, 20, 10_000_000)) as sheet:
        count = sum(1 for _ in sheet.rows())
        sheet.check()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count == 20_000
    assert peak < 5_000_000


@pytest.mark.parametrize(
    "hostile",
    [
        "1,a," + "\n" * 140_000,
        '1,a,"' + "\n" * 140_000 + '"',
        '1,a,"' + ",\n" * 80_000 + 'http://a.test/1"',
        "1," + " " * 300_000 + '"x',
        '1,"' + '""' * 140_000,
        ("1," + '"\n",' * 4) * 12_000,
        '1,"a\n' * 40_000,
        '1,a"",""b","\n' * 20_000,
        "1,a,http://a.test/" + ",x" * 140_000,
        "1,a,http://a.test/" + ",.jpg?" * 50_000 + " x",
        "1,a," + "x" * 300_000 + "://",
        "1,a," + "http://a.test/," * 20_000,
        '1,a,"' + "://" * 100_000 + '"',
        "1,a,http://a.test/" + " " * 280_000 + "|http://b.test/",
        "," * 300_000,
        "1,a,http://" + "a." * 140_000,
    ],
    ids=lambda text: repr(text[:16]),
)
@pytest.mark.parametrize("header", [HEADER, HEADER.replace("\n", ",,\n")])
def test_no_sheet_takes_more_than_its_size_in_time(sheets: Sheets, header: str, hostile: str) -> None:
    limits = SheetLimits(max_rows=10**6, max_urls_per_row=20, max_bytes=10_000_000)
    begun = time.process_time()
    path = sheets.path(header + hostile)
    with open_sheet(path, "sheet.csv", SheetOptions(), limits) as sheet:
        for _ in sheet.rows():
            pass
    with open_sheet(path, "sheet.csv", SheetOptions(), limits) as sheet:
        ReportWriter(sheet, sheets.output, sheets.failed).close()
    assert time.process_time() - begun < 10  # less than a second; minutes where anything is looked at again and again


def test_a_header_wider_than_any_shop_has_is_refused(sheets: Sheets) -> None:
    refused = sheets.refusal(HEADER.strip() + "," * 500_000 + "\n1\n2\n")
    assert [finding.code for finding in refused.findings] == ["too_many_columns"]
