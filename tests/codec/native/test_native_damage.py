"""What is damaged, cut short, hostile or of another kind is left to the way through pixels, at once and without harm."""

from __future__ import annotations

import io
import time
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from halve.codec import native
from tests.support.jpeg_forms import Form, Scan, jpeg, progressive_script
from tests.support.photos import photo, picture
from tests.support.requantising import small_picture


def small_files() -> dict[str, bytes]:
    source = small_picture("4:2:0", width=40, height=24)
    return {
        "baseline": jpeg(source),
        "restarts": jpeg(source, Form(restart=2)),
        "components apart": jpeg(source, Form(scans=(Scan((0,)), Scan((1,)), Scan((2,))))),
        "progressive": jpeg(source, Form(progressive=True, scans=progressive_script(3))),
        "progressive, restarts": jpeg(source, Form(progressive=True, scans=progressive_script(3, low=2), restart=2)),
        "grey": jpeg(small_picture("grey", width=40, height=24)),
    }


FILES = small_files()


def refusal(data: bytes) -> str:
    reason = native.refusal(data, quality=50)
    assert reason is not None
    assert native.requantise(data, quality=50) is None
    return reason


@pytest.mark.parametrize("name", FILES)
def test_a_file_cut_short_anywhere_is_not_taken(name: str) -> None:
    data = FILES[name]
    assert native.requantise(data, quality=50) is not None
    for length in range(len(data)):
        assert native.requantise(data[:length], quality=50) is None, length


@pytest.mark.parametrize("name", FILES)
def test_a_scan_cut_short_and_ended_properly_is_not_taken(name: str) -> None:
    """The worst damage: what is left looks whole."""
    data = FILES[name]
    first = data.index(b"\xff\xda") + 14
    for length in range(first, len(data) - 2):
        assert native.requantise(data[:length] + b"\xff\xd9", quality=50) is None, length


@pytest.mark.parametrize("name", FILES)
def test_a_file_with_a_byte_lost_is_read_whole_or_not_at_all(name: str) -> None:
    data = FILES[name]
    for position in range(2, len(data)):
        answer = native.requantise(data[:position] + data[position + 1 :], quality=50)
        if answer is not None:
            with Image.open(io.BytesIO(answer.data)) as image:
                image.load()


@settings(max_examples=300)
@given(st.sampled_from(sorted(FILES)), st.lists(st.tuples(st.floats(0, 0.999), st.integers(1, 255)), min_size=1, max_size=5))
def test_flipped_bits_give_a_readable_file_or_none(name: str, flips: list[tuple[float, int]]) -> None:
    data = bytearray(FILES[name])
    for where, mask in flips:
        data[int(where * len(data))] ^= mask
    answer = native.requantise(bytes(data), quality=50)
    if answer is not None:
        with Image.open(io.BytesIO(answer.data)) as image:
            image.load()
            assert sorted(image.size) == sorted((answer.width, answer.height))


@settings(max_examples=200)
@given(st.binary(max_size=300), st.sampled_from(sorted(FILES)), st.floats(0, 1))
def test_any_bytes_anywhere_do_no_harm(noise: bytes, name: str, where: float) -> None:
    data = FILES[name]
    at = int(where * len(data))
    native.requantise(noise, quality=50)
    native.requantise(b"\xff\xd8" + noise, quality=50)
    native.requantise(data[:at] + noise + data[at:], quality=50)
    native.requantise(data[:at] + noise, quality=50, max_bytes=2000)


def replaced(name: str, old: bytes, new: bytes) -> bytes:
    assert old in FILES[name]
    return FILES[name].replace(old, new, 1)


def framed(change: Callable[[bytearray, int], None], name: str = "baseline") -> bytes:
    """A file with something changed in its frame header; the position is that of the marker."""
    data = bytearray(FILES[name])
    change(data, data.index(b"\xff\xc2" if name.startswith("prog") else b"\xff\xc0"))
    return bytes(data)


def put(offset: int, value: int) -> Callable[[bytearray, int], None]:
    def change(data: bytearray, frame: int) -> None:
        data[frame + offset] = value

    return change


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "no SOI marker at the start"),
        (b"\x89PNG\r\n\x1a\n", "no SOI marker at the start"),
        (b"\xff\xd8\xff\xd9", "no picture"),
        (FILES["baseline"][:-2], "ends within a scan"),
        (framed(put(1, 0xC9)), "neither baseline nor progressive Huffman coding"),  # arithmetic
        (framed(put(1, 0xC3)), "neither baseline nor progressive Huffman coding"),  # lossless
        (framed(put(1, 0xC5)), "neither baseline nor progressive Huffman coding"),  # hierarchical
        (framed(put(4, 12)), "not 8 bits a sample"),
        (framed(put(9, 2)), "neither one nor three components"),
        (framed(put(9, 4)), "neither one nor three components"),
        (framed(lambda data, frame: data.__setitem__(slice(frame + 5, frame + 7), b"\0\0")), "height left to a DNL marker"),
        (framed(lambda data, frame: data.__setitem__(slice(frame + 7, frame + 9), b"\0\0")), "no width"),
        (
            framed(lambda data, frame: data.__setitem__(slice(frame + 11, frame + 15, 3), b"\x31\x21")),
            "fractional sampling factors",
        ),
        (framed(put(11, 0x00)), "impossible sampling factors"),
        (framed(put(11, 0x44)), "more than 10 blocks in an MCU"),
        (framed(put(12, 3)), "a component with an undefined quantisation table"),
        (framed(put(12, 7)), "a component with an unknown quantisation table"),
        (framed(put(13, 1)), "two components of one name"),
        (replaced("baseline", b"\xff\xdb\x00\x43\x00\x02", b"\xff\xdb\x00\x43\x00\x00"), "a quantisation step of zero"),
        (replaced("baseline", b"\xff\xc4", b"\xff\xcc"), "a marker that this path does not know"),
        (
            replaced("baseline", b"\xff\xda\x00\x0c\x03\x01\x00", b"\xff\xda\x00\x0c\x03\x01\x33"),
            "a scan with an undefined Huffman table",
        ),
        (
            replaced("baseline", b"\xff\xda\x00\x0c\x03\x01", b"\xff\xda\x00\x0c\x03\x07"),
            "a scan of components that the frame has not, or in another order",
        ),
        (replaced("baseline", b"\x00\x3f\x00", b"\x00\x3e\x00"), "a band of coefficients in a sequential frame"),
        (replaced("restarts", b"\xff\xd1", b"\xff\xd2"), "a restart marker is missing"),
        (replaced("restarts", b"\xff\xdd\x00\x04\x00\x02", b"\xff\xdd\x00\x04\x00\x03"), None),
        (replaced("progressive", b"\x01\x3f\x10", b"\x01\x3f\x21"), "progressive scans out of order"),
        (
            replaced("progressive", b"\x02\x00\x03\x00\x00\x00\x01", b"\x02\x00\x03\x00\x00\x05\x01"),
            "DC and AC in one scan of a progressive frame",
        ),
    ],
)
def test_each_fault_is_named(data: bytes, reason: str | None) -> None:
    assert reason is None or refusal(data) == reason
    assert refusal(data)


def test_cmyk_is_left_to_pixels() -> None:
    out = io.BytesIO()
    picture("rocket").convert("CMYK").save(out, "JPEG")
    assert refusal(out.getvalue()) == "neither one nor three components"


def test_more_pixels_than_allowed_are_left_to_pixels() -> None:
    data = photo("rocket")
    assert native.requantise(data, quality=50, max_pixels=640 * 427) is not None
    assert native.refusal(data, quality=50, max_pixels=640 * 427 - 1) == "more pixels than allowed"


@pytest.mark.parametrize("dropped", range(3, 10))
def test_a_progressive_file_that_stops_early_is_not_a_picture_yet(dropped: int) -> None:
    script = progressive_script(3)
    data = jpeg(small_picture(), Form(progressive=True, scans=script[:-1]))
    assert refusal(data) == "progressive scans that end early"
    assert native.requantise(jpeg(small_picture(), Form(progressive=True, scans=script[:dropped])), quality=50) is None


def test_data_behind_the_last_block_of_a_scan_is_suspect() -> None:
    data = FILES["baseline"]
    assert refusal(data[:-2] + b"\x12\x34" + data[-2:]) == "more data in a scan than belongs there"
    assert refusal(data[:-2] + b"\xff\xd0" + data[-2:]) == "a marker where none may stand"


def test_a_small_file_that_claims_to_be_huge_costs_little() -> None:
    started = time.process_time()
    for name in FILES:
        data = bytearray(FILES[name])
        frame = max(data.find(b"\xff\xc0"), data.find(b"\xff\xc2"))
        data[frame + 5 : frame + 9] = b"\xff\xff\xff\xff"
        assert native.requantise(bytes(data), quality=50, max_pixels=1 << 33) is None
    assert time.process_time() - started < 1


def test_a_coefficient_too_large_for_8_bits_is_not_taken() -> None:
    """A refinement scan that begins at a bit so high that any new coefficient is out of range (F.1.2.2)."""
    source = small_picture("grey", width=8, height=8)
    blocks = source.components[0].blocks.copy()
    blocks[0, 0, 1:] = 0
    for level, taken in ((1 << 9, True), (1 << 10, False), (1 << 11, False)):
        blocks[0, 0, 5] = level
        picture = replace(source, components=(replace(source.components[0], blocks=blocks),))
        scans = (Scan((0,), (0, 0)), Scan((0,), (1, 63), (0, 13)), *(Scan((0,), (1, 63), (n + 1, n)) for n in range(12, -1, -1)))
        data = jpeg(picture, Form(progressive=True, scans=scans))
        assert (native.requantise(data, quality=50) is not None) == taken, level


def packed(text: str) -> bytes:
    text += "1" * (-len(text) % 8)
    return bytes(int(text[i : i + 8], 2) for i in range(0, len(text), 8)).replace(b"\xff", b"\xff\x00")


def test_a_hundred_scans_of_a_huge_empty_picture_take_no_longer_than_a_picture_of_its_size_may() -> None:
    """A progressive bomb: ninety-eight scans of sixty bytes, each over all the million blocks of 67 megapixels."""
    small = jpeg(small_picture("grey", width=8, height=8), Form(progressive=True, scans=progressive_script(1)))
    start = bytearray(small[: small.index(b"\xff\xc4")])
    frame = start.index(b"\xff\xc2")
    start[frame + 5 : frame + 9] = (8192).to_bytes(2, "big") * 2
    blocks = 1024 * 1024
    codes = b"\xff\xc4\x00\x14\x00\x01" + bytes(15) + b"\x00"  # DC: 0 says no difference
    codes += b"\xff\xc4\x00\x15\x10\x01\x01" + bytes(14) + b"\xe0\x50"  # AC: 0 ends 16384 blocks and more, 10 ends 32 and more
    dc = b"\xff\xda\x00\x08\x01\x01\x00\x00\x00\x00" + bytes(blocks // 8)
    assert blocks == 32 * 32767 + 32
    ends = packed(("0" + "1" * 14) * 32 + "10" + "00000")
    scans = b""
    for low in range(13, -1, -1):
        for first in range(1, 64, 9):
            scans += b"\xff\xda\x00\x08\x01\x01\x00" + bytes([first, first + 8, (low + 1 if low < 13 else 0) << 4 | low]) + ends
    bomb = bytes(start) + codes + dc + scans + b"\xff\xd9"
    started = time.process_time()
    answer = native.requantise(bomb, quality=50)
    assert time.process_time() - started < 3
    assert answer is not None
    assert (answer.width, answer.height) == (8192, 8192)
    more = b"\xff\xda\x00\x08\x01\x01\x00\x01\x09\x10" + ends
    assert refusal(bomb[:-2] + more + b"\xff\xd9") == "progressive scans out of order"
    one_by_one = b"".join(b"\xff\xda\x00\x08\x01\x01\x00" + bytes([k, k, 0x0D]) + ends for k in range(1, 64))
    refined = b"".join(b"\xff\xda\x00\x08\x01\x01\x00" + bytes([k, k, 0xDC]) + ends for k in range(1, 64))
    assert refusal(bytes(start) + codes + dc + one_by_one + refined + b"\xff\xd9") == "too many scans"
