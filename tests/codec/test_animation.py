"""Animations: every frame, its time, and how often it all repeats."""

from __future__ import annotations

import io
import struct

import pytest
from PIL import Image

from halve.codec import CodecPool
from halve.codec.strip import gif, png
from tests.support.codec import Held, compressed, opened, options
from tests.support.eyes import likeness
from tests.support.photos import encoded, picture

DELAYS = [80, 200, 340, 80]
Place = tuple[int, int, int, int]


def animation(format: str, *, loop: int = 0, alpha: bool = False, size: tuple[int, int] = (120, 90)) -> bytes:
    frames = [picture(name).resize(size) for name in ("coffee", "chelsea", "rocket", "astronaut")]
    if alpha:
        for number, frame in enumerate(frames):
            frame.putalpha(Image.new("L", size, 255))
            frame.paste((0, 0, 0, 0), (number * 10, 10, number * 10 + 40, 60))
    out = io.BytesIO()
    quality = {"quality": 95} if format == "webp" else {}
    frames[0].save(out, format.upper(), save_all=True, append_images=frames[1:], duration=DELAYS, loop=loop, **quality)
    return out.getvalue()


def delays(data: bytes) -> list[int]:
    image = Image.open(io.BytesIO(data))
    found = []
    for number in range(image.n_frames):  # type: ignore[attr-defined]
        image.seek(number)
        image.load()
        found.append(round(image.info["duration"]))
    return found


@pytest.mark.parametrize("format", ["gif", "webp"])
def test_frames_and_times_and_loops_survive(format: str) -> None:
    data = animation(format, loop=3)

    done = compressed(data)

    assert done.format == format
    assert len(done.data) < len(data)
    assert (done.width, done.height) == (120, 90)
    assert delays(done.data) == DELAYS
    assert opened(done.data).info["loop"] == opened(data).info["loop"]
    for frame in range(4):
        assert likeness(done.data, data, frame) > 0.7


@pytest.mark.parametrize(("source", "format"), [("gif", "keep"), ("webp", "keep"), ("png", "webp"), ("png", "smallest")])
def test_a_shrunk_animation_has_no_neighbours_in_its_frames(source: str, format: str) -> None:
    data = animation(source)

    done = compressed(data, max_size="60", quality="85", format=format)

    assert (done.width, done.height) == (60, 45)
    assert delays(done.data) == DELAYS
    for frame, name in enumerate(("coffee", "chelsea", "rocket", "astronaut")):
        reference = picture(name).resize((120, 90)).resize((60, 45), Image.Resampling.LANCZOS)
        assert likeness(shown_frame(done.data, frame), reference) > 0.7


def shown_frame(data: bytes, number: int) -> Image.Image:
    image = Image.open(io.BytesIO(data))
    image.seek(number)
    return image.convert("RGB")


@pytest.mark.parametrize("source", ["gif", "png"])
def test_an_animation_becomes_webp_with_all_its_frames(source: str) -> None:
    data = animation(source)

    done = compressed(data, format="webp")

    assert done.format == "webp"
    assert delays(done.data) == DELAYS
    for frame in range(4):
        assert likeness(done.data, data, frame) > 0.7


@pytest.mark.parametrize("wanted", ["jpeg", "png", "avif"])
def test_a_format_without_frames_is_never_given_an_animation(wanted: str) -> None:
    done = compressed(animation("gif"), format=wanted)

    assert done.format == "gif"
    assert delays(done.data) == DELAYS


def test_an_apng_is_handed_out_with_all_its_frames() -> None:
    data = animation("png", loop=2)

    done = compressed(data)

    assert done.kept
    assert done.format == "png"
    assert delays(done.data) == DELAYS
    assert all(likeness(done.data, data, frame) == 1.0 for frame in range(4))


@pytest.mark.parametrize("format", ["gif", "webp"])
def test_transparent_frames_stay_transparent(format: str) -> None:
    data = animation(format, alpha=True)

    done = compressed(data)

    for frame in range(4):
        assert likeness(done.data, data, frame) > 0.65


@pytest.mark.parametrize("source", ["gif", "png"])
@pytest.mark.parametrize("quality", ["50", "100"])
def test_what_no_frame_covers_stays_transparent(source: str, quality: str) -> None:
    square = Image.new("L", (120, 90))
    square.paste(255, (20, 20, 60, 70))
    frames = [picture(name).resize((120, 90)) for name in ("coffee", "chelsea", "rocket")]
    for frame in frames:
        frame.putalpha(square)
    out = io.BytesIO()
    frames[0].save(out, source.upper(), save_all=True, append_images=frames[1:], duration=100, disposal=2)

    done = opened(compressed(out.getvalue(), format="webp", quality=quality).data)

    for number in range(3):
        done.seek(number)
        assert done.convert("RGBA").getchannel("A").getextrema() == (0, 255)


def gif_of(*places: Place, disposal: int = 1) -> bytes:
    """Coffee, cut to these places (left, top, right, bottom) of a screen of 120 by 90; no frame has a clear colour."""
    parts = [b"GIF89a" + struct.pack("<HHBBB", 120, 90, 0, 0, 0)]
    for left, top, right, bottom in places:
        still = encoded(picture("coffee").resize((120, 90)).crop((left, top, right, bottom)).quantize(256), "gif")
        at = still.index(b"\x2c", 13 + 3 * 256)
        place = struct.pack("<HHHHB", left, top, right - left, bottom - top, 0x87)
        control = b"\x21\xf9\4" + bytes((disposal << 2, 10, 0, 0, 0))
        parts.append(control + b"\x2c" + place + still[13 : 13 + 3 * 256] + still[at + 10 : -1])
    return b"".join(parts) + b"\x3b"


@pytest.mark.parametrize("disposal", [1, 3])
@pytest.mark.parametrize("wanted", ["keep", "webp", "smallest"])
@pytest.mark.parametrize("places", [((10, 10, 60, 80),), ((10, 10, 60, 80), (40, 5, 100, 40))], ids=["still", "moving"])
def test_what_was_not_drawn_yet_is_clear_and_not_black(places: tuple[Place, ...], wanted: str, disposal: int) -> None:
    data = gif_of(*places, disposal=disposal)

    made = compressed(data, format=wanted, quality="40")

    assert not made.kept
    done = opened(made.data)
    covered = Image.new("L", (120, 90))
    for number, place in enumerate(places):
        covered = Image.new("L", (120, 90)) if disposal == 3 else covered
        covered.paste(255, place)
        done.seek(number)
        alpha = done.convert("RGBA").getchannel("A")
        assert likeness(alpha, covered) > 0.95


def test_a_frame_without_width_or_height_shows_nothing() -> None:
    data = gif_of((10, 10, 60, 80), (40, 5, 100, 40))
    at = gif.frames(data)[1].at + 5
    for size in ((0, 0), (0, 35), (60, 0)):
        empty = data[:at] + struct.pack("<HH", *size) + data[at + 4 :]

        done = opened(compressed(empty, format="webp", quality="40").data)

        assert getattr(done, "n_frames", 1) == 1, "the second shows what the first does"
        assert done.convert("RGBA").getchannel("A").getbbox() == (10, 10, 60, 80)


@pytest.mark.parametrize("disposal", [2, 3])
@pytest.mark.parametrize("wanted", ["webp", "smallest"])
def test_what_a_frame_takes_away_again_is_clear_as_in_browsers_where_none_has_a_clear_colour(wanted: str, disposal: int) -> None:
    whole, place, corner = (0, 0, 120, 90), (40, 5, 100, 40), (0, 0, 20, 20)
    data = gif_of(whole, place, corner, disposal=disposal)

    made = compressed(data, format=wanted, quality="40")

    done = opened(made.data)
    assert (made.kept, done.n_frames) == (False, 3)  # type: ignore[attr-defined]
    for number, box in enumerate((whole, place, corner)):
        shown = Image.new("L", (120, 90))
        shown.paste(255, box)
        done.seek(number)
        assert likeness(done.convert("RGBA").getchannel("A"), shown) > 0.95


def test_what_a_frame_without_a_clear_colour_takes_away_is_clear_also_where_another_has_one() -> None:
    frames = [picture(name).resize((120, 90)).convert("RGBA") for name in ("coffee", "chelsea")]
    hole = Image.new("L", (120, 90), 255)
    hole.paste(0, (20, 20, 60, 70))
    frames[1].putalpha(hole)
    out = io.BytesIO()
    frames[0].save(out, "GIF", save_all=True, append_images=frames[1:], duration=100, disposal=2)
    assert b"\x21\xf9\4\x08" in out.getvalue(), "the first frame has no clear colour"

    done = opened(compressed(out.getvalue(), format="webp", quality="30").data)

    done.seek(1)
    assert likeness(done.convert("RGBA").getchannel("A"), hole) > 0.95
    assert done.info["duration"] == 100


@pytest.mark.parametrize("disposal", [0, 1, 2])
@pytest.mark.parametrize("blend", [0, 1])
def test_each_frame_of_an_apng_is_drawn_over_what_the_ones_before_have_left(disposal: int, blend: int) -> None:
    frames = [picture(name).resize((120, 90)) for name in ("coffee", "chelsea", "rocket", "astronaut")]
    for number, frame in enumerate(frames):
        frame.putalpha(Image.new("L", (120, 90)))
        frame.paste(picture("coffee").resize((40, 50)).rotate(90 * number), (number * 20, number * 10))
    out = io.BytesIO()
    frames[0].save(out, "PNG", save_all=True, append_images=frames[1:], duration=100, disposal=disposal, blend=blend)

    done = opened(compressed(out.getvalue(), format="webp", quality="100").data)

    for number in range(4):
        reference = opened(out.getvalue())  # opened anew: Pillow disposes of frames well only where none was looked at before
        reference.seek(number)
        done.seek(number)
        for background in ("black", "white"):
            assert likeness(done.copy(), reference.copy(), background=background) > 0.98


def test_a_picture_that_is_no_part_of_the_animation_does_not_become_one() -> None:
    frames = [picture(name).resize((120, 90)) for name in ("coffee", "chelsea", "rocket")]
    for shown in (1, 2):
        out = io.BytesIO()
        frames[0].save(out, "PNG", save_all=True, append_images=frames[1 : 1 + shown], duration=100, default_image=True)

        done = opened(compressed(out.getvalue(), format="webp").data)

        assert done.n_frames == shown  # type: ignore[attr-defined]
        assert likeness(done.convert("RGB"), frames[1]) > 0.7


def test_an_apng_that_has_no_frames_is_a_still() -> None:
    still = encoded(picture("coffee", width=200), "png")
    announced = still[:33] + png.chunk(b"acTL", bytes((0, 0, 0, 0, 0, 0, 0, 0))) + still[33:]

    done = compressed(announced)

    assert not done.kept
    assert likeness(done.data, still) > 0.8


def test_a_turned_apng_is_shown_upright() -> None:
    frames = [picture(name).resize((120, 90)) for name in ("coffee", "chelsea")]
    out, turned = io.BytesIO(), Image.Exif()
    turned[0x0112] = 6
    frames[0].save(out, "PNG", save_all=True, append_images=frames[1:], duration=100, exif=turned)

    done = opened(compressed(out.getvalue(), format="webp").data)

    assert done.size == (90, 120)
    assert likeness(done.convert("RGB"), frames[0].rotate(-90, expand=True)) > 0.7


def test_an_avif_sequence_is_handed_out_with_all_its_frames() -> None:
    data = animation("avif", size=(64, 64))

    done = compressed(data)

    assert done.kept
    assert opened(done.data).n_frames == 4  # type: ignore[attr-defined]


def test_a_still_gif_may_become_anything() -> None:
    data = encoded(picture("coffee", width=200), "gif")

    assert compressed(data, format="jpeg").format == "jpeg"


async def test_an_animation_is_shrunk_frame_by_frame_and_not_all_frames_at_once(pool: CodecPool) -> None:
    """Those of this one took more than a child may have."""
    frames = [Image.new("RGBA", (500, 400), (200, 100, 50, 128)) for _ in range(240)]
    for number, frame in enumerate(frames):
        frame.paste((0, 0, 255, 255), (number, 0, number + 50, 50))
    out = io.BytesIO()
    frames[0].save(out, "WEBP", save_all=True, append_images=frames[1:], duration=100, method=0, lossless=True, quality=0)

    done = await pool.compress(Held(out.getvalue()), options(max_size="100"))

    assert (done.width, done.height) == (100, 80)
    assert opened(done.data).n_frames == 240  # type: ignore[attr-defined]
