"""`max_size`: the long edge, shrunk well, never enlarged."""

from __future__ import annotations

import pytest
from PIL import Image

from tests.support.codec import compressed, opened
from tests.support.eyes import likeness
from tests.support.photos import encoded, photo, picture


@pytest.mark.parametrize("format", ["jpeg", "png", "webp", "tiff", "avif", "gif", "bmp"])
@pytest.mark.parametrize("long_edge", [40, 99, 200])
def test_the_long_edge_is_what_was_asked_for(format: str, long_edge: int) -> None:
    data = photo("coffee", format=format)  # 600 by 400

    done = compressed(data, max_size=str(long_edge), quality="80")

    assert (done.width, done.height) == (long_edge, round(long_edge * 400 / 600))
    assert opened(done.data).size == (done.width, done.height)


def test_the_long_edge_may_be_the_height() -> None:
    data = encoded(picture("coffee").transpose(Image.Transpose.ROTATE_90))

    done = compressed(data, max_size="120")

    assert (done.width, done.height) == (80, 120)


def test_nothing_is_ever_enlarged() -> None:
    done = compressed(photo("coffee", width=300), max_size="4000")

    assert (done.width, done.height) == (300, 200)


@pytest.mark.parametrize("name", ["coffee", "astronaut", "motorcycle"])
@pytest.mark.parametrize("long_edge", [60, 150, 250])
def test_it_is_shrunk_as_well_as_pillow_does(name: str, long_edge: int) -> None:
    """From a JPEG, part of it while decoding."""
    done = compressed(photo(name, quality=95), max_size=str(long_edge), quality="95")

    reference = picture(name).resize((done.width, done.height), Image.Resampling.LANCZOS)
    assert likeness(done.data, reference) > 0.95


@pytest.mark.parametrize("format", ["png", "tiff"])
def test_black_and_white_shrink_to_the_greys_that_they_make_together(format: str) -> None:
    """Dots of a print or a scan: of black and white alone, too few would be left to tell what it shows."""
    dots = picture("coffee").convert("1")

    done = compressed(encoded(dots, format), max_size="120", quality="80")

    assert not done.kept
    assert likeness(done.data, dots.convert("L").resize((done.width, done.height), Image.Resampling.LANCZOS)) > 0.9


def test_transparent_edges_do_not_bleed() -> None:
    """The colour under full transparency, here bright green, must not show after shrinking."""
    image = Image.new("RGBA", (400, 400), (0, 255, 0, 0))
    image.paste((200, 30, 30, 255), (100, 100, 300, 300))

    done = opened(compressed(encoded(image, "png"), max_size="61", quality="100").data).convert("RGBA")

    seen = [colour for _, colour in done.getcolors(100_000) or () if isinstance(colour, tuple) and colour[3] > 8]
    assert seen
    assert max(colour[1] for colour in seen) < 60


def test_one_pixel_is_the_least() -> None:
    data = encoded(picture("rocket").resize((640, 3)))

    done = compressed(data, max_size="10")

    assert (done.width, done.height) in {(10, 1), (640, 3)}
