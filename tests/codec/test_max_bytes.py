"""`max_bytes`: the best quality that fits, none over it, and no more encodes than need be."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from halve.codec.encoders import ENCODERS
from halve.codec.search import best_within
from halve.core.errors import ImageFailed
from tests.support.codec import compressed, opened
from tests.support.photos import photo


@pytest.mark.parametrize("share", ["10%", "25%", "50%", "90%"])
def test_jpeg_fits_either_way(share: str, way: str) -> None:
    data = photo("coffee", width=300)

    assert len(compressed(data, max_bytes=share).data) <= len(data) * int(share.rstrip("%")) // 100


@pytest.mark.parametrize("format", ["jpeg", "webp", "avif", "png"])
@pytest.mark.parametrize("share", ["20%", "50%", "80%"])
def test_the_output_fits_and_the_next_quality_would_not(format: str, share: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("halve.codec.coefficients.requantise", lambda data, **how: None)
    data = photo("coffee", width=200, format=format)
    bound = len(data) * int(share.rstrip("%")) // 100

    done = compressed(data, max_bytes=share)

    assert len(done.data) <= bound
    assert done.quality is not None
    assert done.quality == 100 or len(compressed_at(data, done.quality + 1)) > bound


def compressed_at(data: bytes, quality: int) -> bytes:
    """What the encoder itself makes at that quality."""
    from halve.codec.picture import open_picture
    from halve.codec.sniff import sniff

    picture = open_picture(data, sniff(data), max_pixels=10**8)
    encoder = ENCODERS[picture.kind.value]
    return picture.use(lambda image: encoder.encode(encoder.prepared(image).copy_memory(), quality))


def test_a_bound_in_bytes_is_kept() -> None:
    data = photo("astronaut", width=400, format="png")

    done = compressed(data, max_bytes="12KB", format="jpeg")

    assert 10_000 < len(done.data) <= 12_000
    assert opened(done.data).format == "JPEG"


def test_a_quality_beside_it_is_the_most_that_is_tried(way: str) -> None:
    data = photo("coffee", width=300, quality=95)

    roomy, tight = compressed(data, quality="40", max_bytes="90%"), compressed(data, quality="40", max_bytes="10%")

    assert roomy.quality == 40
    assert tight.quality is not None
    assert tight.quality < 40
    assert len(tight.data) <= len(data) // 10


def test_an_original_that_fits_is_better_than_any_other_answer() -> None:
    data = photo("coffee", width=300, quality=60)

    done = compressed(data, max_bytes="1MB")

    assert done.kept
    assert done.data == data


def test_a_bound_that_cannot_be_met_is_an_error_that_names_it(way: str) -> None:
    with pytest.raises(ImageFailed, match="cannot be made smaller than 500 bytes") as refusal:
        compressed(photo("coffee", width=400), max_bytes="500")

    assert refusal.value.code == "size_target"


def test_an_animation_is_bounded_too() -> None:
    from tests.codec.test_animation import animation

    data = animation("webp")

    assert len(compressed(data, max_bytes="40%").data) <= len(data) * 0.4


@given(
    steps=st.lists(st.integers(0, 400), min_size=100, max_size=100)  # a slope, or a few stairs
    | st.lists(st.sampled_from((0, 0, 0, 0, 0, 0, 0, 0, 0, 4000)), min_size=100, max_size=100),
    bound=st.integers(0, 30_000),
    most=st.integers(1, 100),
)
def test_the_search_finds_the_best_of_any_rising_row_of_sizes(steps: list[int], bound: int, most: int) -> None:
    row = [sum(steps[: index + 1]) for index in range(100)]
    calls = 0

    def encode(quality: int) -> bytes:
        nonlocal calls
        calls += 1
        return bytes(row[quality - 1])

    found = best_within(encode, most=most, bound=bound)

    fitting = [quality for quality in range(1, most + 1) if row[quality - 1] <= bound]
    assert (found[0] if found else None) == (fitting[-1] if fitting else None)
    assert found is None or found[1] == bytes(row[found[0] - 1])
    assert calls <= 21  # three halve what is left, at the least; seven halvings leave one of a hundred


@pytest.mark.parametrize("excess", [1.005, 1.02, 1.4])
def test_the_search_needs_few_encodes_where_all_qualities_but_one_weigh_the_same(excess: float) -> None:
    calls = 0

    def encode(quality: int) -> bytes:
        nonlocal calls
        calls += 1
        return bytes(round(10_000 * excess) if quality > 1 else 9_000)

    assert best_within(encode, most=100, bound=10_000) == (1, bytes(9_000))
    assert calls <= 14


def test_the_search_needs_few_encodes_where_sizes_sizes_grow_as_encoders_do() -> None:
    for bound in range(300, 60_000, 500):
        calls = 0

        def encode(quality: int) -> bytes:
            nonlocal calls
            calls += 1
            return bytes(round(2000 * 1.04**quality))

        best_within(encode, most=100, bound=bound)
        assert calls <= 9
