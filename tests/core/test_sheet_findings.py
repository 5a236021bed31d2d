"""What is found, where it is said to be, and when it refuses the sheet."""

from __future__ import annotations

from pathlib import Path

import pytest

from halve.core.models import Mode, SheetOptions
from halve.core.sheet import SheetLimits, findings, open_sheet
from halve.core.sheet.findings import Code
from tests.support.sheets import HEADER, LIMITS, Sheets, options

GOOD = "http://a.test/1.jpg"

FAULTY = HEADER + (
    f"1,,{GOOD}\n"  # 2
    "\n"  # 3
    "2,Hat,\n"  # 4
    f'3,"Cap\nwith visor",{GOOD}\n'  # 5, 6
    "4,,ftp://a.test/1.jpg\n"  # 7
    f"5,Sock, red,{GOOD}\n"  # 8
    f'6,"Glove,{GOOD}\n'  # 9
    f"7,Scarf,{GOOD}\n"  # 10
)
FOUND = [(2, "empty_name"), (4, "no_url"), (7, "empty_name"), (7, "unsupported_scheme"), (8, "extra_cells"), (9, "unclosed_quote")]


def test_strict_mode_refuses_the_sheet_with_all_findings_in_order(sheets: Sheets) -> None:
    read = sheets.read(FAULTY)
    assert [(f.line, f.code) for f in read.refused] == FOUND
    assert read.refused[0].column == "Product Name"
    assert read.refused[1].column == "Input Image Urls"


def test_lenient_mode_runs_the_good_rows_and_counts_the_bad(sheets: Sheets) -> None:
    read = sheets.read(FAULTY, options(Mode.LENIENT))
    assert read.refused == ()
    assert [(row.row, row.line, row.serial) for row in read.rows] == [(3, 5, "3"), (7, 10, "7")]
    assert (read.total_rows, read.failed_rows, read.total_images) == (7, 5, 2)
    assert read.codes == FOUND


def test_lenient_mode_refuses_a_sheet_without_a_good_row(sheets: Sheets) -> None:
    read = sheets.read(HEADER + "1,,\n2,Hat,ftp://a.test/1\n", options(Mode.LENIENT))
    assert [(f.line, f.code) for f in read.refused] == [(2, "empty_name"), (2, "no_url"), (3, "unsupported_scheme")]


@pytest.mark.parametrize("mode", list(Mode))
def test_a_sheet_without_rows_is_refused(sheets: Sheets, mode: Mode) -> None:
    for sheet in (HEADER, HEADER.strip(), HEADER + "\n\n", HEADER + ",,\n"):
        assert sheets.refusal(sheet, options(mode)).code == "no_rows"


def test_a_good_sheet_has_no_findings(sheets: Sheets) -> None:
    read = sheets.read(HEADER + f"1,Shoe,{GOOD}\n")
    assert (read.findings, read.repairs, read.refused) == ([], [], ())


def test_a_name_of_white_space_is_empty(sheets: Sheets) -> None:
    for name in ('" "', "\u00a0", '"\n"', "\u200b", "\u3000"):
        assert sheets.read(HEADER + f"1,{name},{GOOD}\n").codes == [(2, "empty_name")]


def test_an_empty_serial_is_no_fault(sheets: Sheets) -> None:
    assert sheets.read(HEADER + f",Shoe,{GOOD}\n").refused == ()


def test_products_of_the_same_name_and_serial_stay_apart(sheets: Sheets) -> None:
    read = sheets.read(HEADER + f"1,Shoe,{GOOD}\n1,Shoe,{GOOD}\n")
    assert [(row.row, row.serial, row.product_name) for row in read.rows] == [(1, "1", "Shoe"), (2, "1", "Shoe")]


def test_names_and_serials_come_without_white_space_around_them(sheets: Sheets) -> None:
    row = sheets.read(HEADER + f'" 1 ", Shoe ,{GOOD}\n').rows[0]
    assert (row.serial, row.product_name) == ("1", "Shoe")


def test_lines_count_quoted_newlines_in_cells_and_headers(sheets: Sheets) -> None:
    sheet = f'"S. No.",Product Name,Input Image Urls,"Long\ndescription"\n1,"a\n\nb",{GOOD},\n2,,{GOOD},"x\r\ny"\n3,,{GOOD},\n'
    assert sheets.read(sheet).codes == [(6, "empty_name"), (8, "empty_name")]


def test_an_unclosed_quote_costs_its_own_line_alone(sheets: Sheets) -> None:
    sheet = HEADER + f'1,a,{GOOD}\n2,"b,{GOOD}\n' + "".join(f"{n},c,{GOOD}\n" for n in range(3, 500))
    read = sheets.read(sheet, options(Mode.LENIENT))
    assert [(f.line, f.column, f.code) for f in read.findings] == [(3, "Product Name", "unclosed_quote")]
    assert [row.line for row in read.rows] == [2, *range(4, 501)]


def test_an_unclosed_quote_is_given_up_when_it_has_swallowed_too_much(sheets: Sheets) -> None:
    filler = f"1,{'x' * 1_000},{GOOD}\n"
    sheet = HEADER + f'1,"b,{GOOD}\n' + filler * 5_000 + f'2,"quoted",{GOOD}\n'
    limits = SheetLimits(10_000, 20, 10_000_000)
    read = sheets.read(sheet, options(Mode.LENIENT), limits=limits)
    assert read.codes == [(2, "unclosed_quote")]
    assert len(read.rows) == 5_001


def test_a_quote_inside_a_cell_is_a_character(sheets: Sheets) -> None:
    read = sheets.read(HEADER + f'1,TV 42" black,{GOOD}\n2, "Shoe, red" ,{GOOD}\n3,"a ""b"" c",{GOOD}\n')
    assert [row.product_name for row in read.rows] == ['TV 42" black', "Shoe, red", 'a "b" c']


def test_too_many_rows_refuse_the_sheet_in_both_modes(sheets: Sheets) -> None:
    sheet = HEADER + f"1,Shoe,{GOOD}\n\n" * 4
    limits = SheetLimits(max_rows=3, max_urls_per_row=9, max_bytes=10_000)
    for mode in Mode:
        assert [(f.line, f.code) for f in sheets.read(sheet, options(mode), limits=limits).refused] == [(8, "too_many_rows")]
    assert sheets.read(HEADER + f"1,Shoe,{GOOD}\n" * 3, limits=limits).refused == ()


def test_blank_lines_without_end_refuse_the_sheet(sheets: Sheets, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("halve.core.sheet.sheet.SPARE_LINES", 5)
    limits = SheetLimits(max_rows=3, max_urls_per_row=9, max_bytes=10_000)
    row = f"1,Shoe,{GOOD}\n"
    assert sheets.read(HEADER + row + "\n,,\n" * 4 + row, limits=limits).refused == ()
    refused = sheets.read(HEADER + row + "\n,,\n" * 4 + "\n" + row, options(Mode.LENIENT), limits=limits).refused
    assert [(f.line, f.code) for f in refused] == [(11, "too_many_rows")]


def test_too_many_urls_refuse_their_row(sheets: Sheets) -> None:
    limits = SheetLimits(max_rows=3, max_urls_per_row=2, max_bytes=10_000)
    sheet = HEADER + f'1,Shoe,"{GOOD},{GOOD},{GOOD}"\n2,Hat,"{GOOD},{GOOD}"\n'
    read = sheets.read(sheet, options(Mode.LENIENT), limits=limits)
    assert read.codes == [(2, "too_many_urls")]
    assert "3" in read.findings[0].message
    assert [row.row for row in read.rows] == [2]


def test_findings_beyond_the_most_that_are_listed_are_counted(sheets: Sheets, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("halve.core.sheet.sheet.MOST_FINDINGS", 5)
    monkeypatch.setattr("halve.core.sheet.sheet.MOST_REPAIRS", 2)
    read = sheets.read(HEADER + "1,,http://a.test/1,http://a.test/2\n" * 9)
    assert [f.code for f in read.refused] == ["empty_name"] * 5 + ["more_findings"]
    assert "4 more" in read.refused[-1].message
    assert [f.code for f in read.repairs] == ["joined_list"] * 2 + ["more_repairs"]
    assert "7 more" in read.repairs[-1].message
    assert (read.total_rows, read.failed_rows) == (9, 9)


def test_one_of_anything_is_said_as_one() -> None:
    one = [
        (findings.too_many_rows(3, 1), "more than 1 row."),
        (findings.too_large(1, unpacked=False), "larger than 1 byte,"),
        (findings.more_findings(1), "There is 1 more finding,"),
        (findings.more_repairs(1), "1 more row was mended"),
    ]
    assert all(words in finding.message for finding, words in one)
    assert "more than 2 rows." in findings.too_many_rows(3, 2).message


def test_a_second_pass_finds_the_same(sheets: Sheets) -> None:
    with open_sheet(sheets.path(FAULTY), "sheet.csv", SheetOptions(), LIMITS) as sheet:
        first = (list(sheet.rows()), sheet.findings, sheet.total_rows)
        assert (list(sheet.rows()), sheet.findings, sheet.total_rows) == first


def test_nothing_is_checked_before_all_is_read(sheets: Sheets) -> None:
    with open_sheet(sheets.path(FAULTY), "sheet.csv", SheetOptions(), LIMITS) as sheet:
        next(sheet.rows())
        with pytest.raises(RuntimeError):
            sheet.check()


def test_a_header_as_long_as_a_row_is_not_told_with_every_finding(sheets: Sheets) -> None:
    sheet = HEADER.replace("Product Name", f"Product{'.' * 100_000}Name").replace("Urls", f"Urls{'_' * 100_000}")
    read = sheets.read(sheet + f'1,,\n2,Shoe,{GOOD},{GOOD}\n3,"Hat,{GOOD}\n', options(Mode.LENIENT))
    assert [f.code for f in (*read.findings, *read.repairs)] == [
        *("empty_name", "no_url", "unclosed_quote"),
        *("joined_list", "quoted_quote"),
    ]
    for finding in (*read.findings, *read.repairs):
        assert finding.column.startswith(("Product...", "Input Image Urls___"))
        assert len(finding.column) < 300


def test_messages_are_one_line_whatever_the_sheet_says(sheets: Sheets) -> None:
    read = sheets.read(HEADER + '1,Shoe,"ftp://a.test/\x1b[31m\nx\u202e"\n2,Hat,"' + "x" * 5_000 + '"\n')
    for finding in read.findings:
        assert finding.message.isprintable()
        assert len(finding.message) < 300


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://anna:secret@shop.test:99999/1.jpg", "http://...@shop.test:99999/1.jpg"),
        ("ftp://anna:sec@ret@shop.test/1.jpg", "ftp://...@shop.test/1.jpg"),
        ("http://anna:secret@/1.jpg", "http://...@/1.jpg"),
        ("http://anna:sec#ret@shop.test/1.jpg", "http://...@shop.test/1.jpg"),
        ("http://secret@[::z]/1.jpg", "http://...@[::z]/1.jpg"),
        ("see http://anna:secret@shop.test/1.jpg", "see http://...@shop.test/1.jpg"),
        (f"ftp://anna:{'secret' * 20}@shop.test/1.jpg", "ftp://...@shop.test/1.jpg"),
        ("ftp://shop.test:21/shoe@2x.jpg", "ftp://shop.test:21/shoe@2x.jpg"),
        ("ftp://shop.test/shoe@2x.jpg", "ftp://shop.test/shoe@2x.jpg"),
    ],
)
def test_no_message_tells_the_credentials_of_a_url(sheets: Sheets, url: str, shown: str) -> None:
    (finding,) = sheets.read(f"{HEADER}1,Shoe,{url}\n").findings
    assert finding.message.startswith(f"'{shown}' ")


# ── the page that documents them ──────────────────────────────────────────────────────────────────────────────────────

PAGE = Path(__file__).parents[2] / "docs" / "sheets.md"


@pytest.mark.parametrize("code", list(Code))
def test_every_code_has_its_line_in_the_documentation(code: Code) -> None:
    assert f"| `{code.value}` |" in PAGE.read_text(encoding="utf-8")


def test_findings_are_made_nowhere_but_in_their_own_module() -> None:
    """So the table of codes is complete."""
    package = Path(findings.__file__).parent
    for module in [*package.glob("*.py"), package.parent / "report.py"]:
        if module.name != "findings.py":
            assert "Finding(" not in module.read_text(encoding="utf-8"), module.name
    used = Path(findings.__file__).read_text(encoding="utf-8")
    for code in Code:
        assert f"Code.{code.name}" in used, code


@pytest.mark.parametrize(
    "below", ["", f"7,Hat,{GOOD}\n", f'7,Hat,{GOOD}\n8,"Cap",{GOOD}\n', f'"7","Hat","{GOOD}"\n', f'7,"",{GOOD}\n8, "Cap",{GOOD}\n']
)
def test_an_unclosed_quote_takes_no_row_below_it_away_and_is_reported_with_what_is_written_for_it(
    sheets: Sheets, below: str
) -> None:
    sheet = HEADER + f'5,Shoe,{GOOD}\n6,"un,{GOOD}\n' + below
    read = sheets.read(sheet, options(Mode.LENIENT))
    assert read.total_rows == 2 + below.count("\n")
    assert (3, "unclosed_quote") in read.codes
    assert [(repair.line, repair.column, repair.code) for repair in read.repairs] == [(3, "Product Name", "quoted_quote")]
    assert (3, "unclosed_quote") in [(finding.line, finding.code) for finding in sheets.read(sheet).refused]


def test_an_unclosed_quote_in_a_line_that_is_blank_otherwise_is_reported_too(sheets: Sheets) -> None:
    sheet = HEADER + f'"\n7,Hat,{GOOD}\n'
    assert sheets.read(sheet).codes == [(2, "unclosed_quote")]
    sheets.report(sheet, options(Mode.LENIENT))
    assert sheets.read(sheets.output.read_bytes(), options(Mode.LENIENT)).total_rows == 2


@pytest.mark.parametrize("name", ['"Hat\n42"" wide"', '"Hat\n"', '"Hat\n,"', '"\n"', '"Hat\n 42" wide"', '"Hat\n42,"  '])
def test_a_cell_of_several_lines_is_not_taken_for_an_unclosed_quote(sheets: Sheets, name: str) -> None:
    read = sheets.read(HEADER + f"6,{name},{GOOD}\n7,Hat,{GOOD}\n", options(Mode.LENIENT))
    assert read.total_rows == 2
    assert "unclosed_quote" not in [code for _, code in read.codes]
