"""The words that say how images are compressed."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from halve.core.errors import OptionRefused
from halve.core.options import DEFAULT_QUALITY, MAX_SIZE_LIMIT, Format, MaxBytes, Options, read_options


def test_nothing_said_is_the_default() -> None:
    assert read_options() == Options() == read_options(quality="", max_bytes="", format="", max_size="")
    assert Options().words() == {}


@pytest.mark.parametrize(
    ("word", "bound"),
    [
        ("50%", MaxBytes(share=0.5)),
        ("100 %", MaxBytes(share=1.0)),
        ("12.5%", MaxBytes(share=0.125)),
        ("200KB", MaxBytes(count=200_000)),
        ("200k", MaxBytes(count=200_000)),
        ("2M", MaxBytes(count=2_000_000)),
        ("200 kib", MaxBytes(count=204_800)),
        ("1.5MB", MaxBytes(count=1_500_000)),
        (" 2MiB ", MaxBytes(count=2_097_152)),
        ("4096", MaxBytes(count=4096)),
        ("4096b", MaxBytes(count=4096)),
    ],
)
def test_sizes_are_shares_or_bytes(word: str, bound: MaxBytes) -> None:
    assert read_options(max_bytes=word).max_bytes == bound


@pytest.mark.parametrize("word", ["0%", "101%", "0", "0.5b", "-1", "ten", "50 %%", "1e9", "9" * 30, "50%x", "KB", "½MB", "٥٠%"])
def test_impossible_sizes_are_refused(word: str) -> None:
    with pytest.raises(OptionRefused) as refused:
        read_options(max_bytes=word)
    assert refused.value.field == "max_bytes"
    assert "50%" in str(refused.value)


def test_a_share_of_the_input_is_rounded_down() -> None:
    assert MaxBytes(share=0.5).of(1_001) == 500
    assert MaxBytes(count=200_000).of(1_001) == 200_000


@pytest.mark.parametrize(
    ("field", "words"),
    [
        ("quality", ["0", "101", "50.5", "high", "-5", "5e1", "9999", "٥٠"]),
        ("format", ["gif", "jpegs", "tiff"]),
        ("max_size", ["0", "65536", "2048px", "-1", "1.5", "9" * 20, "２０４８"]),
    ],
)
def test_impossible_words_are_refused_by_their_field(field: str, words: list[str]) -> None:
    for word in words:
        with pytest.raises(OptionRefused) as refused:
            read_options(**{field: word})
        assert refused.value.field == field
        assert word[:20] in str(refused.value)


def test_a_very_long_word_is_not_repeated_in_full() -> None:
    with pytest.raises(OptionRefused) as refused:
        read_options(format="x" * 10_000)
    assert len(str(refused.value)) < 200


def test_case_and_spaces_are_of_no_account() -> None:
    assert read_options(quality=" 80 ", format=" WebP ", max_size=" 2048 ") == Options(80, None, Format.WEBP, 2048)
    assert read_options(format="jpg").format is Format.JPEG
    assert read_options(quality=" Auto ", format="Smallest") == Options("auto", format=Format.SMALLEST)


OPTIONS = st.builds(
    Options,
    quality=st.none() | st.integers(1, 100) | st.just("auto"),
    max_bytes=st.none()
    | st.decimals("0.0000000001", 100, places=10).map(lambda percent: MaxBytes(share=float(percent) / 100))
    | st.integers(1, 10**9).map(lambda n: MaxBytes(count=n)),
    format=st.sampled_from(Format),
    max_size=st.none() | st.integers(1, MAX_SIZE_LIMIT),
)


@given(OPTIONS)
def test_the_words_of_options_read_as_the_same_options(options: Options) -> None:
    assume(options.max_bytes is not None or options.quality != DEFAULT_QUALITY)
    assert read_options(**options.words()) == options


def test_the_default_said_aloud_is_the_default() -> None:
    assert read_options(quality="50") == read_options()
    assert read_options(quality="50", max_bytes="50%").quality == DEFAULT_QUALITY  # here it is a ceiling, which is not the default
