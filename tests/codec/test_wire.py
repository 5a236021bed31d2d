"""Frames between parent and child: what goes in comes out, and nonsense is told from sense."""

from __future__ import annotations

import contextlib
import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from halve.codec import wire
from halve.core.compressed import Compressed
from halve.core.errors import ImageFailed
from halve.core.options import DEFAULT_QUALITY, Format, MaxBytes, Options
from halve.core.visible import visible

SHARES = st.floats(0.01, 1.0).map(lambda share: MaxBytes(share=share))
COUNTS = st.integers(1, 2**53).map(lambda count: MaxBytes(count=count))
OPTIONS = st.builds(
    Options,
    quality=st.none() | st.integers(1, 100),
    max_bytes=st.none() | SHARES | COUNTS,
    format=st.sampled_from(Format),
    max_size=st.none() | st.integers(1, 65_535),
)


@given(OPTIONS)
def test_options_arrive_as_they_were_sent(sent: Options) -> None:
    arrived = wire.job_options(over_the_wire(wire.job_header(sent)))

    default = None if sent.max_bytes else DEFAULT_QUALITY
    assert arrived == (sent if sent.quality is not None else replace(sent, quality=default))


def over_the_wire(header: dict[str, object]) -> dict[str, object]:
    start = wire.frame(header, 5)
    header_length, body_length = wire.lengths(start[:12], max_body=5)
    assert body_length == 5
    return wire.header(start[12 : 12 + header_length])


def test_a_picture_arrives_as_it_was_sent() -> None:
    sent = Compressed(data=b"x" * 5, format="webp", width=3, height=4, quality=50, kept=False)

    assert wire.reply(over_the_wire(wire.done_header(sent)), sent.data) == sent


def test_a_failure_arrives_as_one_line() -> None:
    failed = ImageFailed("damaged JPEG:\n it   ends\tearly", code="damaged")

    assert wire.reply(over_the_wire(wire.failure_header(failed)), b"") == wire.Failure("damaged", "damaged JPEG: it ends early")


def test_what_is_no_letter_in_a_failure_does_not_arrive() -> None:
    """Half a surrogate pair can be said in JSON. A database refuses it, and with it all that is recorded beside it."""
    told: dict[str, object] = {"error": "damaged", "message": "it \ud800 ends\0early"}

    assert wire.reply(over_the_wire(told), b"") == wire.Failure("damaged", "it ends early")


@given(st.binary(min_size=12, max_size=12), st.integers(0, 2**40))
def test_any_lengths_are_bounded_or_refused(prefix: bytes, most: int) -> None:
    try:
        header, body = wire.lengths(prefix, max_body=most)
    except wire.BadFrame:
        return
    assert header <= wire.MAX_HEADER
    assert body <= most


@given(st.binary(max_size=100))
def test_any_header_is_an_object_or_refused(encoded: bytes) -> None:
    with contextlib.suppress(wire.BadFrame):
        assert isinstance(wire.header(encoded), dict)


WORDS = st.sampled_from(["format", "width", "height", "quality", "kept", "error", "message", "retire"])
VALUES = st.none() | st.booleans() | st.integers(-5, 2**40) | st.floats(allow_nan=False) | st.text(max_size=8) | st.just("png")


@given(st.dictionaries(WORDS, VALUES | st.lists(VALUES, max_size=2)), st.binary(max_size=3))
def test_any_reply_is_sound_or_refused(header: dict[str, object], body: bytes) -> None:
    try:
        reply = wire.reply(header, body)
    except wire.BadFrame:
        return
    if isinstance(reply, Compressed):
        assert reply.format in wire.FORMATS
        assert reply.width > 0
        assert reply.height > 0
        assert reply.quality is None or 1 <= reply.quality <= 100
        assert reply.data
    else:
        assert reply.code.isidentifier()
        assert all(map(visible, reply.message))


def test_a_header_that_would_not_arrive_is_not_sent() -> None:
    with pytest.raises(wire.BadFrame):
        wire.frame({"message": "x" * wire.MAX_HEADER}, 0)


def test_headers_are_small() -> None:
    assert len(json.dumps(wire.job_header(Options(max_bytes=MaxBytes(count=2**53))))) < 200
