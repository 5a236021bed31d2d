"""Nothing comes out heavier than it went in: the original is handed out instead, and marked."""

from __future__ import annotations

import pytest

from tests.support.codec import FORMATS, compressed
from tests.support.photos import encoded, photo, picture


@pytest.mark.parametrize("format", ["jpeg", "webp", "avif"])
def test_a_picture_of_less_quality_already_is_kept(format: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("halve.codec.coefficients.requantise", lambda data, **how: None)  # it would find better codes
    data = photo("coffee", width=240, format=format, quality=12)

    done = compressed(data, quality="90")

    assert done.kept
    assert done.quality is None
    assert len(done.data) <= len(data)


@pytest.mark.parametrize("name", ["coffee", "retina", "hubble"])
def test_doing_it_twice_never_adds_weight(name: str, way: str) -> None:
    data, weights = photo(name, width=300), []

    for _ in range(4):
        data = compressed(data).data
        weights.append(len(data))

    assert weights == sorted(weights, reverse=True)


@pytest.mark.parametrize("format", ["jpeg", "png", "webp", "gif", "tiff", "avif", "bmp"])
@pytest.mark.parametrize("wanted", ["keep", *FORMATS])
@pytest.mark.parametrize("size", [(1, 1), (2, 3), (16, 16)])
def test_the_tiniest_pictures_never_grow(format: str, wanted: str, size: tuple[int, int]) -> None:
    data = encoded(picture("coffee").resize(size), format)

    done = compressed(data, format=wanted)

    assert len(done.data) <= len(data)
    assert (done.width, done.height) == size
    assert done.format == format if done.kept else True


def test_a_heavy_header_alone_does_not_make_the_output_the_lighter_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """The picture weighs less than its output would; its metadata made it look otherwise."""
    monkeypatch.setattr("halve.codec.coefficients.requantise", lambda data, **how: None)
    small = photo("coffee", width=240, quality=15)
    data = small[:20] + b"\xff\xfe\xff\xff" + b"x" * 65533 + small[20:]

    done = compressed(data, quality="95")

    assert done.kept
    assert done.data == small


def test_another_format_that_weighs_more_is_not_handed_out() -> None:
    done = compressed(photo("coffee", width=240, quality=60), format="png")

    assert done.kept
    assert done.format == "jpeg"
