"""Names of stored things: the same for the same thing, never the same for two, and safe anywhere."""

from __future__ import annotations

import re
from dataclasses import replace
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from halve.core.models import ImageResult, Product, Request, SheetOptions
from halve.core.naming import (
    CONTENT_TYPES,
    EXTENSIONS,
    content_type,
    file_id,
    image_key,
    key_of,
    link_token,
    new_folder,
    new_secret,
    sheet_key,
)
from halve.core.options import Options


def request(secret: str = "ab" * 32, folder: str = "0123456789abcdef") -> Request:
    return Request(UUID(int=7), "", "sheet.csv", folder, secret, Options(), SheetOptions())


def product(row: int = 3, serial: str = "", name: str = "Shoe", *urls: str) -> Product:
    urls = urls or ("http://a.test/1.jpg", "http://a.test/2.jpg")
    return Product(UUID(int=7), row, serial, name, urls, tuple(ImageResult() for _ in urls))


def test_a_secret_name_follows_from_request_row_and_place_alone() -> None:
    first = image_key(request(), product(3, "1", "Shoe"), 1, "jpeg")
    assert first == image_key(request(), product(3, "other", "other"), 1, "jpeg")
    others = [
        image_key(request(), product(3), 2, "jpeg"),
        image_key(request(), product(4), 1, "jpeg"),
        image_key(request(new_secret()), product(3), 1, "jpeg"),
    ]
    assert len({first, *others}) == 4


def test_secret_names_tell_nothing_of_what_they_name() -> None:
    key = image_key(request(), product(3, "SECRET", "Prototype"), 1, "webp")
    assert re.fullmatch(r"0123456789abcdef/[0-9a-f]{24}\.webp", key)


@pytest.mark.parametrize("format", sorted(EXTENSIONS))
def test_the_id_in_a_link_leads_back_to_the_key(format: str) -> None:
    key = image_key(request(), product(), 1, format)
    assert key_of(file_id(key)) == key
    assert content_type(key).startswith("image/")


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        "x",
        "../../etc/passwd",
        "0123456789abcdef-..%2f",
        "0123456789abcdef/" + "a" * 24 + ".jpg",
        "0123456789abcdef-" + "a" * 24,
        "0123456789abcdef-" + "a" * 24 + ".jpg\n",
        "0123456789ABCDEF-" + "a" * 24 + ".jpg",
        "0123456789abcdef-" + "a" * 23 + ".jpg",
    ],
)
def test_what_cannot_be_the_id_of_an_image_leads_nowhere(wrong: str) -> None:
    assert key_of(wrong) is None


def test_sheets_and_link_tokens_have_names_of_their_own() -> None:
    keys = {sheet_key(request(), which) for which in ("input", "output", "failed")}
    tokens = {key.rpartition("/")[2].partition(".")[0] for key in keys} | {link_token(request())}
    assert len(tokens) == 4
    assert sheet_key(request(), "input", "gz").endswith(".gz")
    assert content_type("x.csv") == "text/csv"
    assert content_type("x.exe") == "application/octet-stream"


def test_every_extension_has_a_media_type() -> None:
    assert set(EXTENSIONS.values()) <= set(CONTENT_TYPES)


def test_folders_and_secrets_are_random() -> None:
    assert len({new_folder() for _ in range(50)}) == len({new_secret() for _ in range(50)}) == 50


READABLE = request("", "images")


def test_readable_names_have_serial_product_and_position() -> None:
    key = image_key(READABLE, product(3, "SKU 7", "Running Shoe (blue)"), 2, "jpeg")
    assert key == "images/sku-7_3-running-shoe-blue-2.jpg"
    assert image_key(READABLE, product(3, "3", "Shoe"), 1, "png") == "images/3-shoe-1.png"


def test_a_product_without_a_name_in_letters_is_called_by_its_original() -> None:
    named = product(3, "", "***", "http://a.test/p/Blue%20Shoe.jpeg?x=1")
    assert image_key(READABLE, named, 1, "jpeg") == "images/3-blue-shoe-1.jpg"
    assert image_key(READABLE, product(3, "", "", "http://a.test/"), 1, "jpeg") == "images/3-image-1.jpg"


@pytest.mark.parametrize("letter", ["a", "é", "靴", "𠮷", "İ"])
def test_readable_names_fit_in_what_file_systems_take(letter: str) -> None:
    key = image_key(READABLE, product(1_000_000, letter * 500, letter * 500), 100, "jpeg")
    assert len(key.rpartition("/")[2].encode()) <= 255


def test_readable_names_of_a_windows_sheet_can_be_written_in_it() -> None:
    every = bytes(code for code in range(0x80, 0x100) if code not in (0x81, 0x8D, 0x8F, 0x90, 0x9D)).decode("cp1252")
    for letter in every:
        assert image_key(READABLE, product(1, letter, f"Filter 10{letter}m"), 1, "jpeg").encode("cp1252")


def test_what_only_a_url_can_hold_is_no_part_of_a_name() -> None:
    named = product(3, "", "***", "http://a.test/%E9%9D%B4%20Blue%20Shoe.jpeg")
    assert image_key(READABLE, named, 1, "jpeg") == "images/3-blue-shoe-1.jpg"


def test_readable_sheets_have_plain_names() -> None:
    assert sheet_key(READABLE, "output") == "output.csv"


WORDS = st.text(max_size=12) | st.sampled_from(
    ["", "1", "2", "1-2", "1_2", "a", "A", "a-1", "../..", "con", "\x00", "é", "e\u0301", "靴"]
)
ONE = st.tuples(st.integers(1, 30), WORDS, WORDS, st.integers(1, 3))


@given(st.lists(ONE, min_size=2, max_size=8, unique_by=lambda one: (one[0], one[3])))
def test_no_two_images_ever_share_a_name_not_even_where_case_is_ignored(ones: list[tuple[int, str, str, int]]) -> None:
    words = {row: (serial, name) for row, serial, name, _ in ones}
    keys = [
        image_key(READABLE, product(row, *words[row], *["http://a.test/1.jpg"] * 3), place, "jpeg") for row, _, _, place in ones
    ]
    assert len({key.lower() for key in keys}) == len(ones)


@given(WORDS, st.text(max_size=300), st.text(max_size=40))
def test_readable_names_are_safe_as_file_names_and_in_links(serial: str, name: str, path: str) -> None:
    key = image_key(READABLE, product(3, serial, name, f"http://a.test/{path}"), 1, "jpeg")
    folder, slash, file = key.partition("/")
    assert (folder, slash) == ("images", "/")
    assert re.fullmatch(r"[\w.-]+", file)
    assert not file.startswith((".", "-"))
    assert len(file) <= 120


def test_a_key_stays_when_the_request_goes_on() -> None:
    assert image_key(replace(request(), round=3, base_url="http://x"), product(), 1, "jpeg") == image_key(
        request(), product(), 1, "jpeg"
    )
