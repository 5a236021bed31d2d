"""`max_bytes`: the best quality that fits, none over it, and no more encodes than need be."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import pytest
import pyvips
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from halve.codec.encoders import ENCODERS, Encoder
from halve.codec.sample import sampled
from halve.codec.search import Sample, best_within
from halve.core.errors import ImageFailed
from tests.support.codec import compressed, opened, outcome
from tests.support.photos import encoded, mosaic, photo, picture


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


@pytest.mark.parametrize("quality", ["", "89", "90"])
def test_what_is_too_narrow_for_whole_chroma_is_filled_with_finer_steps(quality: str, way: str) -> None:
    """From 90 on chroma of a JPEG is whole, which takes a third more bytes at once: nothing less than those was made of them."""
    data = photo("coffee", width=300, quality=97, subsampling=0)
    halved, whole = (len(compressed(data, quality=str(quality)).data) for quality in (89, 90))
    bound = (halved + whole) // 2

    done = compressed(data, quality=quality, max_bytes=str(bound))

    assert done.quality is not None
    if quality:
        assert done.quality == int(quality)
        assert len(done.data) <= bound
    else:
        assert done.quality > 90
        assert 0.9 * bound < len(done.data) <= bound


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

    found = best_within(encode, range(1, most + 1), bound=bound)

    fitting = [quality for quality in range(1, most + 1) if row[quality - 1] <= bound]
    assert (found[0] if found else None) == (fitting[-1] if fitting else None)
    assert found is None or found[1] == bytes(row[found[0] - 1])
    assert calls <= 21  # three halve what is left, at the least; seven halvings leave one of a hundred


@given(
    steps=st.lists(st.integers(0, 400), min_size=100, max_size=100)
    | st.lists(st.sampled_from((0, 0, 0, 0, 0, 0, 0, 0, 0, 4000)), min_size=100, max_size=100),
    lies=st.lists(st.integers(0, 3000), min_size=100, max_size=100),
    times=st.floats(0.001, 1000),
    bound=st.integers(0, 30_000),
    qualities=st.sets(st.integers(1, 100), min_size=1).map(sorted),
)
def test_no_sample_misleads_the_search(steps: list[int], lies: list[int], times: float, bound: int, qualities: list[int]) -> None:
    row = [sum(steps[: index + 1]) for index in range(100)]
    tried: list[int] = []

    def encode(quality: int) -> bytes:
        tried.append(quality)
        return bytes(row[quality - 1])

    found = best_within(encode, qualities, bound=bound, sample=Sample(lambda quality: lies[quality - 1], times))

    fitting = [quality for quality in qualities if row[quality - 1] <= bound]
    assert (found[0] if found else None) == (fitting[-1] if fitting else None)
    assert found is None or found[1] == bytes(row[found[0] - 1])
    assert len(set(tried)) == len(tried) <= 25  # four that are misled, and those of a search without a sample


@pytest.mark.parametrize(("format", "bits"), [("webp", 1.2), ("avif", 1.2)])
def test_samples_save_encodes_of_photographs(format: str, bits: float) -> None:
    with_samples = without = 0
    for name in ("astronaut", "rocket"):
        image = ENCODERS[format].prepared(pixels(picture(name)))
        bound = round(image.width * image.height * bits / 8)
        sample = sampled(ENCODERS[format], image, bound)
        assert sample is not None
        with_sample, encodes = searched(ENCODERS[format], image, bound, sample)
        assert encodes <= 4
        with_samples += encodes
        without_sample, encodes = searched(ENCODERS[format], image, bound, None)
        without += encodes
        assert with_sample == without_sample

    assert with_samples < without


def searched(encoder: Encoder, image: pyvips.Image, bound: int, sample: Sample | None) -> tuple[tuple[int, bytes] | None, int]:
    """The best within the bound, and how many whole encodes it took."""
    encodes = 0

    def encode(quality: int) -> bytes:
        nonlocal encodes
        encodes += 1
        return encoder.encode(image, quality)

    return best_within(encode, encoder.qualities(100), bound=bound, sample=sample), encodes


def pixels(image: Image.Image) -> pyvips.Image:
    return pyvips.Image.new_from_memory(image.tobytes(), *image.size, len(image.getbands()), "uchar").copy(interpretation="srgb")


def test_small_narrow_and_moving_pictures_have_no_sample() -> None:
    large = pixels(mosaic(1024, 512))
    moving = large.copy()
    moving.set_type(pyvips.GValue.gint_type, "page-height", 256)

    assert sampled(ENCODERS["webp"], large, 10_000) is not None
    for image in (moving, large.crop(0, 0, 500, 500), large.crop(0, 0, 1, 512), large.crop(0, 0, 1024, 1).replicate(40, 40)):
        assert sampled(ENCODERS["webp"], image, 10_000) is None


@pytest.mark.parametrize("format", ["jpeg", "avif"])
def test_a_sample_is_small_and_from_all_over_the_picture(format: str) -> None:
    seen: list[pyvips.Image] = []

    def encode(image: pyvips.Image, quality: int) -> bytes:
        seen.append(image)
        return b""

    for width, height in ((600, 500), (64, 9000), (9000, 64), (3000, 2000)):
        across, down = pyvips.Image.xyz(width, height)[0] * 255 / width, pyvips.Image.xyz(width, height)[1] * 255 / height
        image = across.bandjoin([down, down]).cast("uchar").copy(interpretation="srgb").copy_memory()
        sample = sampled(replace(ENCODERS[format], encode=encode), image, 10_000)
        assert sample is not None
        sample.size(50)
        few = seen.pop()
        assert few.width * few.height <= min(width * height / 16, 262_144)
        for band in (0, 1):
            assert few[band].avg() == pytest.approx(127, abs=16)


@pytest.mark.parametrize(
    ("format", "mode"),
    [
        *(("png", mode) for mode in ("RGBA", "L", "LA", "1", "I;16")),
        ("jpeg", "RGBA"),
        ("jpeg", "1"),
        ("webp", "LA"),
        ("webp", "I;16"),
    ],
)
def test_samples_are_taken_of_any_pixels(format: str, mode: str) -> None:
    data = odd(mode)

    bound = len(data) // 3
    done = outcome(lambda: compressed(data, max_bytes=str(bound), format=format))

    if isinstance(done, ImageFailed):
        assert done.code == "size_target"
        assert len(compressed(data, quality="1", format=format).data) > bound
    else:
        assert len(done.data) <= bound
        assert done.quality is not None
        assert done.quality == 100 or len(compressed(data, quality=str(done.quality + 1), format=format).data) > bound


@cache
def odd(mode: str) -> bytes:
    image = mosaic(640, 480)
    if mode == "I;16":
        levels = image.convert("L").tobytes()
        deep = Image.frombytes("I;16", image.size, bytes(byte for level in levels for byte in (level ^ 3, level)))
        return encoded(deep, "png")
    if mode in ("RGBA", "LA"):
        image.putalpha(Image.linear_gradient("L").resize(image.size))
    return encoded(image.convert(mode), "png")


@pytest.mark.parametrize("format", ["jpeg", "png", "webp", "avif", "heic"])
def test_qualities_that_are_left_out_make_the_same_file_as_the_next(format: str) -> None:
    encoder = ENCODERS[format]
    image = encoder.prepared(pixels(picture("coffee", width=64)))

    for quality in set(range(1, 101)) - set(encoder.qualities(100)):
        assert encoder.encode(image, quality) == encoder.encode(image, quality + 1)


@pytest.mark.parametrize("excess", [1.005, 1.02, 1.4])
def test_the_search_needs_few_encodes_where_all_qualities_but_one_weigh_the_same(excess: float) -> None:
    calls = 0

    def encode(quality: int) -> bytes:
        nonlocal calls
        calls += 1
        return bytes(round(10_000 * excess) if quality > 1 else 9_000)

    assert best_within(encode, range(1, 101), bound=10_000) == (1, bytes(9_000))
    assert calls <= 14


@pytest.mark.parametrize(("helped", "most"), [(False, 9), (True, 3)], ids=["alone", "with a sample that tells the truth"])
def test_the_search_needs_few_encodes_where_sizes_grow_as_encoders_do(helped: bool, most: int) -> None:
    for bound in range(3000 if helped else 300, 60_000, 500):
        calls = 0

        def encode(quality: int) -> bytes:
            nonlocal calls
            calls += 1
            return bytes(round(2000 * 1.04**quality))

        sample = Sample(lambda quality: round(200 * 1.04**quality), 10) if helped else None
        best_within(encode, range(1, 101), bound=bound, sample=sample)
        assert calls <= most
