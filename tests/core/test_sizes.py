"""Numbers of bytes in words."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from halve.core.sizes import in_words, percent_less


@pytest.mark.parametrize(
    ("count", "words"),
    [
        (0, "0 bytes"),
        (1, "1 byte"),
        (999, "999 bytes"),
        (1000, "1 kB"),
        (1500, "1.5 kB"),
        (99_940, "99.9 kB"),
        (99_960, "100 kB"),
        (999_499, "999 kB"),
        (999_500, "1 MB"),
        (50_000_000, "50 MB"),
        (84_200_000, "84.2 MB"),
        (1_234_567_890, "1.2 GB"),
        (5 * 10**15, "5000 TB"),
    ],
)
def test_bytes_are_told_as_people_tell_them(count: int, words: str) -> None:
    assert in_words(count) == words


@pytest.mark.parametrize(
    ("before", "after", "percent"), [(100, 48, 52), (1000, 1, 99), (1000, 0, 100), (3, 2, 33), (0, 0, 0), (100, 126, 0)]
)
def test_what_is_saved_is_never_rounded_up_and_never_less_than_nothing(before: int, after: int, percent: int) -> None:
    assert percent_less(before, after) == percent


@given(st.integers(0, 10**14))
def test_what_is_told_is_right_to_five_percent(count: int) -> None:
    match = re.fullmatch(r"(\d+(?:\.\d)?) (byte|bytes|kB|MB|GB|TB)", in_words(count))
    assert match
    unit = {"byte": 1, "bytes": 1, "kB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}[match[2]]
    assert abs(float(match[1]) * unit - count) <= 0.05 * count
