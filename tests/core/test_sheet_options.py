"""The words of `mode`, `preset` and `columns`."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from halve.core.errors import OptionRefused
from halve.core.models import Mode, SheetOptions
from halve.core.sheet_options import FIELDS, MOST_JOINED, PRESETS, read_sheet_options

HEADERS = st.text(alphabet=st.characters(codec="utf-8", exclude_characters="=,"), min_size=1).map(str.strip).filter(bool)


def test_nothing_said_is_the_default() -> None:
    assert read_sheet_options() == read_sheet_options("", "", "") == SheetOptions()


def test_words_are_read_without_regard_to_case_and_space() -> None:
    read = read_sheet_options(" Lenient ", "SHOPIFY", " Serial = SKU , images=Pictures ")
    assert read == SheetOptions(Mode.LENIENT, "shopify", {"serial": "SKU", "images": "Pictures"})


def test_a_header_may_hold_commas() -> None:
    assert read_sheet_options(columns="name=Mug, large,images=A, b, c").columns == {"name": "Mug, large", "images": "A, b, c"}


def test_a_header_that_is_no_text_is_one_that_no_sheet_has() -> None:
    assert read_sheet_options(columns="name=Gr\udcf6\udcdfe").columns == {"name": "Gr??e"}


@given(st.dictionaries(st.sampled_from(FIELDS), HEADERS, min_size=1))
def test_columns_are_read_as_they_were_written(columns: dict[str, str]) -> None:
    assert read_sheet_options(columns=",".join(f"{name}={header}" for name, header in columns.items())).columns == columns


@pytest.mark.parametrize(
    ("field", "word"),
    [
        ("mode", "loose"),
        ("preset", "etsy"),
        ("columns", "SKU"),
        ("columns", "sku=SKU"),
        ("columns", "name="),
        ("columns", "name=A,name=B"),
        ("columns", "name=A,other=B"),
        ("columns", "=A"),
    ],
)
def test_what_is_not_offered_is_refused_with_what_is(field: str, word: str) -> None:
    with pytest.raises(OptionRefused, match=r"strict|shopify|columns must be") as caught:
        read_sheet_options(**{field: word})
    assert caught.value.field == field


def test_no_more_columns_of_images_are_joined_than_are_looked_through_in_each_row() -> None:
    assert read_sheet_options(columns="images=" + "+".join(["A"] * MOST_JOINED)).columns
    with pytest.raises(OptionRefused, match="more than 100"):
        read_sheet_options(columns="images=" + "+".join(["A"] * (MOST_JOINED + 1)))


def test_every_preset_can_be_named() -> None:
    assert [read_sheet_options(preset=name).preset for name in PRESETS] == list(PRESETS)
