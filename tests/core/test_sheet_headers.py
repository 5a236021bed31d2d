"""Which headers are understood, how they are named otherwise, and what a preset changes."""

from __future__ import annotations

import pytest

from halve.core.errors import OptionRefused
from halve.core.models import Mode
from halve.core.sheet import headers
from halve.core.sheet.headers import ERRORS, OUTPUT, spelling
from halve.core.sheet.presets import BY_KEY
from halve.core.sheet_options import read_sheet_options
from tests.support.sheets import Sheets, options

SERIAL = ["S. No.", "S.No", "Sr. No.", "Sno", "Serial Number", "serial_number", "#", "id"]
NAME = ["Product Name", "productName", "product", "name", "title"]
IMAGES = ["Input Image Urls", "Input Image URLs", "inputImageUrls", "image_urls", "images", "image links"]


@pytest.mark.parametrize("serial", SERIAL)
@pytest.mark.parametrize("name", NAME)
@pytest.mark.parametrize("images", IMAGES)
def test_every_accepted_header_is_understood(sheets: Sheets, serial: str, name: str, images: str) -> None:
    row = sheets.read(f"{serial},{name},{images}\n7,Shoe,http://a.test/1.jpg\n").rows[0]
    assert (row.serial, row.product_name, row.input_urls) == ("7", "Shoe", ("http://a.test/1.jpg",))


@pytest.mark.parametrize("spelling", [str.upper, str.lower, lambda h: h.replace(" ", "_"), lambda h: f"  {h} ", lambda h: f'"{h}"'])
def test_case_spaces_dots_and_underscores_are_of_no_account(sheets: Sheets, spelling: object) -> None:
    assert callable(spelling)
    headers = [spelling(header) for header in ("S. No.", "Product Name", "Input Image Urls")]
    assert sheets.read(",".join(headers) + "\n7,Shoe,http://a.test/1.jpg\n").rows[0].serial == "7"


def test_a_second_bom_does_not_hide_the_first_header(sheets: Sheets) -> None:
    assert sheets.read("\ufeff\ufeffS. No.,Product Name,Input Image Urls\n7,Shoe,http://a.test/1.jpg\n").rows[0].serial == "7"


@pytest.mark.parametrize("mark", ["\u200b", "\u2060", "\u200e", "\u200f", "\u061c", "\u202a", "\u2067"])
def test_what_nobody_sees_does_not_hide_a_header_or_a_url_and_is_no_name(sheets: Sheets, mark: str) -> None:
    header = f"{mark}S. No.,Product{mark} Name{mark},{mark}Input Image Urls"
    row = sheets.read(f"{header}\n{mark}7,{mark}Shoe,{mark}http://a.test/1.jpg{mark}\n").rows[0]
    assert (row.serial, row.product_name, row.input_urls) == ("7", "Shoe", ("http://a.test/1.jpg",))
    assert [finding.code for finding in sheets.refusal(f"{header}\n7,{mark},http://a.test/1.jpg\n").findings] == ["empty_name"]


@pytest.mark.parametrize("table", [SERIAL, NAME, IMAGES])
def test_of_two_accepted_headers_the_one_further_left_in_the_table_wins(sheets: Sheets, table: list[str]) -> None:
    good = {"S. No.": "7", "Product Name": "Shoe", "Input Image Urls": "http://a.test/good.jpg"}
    main = table[0]
    for other in table[1:]:
        if other.replace(" ", "").replace("_", "").replace(".", "").lower() == main.replace(" ", "").replace(".", "").lower():
            continue
        headers = [other, *good]  # the lesser one stands first in the sheet
        row = sheets.read(",".join(headers) + "\nother," + ",".join(good.values()) + "\n").rows[0]
        assert (row.serial, row.product_name, *row.input_urls) == tuple(good.values())


def test_ties_follow_the_table_and_not_the_sheet(sheets: Sheets) -> None:
    row = sheets.read("id,title,#,product,images\n1,Long title,2,Shoe,http://a.test/1.jpg\n").rows[0]
    assert (row.serial, row.product_name) == ("2", "Shoe")


def test_of_two_headers_spelt_alike_the_first_wins(sheets: Sheets) -> None:
    row = sheets.read("S. No.,Product Name,product_name,images\n1,Shoe,Boot,http://a.test/1.jpg\n").rows[0]
    assert row.product_name == "Shoe"


@pytest.mark.parametrize("missing", ["S. No.", "Product Name", "Input Image Urls"])
def test_a_missing_column_is_named_with_what_would_do_and_what_is_there(sheets: Sheets, missing: str) -> None:
    headers = ["Colour" if header == missing else header for header in ("S. No.", "Product Name", "Input Image Urls")]
    refused = sheets.refusal(",".join(headers) + "\n1,http://a.test/1.jpg,http://a.test/2.jpg\n")
    [finding] = refused.findings
    assert (finding.line, finding.column, finding.code) == (1, missing, "missing_column")
    assert "'Colour'" in finding.message
    accepted = {"S. No.": "Serial Number", "Product Name": "title", "Input Image Urls": "image links"}[missing]
    assert accepted in finding.message


def test_findings_of_the_rows_come_along_with_a_missing_column(sheets: Sheets) -> None:
    refused = sheets.refusal("Product Name,Input Image Urls\n,http://a.test/1.jpg\nShoe,ftp://a.test/1.jpg\n")
    assert [(f.line, f.code) for f in refused.findings] == [(1, "missing_column"), (2, "empty_name"), (3, "unsupported_scheme")]


def test_lenient_mode_needs_the_columns_too(sheets: Sheets) -> None:
    refused = sheets.refusal("Product Name,Input Image Urls\nShoe,http://a.test/1.jpg\n", options(Mode.LENIENT))
    assert refused.code == "missing_column"


def test_a_sheet_without_headers_is_told_so(sheets: Sheets) -> None:
    refused = sheets.refusal("1,Shoe,http://a.test/1.jpg\n2,Hat,http://a.test/2.jpg\n")
    assert [f.code for f in refused.findings] == ["missing_column"] * 3
    assert "put a line of headers above it" in refused.findings[0].message


def test_headers_parted_by_something_else_than_announced_are_told(sheets: Sheets) -> None:
    refused = sheets.refusal("sep=;\nS. No.,Product Name,Input Image Urls\n1,Shoe,http://a.test/1.jpg\n")
    assert "take out what is above the headers" in refused.findings[0].message
    assert "commas, semicolons or tabs" in refused.findings[0].message


@pytest.mark.parametrize("separator", ",;\t|")
def test_quotes_that_make_one_cell_of_each_line_are_told(sheets: Sheets, separator: str) -> None:
    """As a spreadsheet writes lines that it did not part when it read them."""
    lines = [["S. No.", "Product Name", "Input Image Urls"], ["1", '""Shoe""', "http://a.test/1.jpg"]]
    refused = sheets.refusal("".join(f'"{separator.join(line)}"\r\n' for line in lines))
    assert [finding.code for finding in refused.findings] == ["missing_column"] * 3
    assert all("Quotes around the whole line make one cell of it" in finding.message for finding in refused.findings)


REMARK = "# Required | A name, such as Shoe, in up to 150 letters"


@pytest.mark.parametrize(
    ("above", "header"),
    [
        ("Table 1\n", "S. No.,Product Name,Input Image Urls"),
        ("Products of 2026,,\n\n", "S. No.,Product Name,Input Image Urls"),
        ("Info,Version=1.0.0,Template=fx_category,,\n", "id,title,images"),
        (f"{REMARK}\t{REMARK}\t{REMARK}\n", "id\ttitle\timage_link"),
        ("TemplateType=fptcustom\tVersion=2021.1\nSeller SKU\tProduct Name\tMain Image\n", "sku\tname\tbase_image"),
    ],
)
def test_lines_that_hide_the_headers_are_told_with_the_headers_own(sheets: Sheets, above: str, header: str) -> None:
    """As templates of Amazon, eBay and Facebook have them."""
    refused = sheets.refusal(f"{above}{header}\n1,Shoe,http://a.test/1.jpg\n")
    line = above.count("\n") + 1
    for finding in refused.findings:
        if finding.code == "missing_column":
            assert finding.message.endswith(f" The headers are in line {line}: take out what is above it.")
    assert refused.findings[0].code == "missing_column"


def test_columns_are_looked_for_below_as_well(sheets: Sheets) -> None:
    how = options(columns={"name": "item_name", "images": "main_image_url"})
    refused = sheets.refusal("TemplateType=x\tVersion=1\nName\tImage\nitem_name\tmain_image_url\nShoe\thttp://a.test/1.jpg\n", how)
    assert all("The headers are in line 3: " in finding.message for finding in refused.findings)


def test_headers_in_an_encoding_that_is_a_guess_are_told_to_be_one(sheets: Sheets) -> None:
    how = options(columns={"name": "Название", "images": "Фото"})
    sheet = "Название;Фото\r\nЧашка;http://a.test/1.jpg\r\n"
    refused = sheets.refusal(sheet.encode("cp1251"), how)
    assert all(finding.message.endswith(" save the file as CSV UTF-8.") for finding in refused.findings)
    told = sheets.refusal(sheet, options(columns={"name": "Имя", "images": "Фото"}))
    assert not any("UTF-8" in finding.message for finding in told.findings)


# ── columns named by the user ─────────────────────────────────────────────────────────────────────────────────────────


def test_columns_name_any_headers(sheets: Sheets) -> None:
    how = options(columns={"serial": "nr", "name": "ARTIKEL", "images": "Bild"})
    row = sheets.read("Bild;Nr.;Artikel\nhttp://a.test/1.jpg;7;Schuh\n", how).rows[0]
    assert (row.serial, row.product_name, row.input_urls) == ("7", "Schuh", ("http://a.test/1.jpg",))


def test_columns_win_over_accepted_headers(sheets: Sheets) -> None:
    how = options(columns={"name": "Artikel"})
    assert sheets.read("S. No.,Product Name,Artikel,images\n1,a,b,http://a.test/1.jpg\n", how).rows[0].product_name == "b"


def test_with_columns_named_a_serial_is_not_needed(sheets: Sheets) -> None:
    how = options(columns={"name": "Artikel", "images": "Bild"})
    row = sheets.read("Artikel,Bild\nSchuh,http://a.test/1.jpg\n", how).rows[0]
    assert (row.serial, row.product_name) == ("", "Schuh")


def test_with_the_plain_preset_by_name_it_is(sheets: Sheets) -> None:
    how = options(preset="plain", columns={"name": "Artikel", "images": "Bild"})
    assert sheets.refusal("Artikel,Bild\nSchuh,http://a.test/1.jpg\n", how).code == "missing_column"


def test_several_columns_of_images_make_one_list(sheets: Sheets) -> None:
    how = options(columns={"name": "Artikel", "images": "Bild 2 + Bild 1"})
    row = sheets.read("Artikel,Bild 1,Bild 2\nSchuh,http://a.test/1.jpg,http://a.test/2.jpg\n", how).rows[0]
    assert row.input_urls == ("http://a.test/2.jpg", "http://a.test/1.jpg")


@pytest.mark.parametrize(
    ("columns", "headers"),
    [
        (
            "serial=item_sku,name=item_name,images=main_image_url+other_image_url1",
            "item_sku\titem_name\tmain_image_url\tother_image_url1",
        ),
        (
            "serial=Product ID,name=Product Name,images=Product Image URL - 1+Product Image URL - 2",
            "Product ID,Product Name,Product Image URL - 1,Product Image URL - 2",
        ),
        ("serial=CustomLabel,name=*Title,images=PicURL", "CustomLabel,*Title,PicURL,*Description"),
        ("serial=SKU,name=TITLE,images=IMAGE1+IMAGE2", "SKU,TITLE,IMAGE1,IMAGE2"),
        (
            "serial=Product ID,name=Name *,images=Image URLs (x,y,z...)",
            "Product ID;Name *;Image URLs (x,y,z...);Image alt texts (x,y,z...);Categories (x,y,z...)",
        ),
    ],
)
def test_columns_name_those_of_shops_without_a_preset(sheets: Sheets, columns: str, headers: str) -> None:
    separator = next(c for c in "\t;," if c in headers)
    row = ["7", "Shoe", "http://a.test/1.jpg", ""]
    [read] = sheets.read(f"{headers}\n{separator.join(row)}\n", read_sheet_options(columns=columns)).rows
    assert (read.serial, read.product_name, read.input_urls) == ("7", "Shoe", ("http://a.test/1.jpg",))


def test_each_header_is_spelt_out_once_however_many_are_named(sheets: Sheets, monkeypatch: pytest.MonkeyPatch) -> None:
    spelt: list[str] = []

    def listening(header: str) -> str:
        spelt.append(header)
        return spelling(header)

    monkeypatch.setattr(headers, "spelling", listening)
    sheet = ",".join(f"column {n}" for n in range(300)) + "\n1\n"
    refused = sheets.refusal(sheet, options(columns={"images": "+".join(f"picture {n}" for n in range(300))}))
    assert len(refused.findings) > 300
    assert len(spelt) < 5_000


def test_a_header_with_a_plus_in_it_is_one_header(sheets: Sheets) -> None:
    how = options(columns={"name": "Artikel", "images": "Bild+"})
    assert sheets.read("Artikel,Bild+\nSchuh,http://a.test/1.jpg\n", how).total_images == 1


def test_a_named_column_that_is_not_there_is_refused_with_those_that_are(sheets: Sheets) -> None:
    how = options(columns={"name": "Artikel", "images": "Foto"})
    [finding] = sheets.refusal("Artikel,Bild\nSchuh,http://a.test/1.jpg\n", how).findings
    assert (finding.line, finding.column, finding.code) == (1, "Foto", "missing_column")
    assert "'Artikel', 'Bild'" in finding.message


def test_findings_name_the_sheets_own_header(sheets: Sheets) -> None:
    how = options(columns={"name": "artikel", "images": "bild"})
    read = sheets.read("Artikel,Bild\n,ftp://a.test/1.jpg\n", how)
    assert [f.column for f in read.findings] == ["Artikel", "Bild"]


@pytest.mark.parametrize("columns", [{"images": "Output Image Urls"}, {"images": "b+output_image_urls"}, {"name": "Image Errors"}])
def test_a_column_that_is_read_cannot_be_one_that_is_written(sheets: Sheets, columns: dict[str, str]) -> None:
    """It would be replaced in place, and the user's input with it."""
    how = options(columns={"name": "a", "images": "b", **columns})
    with pytest.raises(OptionRefused, match=r"(?i)'(output image urls|image errors)'") as refused:
        sheets.read("a,b,Output Image Urls,Image Errors\nShoe,http://a.test/1.jpg,http://a.test/2.jpg,c\n", how)
    assert (refused.value.field, refused.value.code) == ("columns", "option_refused")


def test_no_header_that_is_found_by_itself_is_one_that_is_written() -> None:
    accepted = [name for preset in BY_KEY.values() for names in (preset.serial, preset.name, *preset.images) for name in names]
    assert not {spelling(OUTPUT), spelling(ERRORS)} & set(map(spelling, accepted))


# ── presets ───────────────────────────────────────────────────────────────────────────────────────────────────────────


SHOPIFY = (
    "Handle,Title,Vendor,Image Src,Variant Image\n"
    "shoe,Running Shoe,V,http://a.test/1.jpg,http://a.test/2.jpg\n"
    "shoe,,,http://a.test/3.jpg,\n"
    "shoe,,,,http://a.test/4.jpg\n"
    "shoe,,,,\n"
    "hat,Hat,V,,\n"
    "cap,Cap,V,http://a.test/5.jpg,\n"
)


def test_shopify_rows_of_one_product_share_its_title(sheets: Sheets) -> None:
    read = sheets.read(SHOPIFY)
    assert read.preset == "shopify"
    assert [(r.row, r.line, r.serial, r.product_name, r.input_urls) for r in read.rows] == [
        (1, 2, "shoe", "Running Shoe", ("http://a.test/1.jpg", "http://a.test/2.jpg")),
        (2, 3, "shoe", "Running Shoe", ("http://a.test/3.jpg",)),
        (3, 4, "shoe", "Running Shoe", ("http://a.test/4.jpg",)),
        (6, 7, "cap", "Cap", ("http://a.test/5.jpg",)),
    ]
    assert (read.total_rows, read.failed_rows, read.total_images, read.refused) == (6, 0, 5, ())


def test_shopify_inherits_from_a_row_without_image_too(sheets: Sheets) -> None:
    read = sheets.read("Handle,Title,Image Src\nshoe,Shoe,\nshoe,,http://a.test/1.jpg\nhat,,http://a.test/2.jpg\n")
    assert [row.product_name for row in read.rows] == ["Shoe", "hat"]


def test_shopify_rows_inherit_no_more_than_a_title_may_have(sheets: Sheets) -> None:
    title, handle = "s" * 100_000, "h" * 100_000
    read = sheets.read(
        f"Handle,Title,Image Src\nshoe,{title},http://a.test/1.jpg\nshoe,,http://a.test/2.jpg\n"
        f"{handle},Hat,http://a.test/3.jpg\n{handle},,http://a.test/4.jpg\n"
    )
    assert [row.product_name for row in read.rows] == [title, title[:255], "Hat", handle]


def test_shopify_under_its_newer_headers(sheets: Sheets) -> None:
    read = sheets.read("Title,URL handle,Product image URL,Variant image URL\nShoe,shoe,http://a.test/1.jpg,http://a.test/2.jpg\n")
    assert (read.preset, read.rows[0].serial, read.total_images) == ("shopify", "shoe", 2)


def test_woocommerce(sheets: Sheets) -> None:
    read = sheets.read(
        "ID,Type,SKU,Name,Published,Images\n"
        '10,variable,A-1,Shoe,1,"http://a.test/1.jpg, http://a.test/2.jpg"\n'
        "11,variation,A-2,,1,\n"
        "12,variation,A-3,,1,http://a.test/3.jpg\n"
    )
    assert (read.preset, read.refused) == ("woocommerce", ())
    assert [(r.row, r.serial, r.product_name) for r in read.rows] == [(1, "10", "Shoe"), (3, "12", "12")]


def test_woocommerce_without_serial(sheets: Sheets) -> None:
    assert sheets.read("Name,Images\nShoe,http://a.test/1.jpg\nHat,\n").preset == "woocommerce"


def test_a_plain_sheet_with_the_header_images_stays_plain(sheets: Sheets) -> None:
    read = sheets.read("id,name,images\n1,Shoe,\n2,Hat,http://a.test/1.jpg\n")
    assert read.preset == "plain"
    assert read.codes == [(2, "no_url")]


def test_a_plain_sheet_stays_plain_in_woocommerces_company(sheets: Sheets) -> None:
    """Where a row without image is a mistake, it is one whatever other columns there are."""
    read = sheets.read("S. No.,Name,Images,Categories,SKU\n1,Shoe,,Feet,A-1\n2,Hat,http://a.test/1.jpg,Heads,A-2\n")
    assert (read.preset, read.codes) == ("plain", [(2, "no_url")])
    assert read.rows[0].serial == "2"


def test_google(sheets: Sheets) -> None:
    read = sheets.read(
        "id\ttitle\timage link\tadditional image link\n"
        "G1\tShoe\thttp://a.test/1.jpg\thttp://a.test/2.jpg,http://a.test/3.jpg\n"
        "G2\tHat\t\t\n"
    )
    assert (read.preset, read.refused) == ("google", ())
    assert read.urls == [("http://a.test/1.jpg", "http://a.test/2.jpg", "http://a.test/3.jpg")]


def test_magento(sheets: Sheets) -> None:
    read = sheets.read(
        "sku,store_view_code,name,base_image,additional_images\n"
        'M1,,Shoe,http://a.test/1.jpg,"http://a.test/2.jpg,http://a.test/3.jpg"\n'
        "M1,de,,,\n"
    )
    assert (read.preset, read.refused) == ("magento", ())
    assert (read.rows[0].serial, read.total_images) == ("M1", 3)


def test_the_main_image_comes_first_wherever_its_column_stands(sheets: Sheets) -> None:
    read = sheets.read("additional_image_link,image_link,id,title\nhttp://a.test/2.jpg,http://a.test/1.jpg,1,Shoe\n")
    assert read.urls == [("http://a.test/1.jpg", "http://a.test/2.jpg")]


def test_a_preset_by_name_names_its_own_missing_columns(sheets: Sheets) -> None:
    refused = sheets.refusal("Handle,Name,Picture\nshoe,Shoe,http://a.test/1.jpg\n", options(preset="shopify"))
    assert [(f.column, f.code) for f in refused.findings] == [("Image Src", "missing_column")]


def test_columns_override_a_preset(sheets: Sheets) -> None:
    read = sheets.read(SHOPIFY, options(columns={"images": "Variant Image"}))
    assert (read.preset, read.total_images) == ("shopify", 2)


def test_what_is_wrong_in_a_preset_is_found_all_the_same(sheets: Sheets) -> None:
    read = sheets.read("Handle,Title,Image Src,Variant Image\nshoe,Shoe,ftp://a.test/1.jpg,/local/2.jpg\n,,http://a.test/3.jpg,\n")
    assert [(f.line, f.column, f.code) for f in read.findings] == [
        (2, "Image Src", "unsupported_scheme"),
        (2, "Variant Image", "no_url"),
        (3, "Title", "empty_name"),
    ]


@pytest.mark.parametrize("mode", list(Mode))
def test_a_shop_without_a_single_image_is_refused(sheets: Sheets, mode: Mode) -> None:
    refused = sheets.refusal("Handle,Title,Image Src\nshoe,Shoe,\n", options(mode))
    assert [(f.column, f.code) for f in refused.findings] == [("Image Src", "no_url")]
