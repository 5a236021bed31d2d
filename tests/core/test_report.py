"""The output sheet and the failures' sheet, to the letter."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from halve.core.errors import StoreFailed
from halve.core.models import ImageResult, ImageState, Mode, Product, Row, SheetOptions
from halve.core.report import ReportWriter, errors_cell, outputs_cell
from halve.core.sheet import open_sheet
from tests.support.sheets import HEADER, LIMITS, REQUEST, Sheets, cells, done, failing, options, product

OURS = "Output Image Urls,Image Errors"
GOOD = "http://a.test/1.jpg"


def test_two_columns_are_appended_and_nothing_else_changes(sheets: Sheets) -> None:
    sheets.report(HEADER + '1,Shoe,http://a.test/1.jpg\n2,"Hat ""x""","http://a.test/2.jpg, http://a.test/3.jpg"\n')
    assert sheets.output.read_text() == (
        "S. No.,Product Name,Input Image Urls,Output Image Urls,Image Errors\n"
        "1,Shoe,http://a.test/1.jpg,images/1-1.jpg,\n"
        '2,"Hat ""x""","http://a.test/2.jpg, http://a.test/3.jpg","images/2-1.jpg, images/2-2.jpg",\n'
    )
    assert not sheets.failed.exists()


def test_an_image_that_failed_leaves_its_place_empty(sheets: Sheets) -> None:
    urls = ", ".join(f"http://a.test/{n}.jpg" for n in range(1, 5))
    sheets.report(HEADER + f'1,Shoe,"{urls}"\n2,Hat,{GOOD}\n', result=failing((1, 2), (1, 4), (2, 1)))
    rows = cells(sheets.output.read_bytes())
    assert rows[1][3:] == ["images/1-1.jpg, , images/1-3.jpg, ", "2: not found (404); 4: not found (404)"]
    assert rows[2][3:] == ["", "1: not found (404)"]
    assert [row[0] for row in cells(sheets.failed.read_bytes())[1:]] == ["1", "2"]


def test_the_cells_of_a_product() -> None:
    kept = ImageResult(state=ImageState.KEPT, url="k.jpg")
    cancelled = ImageResult(state=ImageState.CANCELLED)
    timeout = ImageResult(state=ImageState.FAILED, error_code="timeout")
    pending = ImageResult()
    assert outputs_cell([kept, cancelled, kept]) == "k.jpg, , k.jpg"
    assert errors_cell([kept, cancelled, timeout, pending]) == "2: cancelled; 3: timeout; 4: not done"
    assert errors_cell([kept]) == ""


def test_columns_of_ours_that_were_there_are_replaced_in_place(sheets: Sheets) -> None:
    sheet = f"image_errors,S. No.,OUTPUT IMAGE URLS,Product Name,Input Image Urls,Note\nold,1,old.jpg,Shoe,{GOOD},n\nold,2\n"
    sheets.report(sheet, options(Mode.LENIENT), failing((1, 1)))
    rows = cells(sheets.output.read_bytes())
    assert rows[:2] == [
        ["image_errors", "S. No.", "OUTPUT IMAGE URLS", "Product Name", "Input Image Urls", "Note"],
        ["1: not found (404)", "1", "", "Shoe", GOOD, "n"],
    ]
    assert rows[2][0].startswith("not run: ")
    assert rows[2][1:] == ["2", "", "", "", ""]


def test_of_several_columns_of_ours_the_first_is_filled(sheets: Sheets) -> None:
    sheets.report(f"S. No.,Image Errors,Product Name,Input Image Urls,image_errors\n1,old,Shoe,{GOOD},mine\n")
    assert cells(sheets.output.read_bytes()) == [
        ["S. No.", "Image Errors", "Product Name", "Input Image Urls", "image_errors", "Output Image Urls"],
        ["1", "", "Shoe", GOOD, "mine", "images/1-1.jpg"],
    ]


def test_one_column_of_ours_that_was_there_is_replaced_and_the_other_appended(sheets: Sheets) -> None:
    sheets.report(f"S. No.,Image Errors,Product Name,Input Image Urls\n1,old,Shoe,{GOOD}\n")
    assert cells(sheets.output.read_bytes()) == [
        ["S. No.", "Image Errors", "Product Name", "Input Image Urls", "Output Image Urls"],
        ["1", "", "Shoe", GOOD, "images/1-1.jpg"],
    ]


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("last", [True, False])
def test_line_ends_stay_as_they_are(sheets: Sheets, newline: str, last: bool) -> None:
    end = newline if last else ""
    sheets.report(
        (HEADER + f"1,Shoe,{GOOD}\n\n2,Hat,{GOOD}").replace("\n", newline).encode() + end.encode(), result=failing((2, 1))
    )
    header = HEADER.strip() + f",{OURS}{newline}"
    failure = f"2,Hat,{GOOD},,1: not found (404){end}"
    assert sheets.output.read_bytes().decode() == f"{header}1,Shoe,{GOOD},images/1-1.jpg,{newline}{newline}{failure}"
    assert sheets.failed.read_bytes().decode() == header + failure


def test_mixed_line_ends_stay_mixed(sheets: Sheets) -> None:
    sheets.report(HEADER.encode() + f"1,a,{GOOD}\r\n2,b,{GOOD}\r3,c,{GOOD}\n".encode())
    ends = [f"images/{n}-1.jpg,{end}".encode() for n, end in ((1, "\r\n"), (2, "\r"), (3, "\n"))]
    assert all(end in sheets.output.read_bytes() for end in ends)


@pytest.mark.parametrize(
    ("encoding", "bom"),
    [("utf-8", b""), ("utf-8", b"\xef\xbb\xbf"), ("utf-16-le", b"\xff\xfe"), ("utf-16-be", b"\xfe\xff"), ("cp1252", b"")],
)
@pytest.mark.parametrize("packed", [False, True])
def test_encoding_and_bom_stay_and_gz_is_undone(sheets: Sheets, encoding: str, bom: bytes, packed: bool) -> None:
    data = bom + (HEADER + f"1,Schöner Schuh,{GOOD}\n").encode(encoding)
    sheets.report(gzip.compress(data) if packed else data, result=failing((1, 1)))
    expected = bom + (HEADER.strip() + f",{OURS}\n1,Schöner Schuh,{GOOD},,1: not found (404)\n").encode(encoding)
    assert sheets.output.read_bytes() == sheets.failed.read_bytes() == expected


@pytest.mark.parametrize("separator", [",", "\t", ";", "|"])
def test_the_separator_stays_and_our_cells_are_quoted_for_it(sheets: Sheets, separator: str) -> None:
    sheet = (HEADER + '1,Shoe,"http://a.test/1.jpg ;http://a.test/2.jpg"\n').replace(",", separator).replace(" ;", ",")
    sheets.report(sheet, result=failing((1, 1), error=f"a{separator}b"))
    rows = cells(sheets.output.read_bytes(), separator)
    error = "a b" if separator == "\t" else f"a{separator}b"
    assert rows[1][3:] == [", images/1-2.jpg", f"1: {error}"]


@pytest.mark.parametrize("first", ["1", '"1"'])
def test_where_strings_are_quoted_ours_are_too(sheets: Sheets, first: str) -> None:
    sheets.report(f'"S. No.","Product Name","Input Image Urls"\n{first},"Shoe","{GOOD}"\n')
    assert sheets.output.read_text().splitlines() == [
        '"S. No.","Product Name","Input Image Urls","Output Image Urls","Image Errors"',
        f'{first},"Shoe","{GOOD}","images/1-1.jpg",""',
    ]


def test_where_only_what_must_be_is_quoted_ours_are_not(sheets: Sheets) -> None:
    sheets.report(HEADER + f'"1,5","Shoe, red","{GOOD},{GOOD}"\n2,"Hat, red",{GOOD}\n')
    assert sheets.output.read_text().splitlines()[1].endswith(',"images/1-1.jpg, images/1-2.jpg",')
    assert sheets.output.read_text().splitlines()[2].endswith(",images/2-1.jpg,")


def test_blank_lines_and_what_stands_above_the_header_stay(sheets: Sheets) -> None:
    sheets.report(f"\nsep=,\n{HEADER}\n  \n,,\n1,Shoe,{GOOD}\n\n", result=failing((1, 1)))
    assert sheets.output.read_text() == (f"\nsep=,\n{HEADER.strip()},{OURS}\n\n  \n,,,,\n1,Shoe,{GOOD},,1: not found (404)\n\n")
    assert sheets.failed.read_text() == f"sep=,\n{HEADER.strip()},{OURS}\n1,Shoe,{GOOD},,1: not found (404)\n"


def test_lines_of_fewer_separators_than_the_others_have_are_not_filled_up(sheets: Sheets) -> None:
    header = HEADER.strip() + "," * 1_000
    sheets.report(f"{header}\n1,Shoe,{GOOD}\n" + ",\n" * 500 + "," * 1_002 + "\n")
    assert sheets.output.stat().st_size < 10_000
    assert sheets.output.read_text().splitlines()[2:] == [","] * 500 + ["," * 1_004]


def test_short_rows_are_filled_up_so_that_our_cells_stand_under_our_headers(sheets: Sheets) -> None:
    sheets.report(f"S. No.,Product Name,Input Image Urls,Note,Price\n1,Shoe,{GOOD}\n")
    assert sheets.output.read_text().splitlines()[1] == f"1,Shoe,{GOOD},,,images/1-1.jpg,"


def test_a_spilled_list_is_written_as_one_quoted_cell(sheets: Sheets) -> None:
    sheets.report(HEADER + "1,Shoe,http://a.test/1.jpg, http://a.test/2.jpg\n2,Hat,http://a.test/w_1,h_2/3.jpg,,\n")
    assert sheets.output.read_text().splitlines()[1:] == [
        '1,Shoe,"http://a.test/1.jpg, http://a.test/2.jpg","images/1-1.jpg, images/1-2.jpg",',
        '2,Hat,"http://a.test/w_1,h_2/3.jpg",images/2-1.jpg,',
    ]


def test_a_row_that_quotes_made_one_cell_of_is_written_in_cells(sheets: Sheets) -> None:
    sheets.report(HEADER + f'1,Shoe,{GOOD}\n"2,Hat,""{GOOD}, {GOOD}"""\n', result=failing((2, 1)))
    mended = f'2,Hat,"{GOOD}, {GOOD}",", images/2-2.jpg",1: not found (404)\n'
    assert sheets.output.read_text().splitlines(keepends=True)[2] == mended
    assert sheets.failed.read_text().splitlines(keepends=True)[1] == mended


def test_a_list_spilled_into_columns_without_header_leaves_them_empty(sheets: Sheets) -> None:
    sheets.report(f"S. No.,Product Name,Input Image Urls,,,Price\n1,Shoe,{GOOD},{GOOD},,5\n")
    assert sheets.output.read_text().splitlines()[1] == f'1,Shoe,"{GOOD},{GOOD}",,,5,"images/1-1.jpg, images/1-2.jpg",'


def test_rows_that_did_not_run_say_why_and_go_to_the_failures(sheets: Sheets) -> None:
    sheet = HEADER + f'1,,{GOOD}\n2,Hat,{GOOD}\n3,Sock, red,{GOOD}\n4,"Glove,{GOOD}\n5,Cap,{GOOD}\n'
    sheets.report(sheet, options(Mode.LENIENT), failing((5, 1)))
    rows = cells(sheets.output.read_bytes())
    assert [row[4][:9] for row in rows[1:]] == ["not run: ", "", "not run: ", "not run: ", "1: not fo"]
    assert [row[3] for row in rows[1:]] == ["", "images/2-1.jpg", "", "", ""]
    assert "name is empty" in rows[1][4]
    assert [row[0] for row in cells(sheets.failed.read_bytes())[1:]] == ["1", "3", "4", "5"]


def test_an_unclosed_quote_does_not_swallow_the_rest_of_the_report(sheets: Sheets) -> None:
    sheets.report(HEADER + f'1,"Shoe,{GOOD}\n2,Hat,{GOOD}\n', options(Mode.LENIENT))
    rows = cells(sheets.output.read_bytes())
    assert [row[:3] for row in rows[1:]] == [["1", '"Shoe', GOOD], ["2", "Hat", GOOD]]


def test_rows_that_a_preset_lets_pass_are_no_failures(sheets: Sheets) -> None:
    sheets.report(f"Handle,Title,Image Src\nshoe,Shoe,\nshoe,,{GOOD}\nhat,Hat,\n")
    assert sheets.output.read_text() == (f"Handle,Title,Image Src,{OURS}\nshoe,Shoe,,,\nshoe,,{GOOD},images/2-1.jpg,\nhat,Hat,,,\n")
    assert not sheets.failed.exists()


@pytest.mark.parametrize("first", ["=", "+", "-", "@"])
def test_a_cell_of_ours_is_never_a_formula(sheets: Sheets, first: str) -> None:
    def result(row: Row, place: int) -> ImageResult:
        return ImageResult(state=ImageState.DONE, url=f"{first}cmd|' /C calc'!A0")

    sheets.report(HEADER + f"1,Shoe,{GOOD}\n", result=result)
    assert cells(sheets.output.read_bytes())[1][3] == f"'{first}cmd|' /C calc'!A0"


@pytest.mark.parametrize("first", ["\t", "\r", "\n"])
def test_nor_does_it_begin_with_a_tab_or_line_end(sheets: Sheets, first: str) -> None:
    sheets.report(HEADER + f"1,Shoe,{GOOD}\n", result=lambda row, place: ImageResult(state=ImageState.DONE, url=f"{first}x"))
    assert cells(sheets.output.read_bytes())[1][3] == "' x"


def test_the_users_own_formulas_are_left_alone(sheets: Sheets) -> None:
    sheets.report(HEADER + f"=1+1,-5,{GOOD}\n")
    assert sheets.output.read_text().splitlines()[1].startswith("=1+1,-5,")


def test_messages_that_the_encoding_cannot_hold_are_written_as_well_as_it_can(sheets: Sheets) -> None:
    sheet = (HEADER + f"1,Schuh ä,{GOOD}\n").encode("cp1252")
    sheets.report(sheet, result=failing((1, 1), error="no such host: 靴.test – €\n\x00end \udc80"))
    assert cells(sheets.output.read_bytes(), encoding="cp1252")[1][4] == "1: no such host: ?.test – € end ?"


def test_a_lone_surrogate_in_a_message_does_no_harm(sheets: Sheets) -> None:
    for encoding in ("utf-8", "utf-16"):
        sheets.report((HEADER + f"1,Shoe,{GOOD}\n").encode(encoding), result=failing((1, 1), error="bad \ud800 name"))
        assert cells(sheets.output.read_bytes(), encoding=encoding)[1][4] == "1: bad ? name"


def test_the_failures_sheet_is_an_upload_as_it_stands(sheets: Sheets) -> None:
    sheet = HEADER.replace(",", ";").encode() + f'1;Shoe;{GOOD}\r\n2;"Hat; red";{GOOD}|{GOOD}\r\n3;Cap;{GOOD}'.encode()
    sheets.report(sheet, result=failing((2, 2), (3, 1)))
    failures = sheets.failed.read_bytes()
    again = sheets.read(failures)
    assert again.refused == ()
    assert [(row.serial, row.product_name, len(row.input_urls)) for row in again.rows] == [("2", "Hat; red", 2), ("3", "Cap", 1)]
    sheets.report(failures)
    assert sheets.output.read_bytes().decode() == (
        HEADER.strip().replace(",", ";")
        + f';Output Image Urls;Image Errors\n2;"Hat; red";{GOOD}|{GOOD};images/1-1.jpg, images/1-2.jpg;\r\n'
        f"3;Cap;{GOOD};images/2-1.jpg;"
    )
    assert not sheets.failed.exists()


@pytest.mark.parametrize("header", ["S. No.,Input Image Urls,Product Name", "Image Errors,S. No.,Input Image Urls,Product Name"])
def test_a_row_of_cells_too_many_stays_one_when_the_failures_are_uploaded(sheets: Sheets, header: str) -> None:
    lead = "," * header.count("Image Errors")
    sheets.report(f"{header}\n{lead}1,{GOOD},{GOOD},Cup, red\n{lead}2,{GOOD},Hat\n", options(Mode.LENIENT))
    again = sheets.read(sheets.failed.read_bytes())
    assert again.codes == [(2, "extra_cells")]
    assert again.repairs == []


def test_cancelled_images_are_failures(sheets: Sheets) -> None:
    sheets.report(HEADER + f"1,Shoe,{GOOD}\n", result=lambda row, place: ImageResult(state=ImageState.CANCELLED, error="cancelled"))
    assert cells(sheets.failed.read_bytes())[1][3:] == ["", "1: cancelled"]


def test_a_row_of_too_many_images_says_so_though_the_limit_is_not_known_any_more(sheets: Sheets) -> None:
    many = ", ".join(f"http://a.test/{n}.jpg" for n in range(LIMITS.max_urls_per_row + 1))
    sheets.report(HEADER + f'1,Shoe,"{many}"\n2,Hat,{GOOD}\n', options(Mode.LENIENT))
    reason = "not run: The row has 21 images, more than were taken. Spread them over several rows, or raise HALVE_MAX_URLS_PER_ROW"
    assert [row[4] for row in cells(sheets.output.read_bytes())[1:]] == [reason, ""]
    assert [row[0] for row in cells(sheets.failed.read_bytes())[1:]] == ["1"]


def test_a_row_whose_product_is_not_given_did_not_run(sheets: Sheets) -> None:
    path = sheets.path(HEADER + f"1,Shoe,{GOOD}\n2,Hat,{GOOD}\n")
    with (
        open_sheet(path, "sheet.csv", SheetOptions(), LIMITS) as sheet,
        ReportWriter(sheet, sheets.output, sheets.failed) as writer,
    ):
        writer.feed([])
        writer.feed([product(Row(2, 3, "2", "Hat", (GOOD,)), done)])
        writer.feed([])
    first, second = (row[3:] for row in cells(sheets.output.read_bytes())[1:])
    assert first[0] == ""
    assert first[1].startswith("not run: ")
    assert second == ["images/2-1.jpg", ""]


def test_a_report_is_complete_when_closed_and_may_be_closed_again(sheets: Sheets) -> None:
    path = sheets.path(HEADER + f"1,,{GOOD}\n\n2,Hat,{GOOD}\n,\n")
    with open_sheet(path, "sheet.csv", options(Mode.LENIENT), LIMITS) as sheet:
        writer = ReportWriter(sheet, sheets.output, sheets.failed)
        writer.feed([product(Row(2, 4, "2", "Hat", (GOOD,)), done)])
        writer.close()
        writer.close()
    assert len(sheets.output.read_text().splitlines()) == 5


def test_a_left_over_failures_sheet_is_removed(sheets: Sheets) -> None:
    sheets.failed.write_text("old")
    sheets.report(HEADER + f"1,Shoe,{GOOD}\n")
    assert not sheets.failed.exists()


def test_products_out_of_order_or_of_another_sheet_are_a_defect(sheets: Sheets) -> None:
    path = sheets.path(HEADER + f"1,Shoe,{GOOD}\n2,Hat,{GOOD}\n")
    second = Product(REQUEST, 2, "2", "Hat", (GOOD,), (ImageResult(),))
    with open_sheet(path, "sheet.csv", SheetOptions(), LIMITS) as sheet:
        writer = ReportWriter(sheet, sheets.output, sheets.failed)
        writer.feed([second])
        with pytest.raises(ValueError):
            writer.feed([second])
        writer.close()
    with open_sheet(path, "sheet.csv", SheetOptions(), LIMITS) as sheet:
        writer = ReportWriter(sheet, sheets.output, sheets.failed)
        writer.feed([Product(REQUEST, 3, "3", "Cap", (GOOD,), (ImageResult(),))])
        with pytest.raises(ValueError):
            writer.close()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_a_store_that_failed(sheets: Sheets) -> None:
    path = sheets.path(HEADER + f"1,Shoe,{GOOD}\n")
    with open_sheet(path, "sheet.csv", SheetOptions(), LIMITS) as sheet:
        writer = ReportWriter(sheet, Path("/dev/full"), sheets.failed)
        with pytest.raises(StoreFailed):
            writer.close()
