"""Cells of images: where one URL ends and the next begins, which can be downloaded, and lists that spilled over."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from halve.core.models import Mode
from halve.core.sheet import spills
from halve.core.sheet.records import value
from halve.core.sheet.urls import read_urls, split_urls
from tests.support.sheets import HEADER, Sheets, options
from tests.support.sheets import cells as cells_of

A, B, C = "http://a.test/1.jpg", "https://b.test/2.jpg?x=1,2", "http://c.test/w_100,h_200/3.jpg"


@pytest.mark.parametrize(
    ("cell", "parts"),
    [
        ("", []),
        (" \t\n ", []),
        (A, [A]),
        (f"  {A}\n", [A]),
        (f"{A},{B}", [A, B]),
        (f"{A}, {B} ,{C}", [A, B, C]),
        (f"{A}\n{B}", [A, B]),
        (f"{A}\r\n{B}\r\n", [A, B]),
        (f"{A}\r{B}", [A, B]),
        (f"{A}|{B} | {C}", [A, B, C]),
        (f"{C},{C}", [C, C]),
        (f"{A},,{B},", [A, B]),
        (f",{A}", [A]),
        (f"{A} ,\n\t{B}|", [A, B]),
        (f'"{A}", "{B}"', [A, B]),
        (f"'{A}'\n'{B}'", [A, B]),
        (f'"{A}, {B}"', [A, B]),
        (f" '{A}|{B}'\n", [A, B]),
        (f"\u201c{A}\n{B}\u201d", [A, B]),
        (f"{A},{A}'", [A, f"{A}'"]),
        (f"\u200b{A}\ufeff,\u00a0{B}", [A, B]),
        (f"\u200e{A}\u200e,\u202a{B}\u202c", [A, B]),
        (f"{A},ftp://d.test/4.jpg,{B}", [A, "ftp://d.test/4.jpg", B]),
        (f"{A};{B}", [f"{A};{B}"]),
        (f"{A} {B}", [f"{A} {B}"]),
        (f"https://proxy.test/?u={A}", [f"https://proxy.test/?u={A}"]),
        (f"https://proxy.test/fetch/{A}", [f"https://proxy.test/fetch/{A}"]),
        (f"https://proxy.test/w_1,{A}", ["https://proxy.test/w_1", A]),
        ("http://a.test/a|b.jpg", ["http://a.test/a|b.jpg"]),
        ("HTTP://A.test/1.JPG,HttpS://b.test/", ["HTTP://A.test/1.JPG", "HttpS://b.test/"]),
        (f"{A} ! alt :  ! title : 1.jpg ! desc :  ! caption : | {C} ! alt : a, b | c ! title : 3.jpg", [A, C]),
        (f"{A}!/ ! alt", [f"{A}!/ ! alt"]),
        (f"picture, {A}", ["picture", A]),
        (f"see {A}", [f"see {A}"]),
        ("a, b, c", ["a, b, c"]),
    ],
)
def test_a_cell_is_cut_only_where_a_scheme_follows(cell: str, parts: list[str]) -> None:
    assert split_urls(cell) == parts


PATH = st.text("abcXYZ019._~%-,|;:@&=+$!*'()/?#[]", max_size=30).map(lambda path: ("p/" + path.rstrip(",|'")).replace("//", "/"))
URL = st.builds(
    lambda scheme, host, path: f"{scheme}://{host}.test/{path}",
    st.sampled_from(["http", "https", "HTTPS"]),
    st.from_regex(r"[a-z][a-z0-9-]{0,8}", fullmatch=True),
    PATH,
)
SEPARATOR = st.sampled_from([",", ", ", " ,", "|", " | ", "\n", "\r\n", ",\n", " ,  \n "])


@given(st.lists(URL, min_size=1, max_size=6), st.data())
def test_urls_come_out_of_a_cell_as_they_went_in(urls: list[str], data: st.DataObject) -> None:
    cell = urls[0]
    for url in urls[1:]:
        cell += data.draw(SEPARATOR) + url
    assert read_urls(cell, 2, "images") == (urls, [])
    assert split_urls(cell) == urls


@pytest.mark.parametrize(
    "url",
    [
        "http://a.test",
        "https://a.test:8443/x",
        "http://user:pass@a.test/x.jpg",
        "http://127.0.0.1:9/x",
        "http://[::1]:80/x",
        "http://[2001:db8::1]/x.jpg",
        "http://localhost/x",
        "https://bücher.test/größe.jpg",
        "https://a.test/\u06a9\u0641\u0634\u200c\u0647\u0627.jpg",
        "https://a.test/\U0001f469\u200d\U0001f467.jpg",
        "https://a.test/\U0001fa77.jpg",
        "https://a.test/my photo (1).jpg",
        "https://a.test/%E2%82%AC.jpg#top",
        "http://a.test./x",
        "http://a_b.test/x",
        "http://a.test?x=http://b.test",
        "http://a.test/1.jpg;v=2?x=1;y=http://b.test",
        "https://a.test/" + "x" * 8_100,
    ],
)
def test_urls_that_browsers_take_are_taken(url: str) -> None:
    assert read_urls(url, 2, "images") == ([url], [])


@pytest.mark.parametrize(
    ("cell", "code"),
    [
        ("ftp://a.test/1.jpg", "unsupported_scheme"),
        ("FILE:///c/1.jpg", "unsupported_scheme"),
        ("s3://bucket/1.jpg", "unsupported_scheme"),
        ("data:image/png;base64,AAAA", "unsupported_scheme"),
        ("n/a", "no_url"),
        ("www.a.test/1.jpg", "no_url"),
        ("C:\\pictures\\1.jpg", "no_url"),
        ("http:/a.test/1.jpg", "bad_url"),
        ("http://", "bad_url"),
        ("http:///1.jpg", "bad_url"),
        ("http://?x", "bad_url"),
        ("http://:80/x", "bad_url"),
        ("http://a..test/x", "bad_url"),
        ("http://.test/x", "bad_url"),
        ("http://a b.test/x", "bad_url"),
        ("http://a.test:99999/x", "bad_url"),
        ("http://a.test:0/x", "bad_url"),
        ("http://a.test:port/x", "bad_url"),
        ("http://[::1/x", "bad_url"),
        ("http://[zz]/x", "bad_url"),
        ("http://a.test\\x", "bad_url"),
        ("http://a.test/1\tx.jpg", "bad_url"),
        ("http://a.test/1\nx.jpg", "bad_url"),
        ("http://a.test/1.jpg http://a.test/2.jpg", "bad_url"),
        ("http://a.test/1.jpg;http://a.test/2.jpg", "bad_url"),
        ("http://a.test/1.jpg;HTTPS://a.test/2.jpg", "bad_url"),
        ("http://http://a.test/1.jpg", "bad_url"),
        ("HTTPS://http://a.test/1.jpg", "bad_url"),
        ("see http://a.test/1.jpg", "bad_url"),
        ("://a.test/1.jpg", "bad_url"),
        ("https://a.test/" + "x" * 8_192, "url_too_long"),
    ],
)
def test_what_cannot_be_downloaded_is_a_finding(cell: str, code: str) -> None:
    urls, [finding] = read_urls(cell, 7, "images")
    assert (urls, finding.line, finding.column, finding.code) == ([], 7, "images", code)
    assert len(finding.message) < 400
    assert finding.message.isascii()


@pytest.mark.parametrize("separator", [";", "; ", "\uff1b", "\uff0c", "\u3001", "\uff5c", " "])
def test_a_list_parted_by_what_cuts_no_cell_is_found_before_it_is_fetched_as_one_url(separator: str) -> None:
    urls, [finding] = read_urls(f"{A}{separator}{C}", 2, "images")
    assert (urls, finding.code) == ([], "bad_url")
    assert "holds several URLs; separate them with commas" in finding.message


def test_each_bad_url_of_a_row_is_a_finding_and_the_row_does_not_run(sheets: Sheets) -> None:
    read = sheets.read(HEADER + f'1,Shoe,"{A}, ftp://a.test/2.jpg, http:///3, {B}"\n2,Hat,{A}\n', options(Mode.LENIENT))
    assert read.codes == [(2, "unsupported_scheme"), (2, "bad_url")]
    assert [row.row for row in read.rows] == [2]


def test_of_a_cell_with_parts_without_number_none_is_told_apart(sheets: Sheets) -> None:
    """All that is wrong with the row is that they are too many; a finding for each would take hundreds of megabytes."""
    cell = ",".join(["ftp://a.test"] * 30_000)
    urls, wrong = read_urls(cell, 2, "images", 100)
    assert (len(urls), wrong) == (30_000, [])
    read = sheets.read(HEADER + f'1,Shoe,"{cell}"\n2,,"{cell}"\n3,Hat,{A}\n', options(Mode.LENIENT))
    assert read.codes == [(2, "too_many_urls"), (3, "empty_name"), (3, "too_many_urls")]
    assert "30,000 images" in read.findings[0].message


@given(st.text("htps:/,|\n\r .'\"a1", max_size=60))
def test_no_part_of_a_cell_is_lost_in_cutting_it(cell: str) -> None:
    def bare(text: str) -> str:
        return "".join(c for c in text if c not in " ,|\n\r\"'")

    assert "".join(map(bare, split_urls(cell))) == bare(cell)


# ── lists that spilled ────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("row", "urls"),
    [
        (f"1,Shoe,{A},http://b.test/2.jpg", (A, "http://b.test/2.jpg")),
        (f"1,Shoe,{A}, http://b.test/2.jpg ,http://c.test/3", (A, "http://b.test/2.jpg", "http://c.test/3")),
        (f"1,Shoe,{A},,http://b.test/2.jpg,,", (A, "http://b.test/2.jpg")),
        (f"1,Shoe,{C}", (C,)),
        (f"1,Shoe,{C},{A},{C}", (C, A, C)),
        ("1,Shoe,http://a.test/w_1,h_2,c_fill/x.jpg", ("http://a.test/w_1,h_2,c_fill/x.jpg",)),
        ("1,Shoe,http://a.test/x,y.jpg", ("http://a.test/x,y.jpg",)),
        (f'1,Shoe,"{A}",{A}', (A, A)),
        (f"1,Shoe,{A},ftp://a.test/2.jpg", None),
    ],
)
def test_a_spilled_list_is_joined_and_reported_as_a_repair(sheets: Sheets, row: str, urls: tuple[str, ...] | None) -> None:
    read = sheets.read(HEADER + row + "\n")
    assert [(f.line, f.column, f.code) for f in read.repairs] == [(2, "Input Image Urls", "joined_list")]
    assert read.urls == ([] if urls is None else [urls])
    assert read.codes == ([(2, "unsupported_scheme")] if urls is None else [])


@pytest.mark.parametrize(("beyond", "most"), [(["x"], 200), ([""] * 40, 20_000), ([""] * 3_000, 20_000), (["x"] * 3_000, 20_000)])
def test_a_row_with_cells_too_many_is_gone_through_a_few_times_however_many_columns_of_images_there_are(
    sheets: Sheets, monkeypatch: pytest.MonkeyPatch, beyond: list[str], most: int
) -> None:
    looked_at = 0

    def counting(field: str) -> str:
        nonlocal looked_at
        looked_at += 1
        return value(field)

    monkeypatch.setattr(spills, "value", counting)
    names = [f"image {n}" for n in range(100)]
    sheet = ",".join(["name", *names]) + "\n" + ",".join(["Shoe", *[A] * 100, *beyond]) + "\n"
    sheets.read(sheet, options(columns={"name": "name", "images": "+".join(names)}))
    assert looked_at < most


def test_a_list_may_spill_in_any_column_of_images(sheets: Sheets) -> None:
    read = sheets.read(f"S. No.,Input Image Urls,Product Name\n1,{A},{A},{A},Shoe\n2,{A},Hat\n")
    assert [(row.product_name, len(row.input_urls)) for row in read.rows] == [("Shoe", 3), ("Hat", 1)]


@pytest.mark.parametrize(
    ("headers", "row", "read_as"),
    [
        ("S. No.,Input Image Urls,Product Name,Price,Note", f"1,{A},{A},Shoe", ("1", "Shoe", 2)),
        ("S. No.,Input Image Urls,Product Name,Price,Note,More", f"1,{A},{A},{A},Shoe", ("1", "Shoe", 3)),
        ("Product Name,Input Image Urls,S. No.,Price,Note", f"Shoe,{A},{A},7", ("7", "Shoe", 2)),
        ("Input Image Urls,S. No.,Product Name,Price,Note", f"{A},{A},7,Shoe", ("7", "Shoe", 2)),
    ],
)
def test_a_list_that_spilled_in_a_row_shorter_than_the_header_leaves_no_link_for_a_name(
    sheets: Sheets, headers: str, row: str, read_as: tuple[str, str, int]
) -> None:
    read = sheets.read(f"{headers}\n{row}\n")
    assert [(row.serial, row.product_name, len(row.input_urls)) for row in read.rows] == [read_as]
    assert [(f.line, f.column, f.code) for f in read.repairs] == [(2, "Input Image Urls", "joined_list")]


def test_a_row_that_quotes_made_one_cell_of_is_parted_again_and_reported(sheets: Sheets) -> None:
    """As Excel writes a sheet with commas where semicolons part cells: every line is one cell, and in quotes if it has some."""
    lines = [f'1,"Shoe, ""red""","{A}, {A}"', f"2,Hat,{A}", f'3,Cap,"{A}\n{A}"']
    written = ['"' + line.replace('"', '""') + '"' if '"' in line else line for line in lines]
    read = sheets.read(HEADER + "\r\n".join(written) + "\r\n")
    assert [(row.serial, row.product_name, len(row.input_urls)) for row in read.rows] == [
        *[("1", 'Shoe, "red"', 2), ("2", "Hat", 1), ("3", "Cap", 2)]
    ]
    assert [(f.line, f.column, f.code) for f in read.repairs] == [(2, "", "unwrapped_row"), (4, "", "unwrapped_row")]


@pytest.mark.parametrize(
    ("header", "row"),
    [
        (HEADER, f'"1,Shoe,{A},5"'),  # a cell too many
        (HEADER, f'"1,{A}"'),  # and one too few
        (HEADER, '"1,Shoe,none"'),  # no image
        (HEADER, f'"1,Shoe,{A}\n2,Hat,{A}"'),  # two rows
        (HEADER, f'"1,Shoe,""{A}"'),  # a quote that nothing closes
        ("Input Image Urls,Product Name,S. No.\n", f'"{A},Shoe,1"'),  # a cell of images, and no name
    ],
)
def test_a_row_of_one_cell_that_may_be_meant_so_stays_one(sheets: Sheets, header: str, row: str) -> None:
    read = sheets.read(f"{header}{row}\n")
    assert (read.rows, read.repairs) == ([], [])
    assert {line for line, _ in read.codes} == {2}


@pytest.mark.parametrize("row", [f"1,{A},{A}", f"1,{A},{A},", f"1,{A},{A},{A}", f"1,{A},{A},Shoe,5", f"1,{A},Shoe,{A}"])
def test_a_link_is_a_name_where_nothing_else_could_be(sheets: Sheets, row: str) -> None:
    read = sheets.read(f"S. No.,Input Image Urls,Product Name,Price,Note\n{row}\n")
    assert (read.urls, read.repairs) == ([(A,)], [])


def test_a_list_that_a_spreadsheet_gave_columns_without_header_is_joined(sheets: Sheets) -> None:
    read = sheets.read(f"S. No.,Product Name,Input Image Urls,,,Price\n1,Shoe,{A},{A},{A},5\n2,Hat,{A},,,6\n3,Cap,{A},note,,7\n")
    assert [len(row.input_urls) for row in read.rows] == [3, 1, 1]
    assert [(f.line, f.code) for f in read.repairs] == [(2, "joined_list")]


def test_such_a_list_is_joined_too_where_empty_cells_are_dropped(sheets: Sheets) -> None:
    read = sheets.read(f"S. No.,Product Name,Input Image Urls,,Price\n1,Shoe,{A},{A},5,,\n2,Hat,{A},,6,,\n")
    assert [len(row.input_urls) for row in read.rows] == [2, 1]
    assert [(f.line, f.code) for f in read.repairs] == [(2, "joined_list"), (3, "dropped_cells")]


@pytest.mark.parametrize(
    "row",
    [
        f"1,Shoe, red,{A}",
        f"1,Shoe,{A},red",
        f"1,Shoe,{A},see below",
        f"1,Shoe,{A},19.99",
        "1,Shoe,http://a.test/1,01/02/2024",
        f"1,Shoe,,{A}",
    ],
)
def test_other_cells_too_many_are_a_finding_and_never_guessed_at(sheets: Sheets, row: str) -> None:
    read = sheets.read(HEADER + row + "\n")
    assert [(f.line, f.code) for f in read.findings] == [(2, "extra_cells")]
    assert read.repairs == []


@pytest.mark.parametrize(
    ("ours", "row", "code"),
    [
        ("Output Image Urls", f"{A},{A},{A}", "extra_cells"),
        ("Output Image Urls,Image Errors", f"{A},{A},{A},{A}", "extra_cells"),
        ("Output Image Urls,Image Errors", f"{A},{A},{A},", ""),
        ("Output Image Urls,Image Errors", f"{A},{A},,", ""),
        ("Output Image Urls,Image Errors", f"{A},{A},images/1.jpg,2: timeout", ""),
    ],
)
def test_no_url_of_a_spilled_list_is_overwritten_by_results(sheets: Sheets, ours: str, row: str, code: str) -> None:
    read = sheets.read(f"S. No.,Product Name,Input Image Urls,{ours}\n1,Shoe,{row}\n")
    assert read.codes == ([(2, code)] if code else [])
    assert read.urls == ([] if code else [(A, A)])


def test_cells_of_other_columns_are_never_taken_for_a_spilled_list(sheets: Sheets) -> None:
    read = sheets.read(f"S. No.,Product Name,Input Image Urls,Page\n1,Shoe,{A},http://shop.test/shoe\n")
    assert read.urls == [(A,)]
    assert read.repairs == []


def test_empty_cells_too_many_are_dropped_and_reported(sheets: Sheets) -> None:
    read = sheets.read(HEADER + f"1,Shoe,{A},,\n")
    assert read.urls == [(A,)]
    assert [f.code for f in read.repairs] == ["dropped_cells"]


@pytest.mark.parametrize(
    ("row", "images", "cells"),
    [
        (f"{A},{A},9.99,red,", 2, ["9.99", "red", ""]),
        (f"{A},{A},9.99,,,,", 2, ["9.99", "", ""]),
        (f"{A},{A},,red,,", 2, ["", "red", ""]),
        (f"{A},{A},{A},,red,,,", 3, ["", "red", ""]),
        (f"{A},,{A},,,,", 2, ["", "", ""]),
        (f"{A},http://b.test/2,,red,,", 2, ["", "red", ""]),
    ],
)
def test_a_list_in_a_row_that_ends_in_empty_cells_moves_no_cell_of_another_column(
    sheets: Sheets, row: str, images: int, cells: list[str]
) -> None:
    sheet = f"S. No.,Product Name,Input Image Urls,Price,Colour,Note\n1,Shoe,{row}\n"
    read = sheets.read(sheet)
    assert [len(urls) for urls in read.urls] == [images]
    assert [f.code for f in read.repairs] == ["joined_list"]
    sheets.report(sheet)
    assert cells_of(sheets.output.read_bytes())[1][3:6] == cells


def test_a_list_whose_last_url_may_have_been_cut_at_a_comma_is_not_told_from_the_cells_behind_it(sheets: Sheets) -> None:
    read = sheets.read(f"S. No.,Input Image Urls,Product Name,Note\n1,{A},http://b.test/w_1,h_2/x.jpg,Shoe,,\n")
    assert read.codes == [(2, "extra_cells")]


@pytest.mark.parametrize("row", [f"{C},", f"{C},,", "http://a.test/w_1,h_2,c_fill/x.jpg,,"])
def test_a_url_cut_at_its_commas_is_not_run_as_half_of_one(sheets: Sheets, row: str) -> None:
    """The empty cells at the row's end hide that it has too many; a note that is no path does not count as the URL's rest."""
    columns = "Note,Price" if row.count(",") > 2 else "Note"
    read = sheets.read(f"S. No.,Product Name,Input Image Urls,{columns}\n1,Shoe,{row}\n")
    assert (read.codes, read.repairs) == ([(2, "extra_cells")], [])
    read = sheets.read("S. No.,Product Name,Input Image Urls,File\n1,Shoe,http://a.test/1,shoe.jpg,\n2,Hat,http://a.test/2,n/a,\n")
    assert [f.code for f in read.repairs] == ["dropped_cells", "dropped_cells"]


def test_a_path_of_a_run_before_is_not_the_rest_of_a_url_in_a_row_that_ends_in_empty_cells(sheets: Sheets) -> None:
    """As somebody leaves it who has put a note beside the errors, and taken it out again."""
    header = "S. No.,Product Name,Input Image Urls,Output Image Urls,Image Errors\n"
    read = sheets.read(f"{header}1,Shoe,http://a.test/1?size=9,images/1-shoe-1.jpg,,\n2,Hat,http://a.test/w_1,h_2/x.jpg,,\n")
    assert read.codes == [(3, "extra_cells")]
    assert [(f.line, f.code) for f in read.repairs] == [(2, "dropped_cells")]


FEED = "id,title,image_link,additional_image_link,availability,price\n"


@pytest.mark.parametrize("row", [f"{A},{A},in stock,5", f"{A},{A},,", f'{A},"{A}, {A}",in stock,', f"{A},,in stock,5"])
def test_separators_at_a_rows_end_make_no_list_of_images_that_stand_in_columns_of_their_own(sheets: Sheets, row: str) -> None:
    for end in (",", ",,", ',""'):
        read = sheets.read(f"{FEED}1,Shoe,{row}{end}\n")
        assert [f.code for f in read.repairs] == ["dropped_cells"]
        assert [len(urls) for urls in read.urls] == [row.count("http")]
        sheets.report(f"{FEED}1,Shoe,{row}{end}\n")
        written = sheets.output.read_bytes()
        assert written.splitlines()[1].startswith(f"1,Shoe,{row},".encode())
        assert len(cells_of(written)[1]) == 8


@pytest.mark.parametrize("header", ["link", "Product URL", "product_url", "Website"])
def test_nor_of_an_image_and_the_link_to_its_products_page(sheets: Sheets, header: str) -> None:
    read = sheets.read(
        f"S. No.,Product Name,Input Image Urls,{header},Price\n1,Shoe,{A},http://a.test/shoe,5,\n2,Hat,{A},{A},{A},,\n"
    )
    assert [f.code for f in read.repairs] == ["dropped_cells", "joined_list"]
    assert [len(urls) for urls in read.urls] == [1, 3]


def test_nor_does_a_comma_in_a_price_behind_them(sheets: Sheets) -> None:
    read = sheets.read(f"{FEED}1,Shoe,{A},{A},in stock,3,50\n")
    assert (read.codes, read.repairs) == ([(2, "extra_cells")], [])


def test_a_list_spills_in_either_of_two_columns_of_images(sheets: Sheets) -> None:
    read = sheets.read(f"{FEED}1,Shoe,{A},{A},{A},in stock,5\n2,Hat,{A},{A},,in stock,5\n3,Cap,{A},{A},{A},{A},,in stock,\n")
    assert [f.code for f in read.repairs] == ["joined_list"] * 3
    assert [len(urls) for urls in read.urls] == [3, 2, 4]


def test_a_list_spills_at_semicolons_and_tabs_too(sheets: Sheets) -> None:
    for separator in ";\t|":
        sheet = (HEADER + f"1,Shoe,{A},{A}\n").replace(",", separator)
        read = sheets.read(sheet)
        assert (read.urls, [f.code for f in read.repairs]) == ([(A, A)], ["joined_list"])


def test_short_rows_lack_what_they_lack(sheets: Sheets) -> None:
    read = sheets.read(HEADER + f"1\n2,Hat\n3,Cap,{A}\n")
    assert read.codes == [(2, "empty_name"), (2, "no_url"), (3, "no_url")]


@pytest.mark.parametrize(
    ("port", "good"), [(1, True), (9999, True), (64999, True), (65000, True), (65535, True), (65536, False), (0, False)]
)
def test_every_port_there_is_and_no_other(port: int, good: bool) -> None:
    urls, wrong = read_urls(f"http://shop.example:{port}/a.jpg", 2, "Images")
    assert (len(urls), len(wrong)) == ((1, 0) if good else (0, 1))
