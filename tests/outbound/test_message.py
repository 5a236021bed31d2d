"""Answers read out of bytes: the same however they are cut, bounded in what is not their body, and ended where they end."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from halve.outbound.http_fault import BadAnswer
from halve.outbound.message import HEAD_BYTES, Message

OK = b"HTTP/1.1 200 OK\r\n"
BODY = b"\xff\xd8\xff" + bytes(range(256)) * 20


def chunked(body: bytes, size: int, *, trailers: bytes = b"") -> bytes:
    chunks = [body[start : start + size] for start in range(0, len(body), size)]
    return b"".join(b"%x;x=y\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\n" + trailers + b"\r\n"


def told(pieces: list[bytes]) -> tuple[int, bool, bool, dict[str, str], bytes]:
    message, body = Message(), b""
    for piece in pieces:
        message.feed(piece)
        while taken := message.take():
            body += taken
    assert message.waiting == 0
    return message.status, message.over, message.clean, dict(message.headers), body


STATED = OK + b"Content-Length: %d\r\n\r\n" % len(BODY) + BODY
IN_CHUNKS = OK + b"Transfer-Encoding: chunked\r\nETag: 1\r\n\r\n" + chunked(BODY, 700, trailers=b"X-Sum: 9\r\n")
TO_THE_END = OK + b"Connection: close\r\n\r\n" + BODY
AFTER_HINTS = b"HTTP/1.0 100 Continue\r\nConnection: close\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + STATED
BARE_LINES = OK.replace(b"\r", b"") + b"Content-Length: %d\n\n" % len(BODY) + BODY
BLANK_BEFORE = b"\r\n\r\n" + STATED


@pytest.mark.parametrize("answer", [STATED, IN_CHUNKS, TO_THE_END, AFTER_HINTS, BARE_LINES, BLANK_BEFORE])
@given(data=st.data())
def test_an_answer_is_the_same_however_it_is_cut(answer: bytes, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(answer)), max_size=12)))
    pieces = [answer[start:end] for start, end in zip([0, *cuts], [*cuts, len(answer)], strict=True)]
    whole = told([answer])
    assert told(pieces) == whole
    assert (whole[0], whole[4]) == (200, BODY)


@pytest.mark.parametrize("answer", [STATED, IN_CHUNKS, AFTER_HINTS])
def test_an_answer_is_the_same_byte_for_byte(answer: bytes) -> None:
    assert told([answer[at : at + 1] for at in range(len(answer))]) == told([answer])


@pytest.mark.parametrize("answer", [STATED, IN_CHUNKS, AFTER_HINTS])
def test_a_head_may_be_cut_anywhere_twice(answer: bytes) -> None:
    end, whole = answer.index(BODY[:3]) + 2, told([answer])
    for one in range(end):
        for two in range(one + 1, min(one + 6, end)):
            assert told([answer[:one], answer[one:two], answer[two:]]) == whole


LENGTH = b"Content-Length: %d\r\n" % len(BODY)

MENDED = [
    LENGTH + LENGTH + b"\r\n" + BODY,
    b"Content-Length: %d, %d\r\n\r\n" % (len(BODY), len(BODY)) + BODY,
    LENGTH + b"Content-Length:\r\n\r\n" + BODY,
    LENGTH + b"Transfer-Encoding: identity\r\n\r\n" + BODY,
    b"Content-Length: 7\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked(BODY, 700),
    b"Transfer-Encoding: chunked\r\nContent-Length: 7\r\n\r\n" + chunked(BODY, 700),
    b"PHP Warning  in line 7\r\n" + LENGTH + b"\r\n" + BODY,
    b"Server : x\r\n" + LENGTH + b"\r\n" + BODY,
    b": nameless\r\n" + LENGTH + b"\r\n" + BODY,
    "Größe: 5\r\n".encode() + LENGTH + b"\r\n" + BODY,
    b"X (y): z\r\n folded\r\n" + LENGTH + b"\r\n" + BODY,
    LENGTH.replace(b"\r", b"\r\r") + b"\r\r\n" + BODY,
]


@pytest.mark.parametrize("answer", MENDED)
@given(data=st.data())
def test_what_browsers_let_pass_in_a_head_costs_no_picture(answer: bytes, data: st.DataObject) -> None:
    answer = OK + answer
    cuts = sorted(data.draw(st.lists(st.integers(0, len(answer)), max_size=12)))
    pieces = [answer[start:end] for start, end in zip([0, *cuts], [*cuts, len(answer)], strict=True)]
    status, over, clean, _, body = told(pieces)
    assert (status, over, body) == (200, True, BODY)
    assert not clean, "where it ends is doubtful, so no other answer is read behind it"


@pytest.mark.parametrize(
    "status", [b"HTTP/2 200", b"http/1.1 200 OK", b"HTTP/1.1  200  OK", b"HTTP/1.2\t200\tOK", b"HTTP/1.1 200OK"]
)
@pytest.mark.parametrize("end", [b"\r\n", b"\n"])
def test_a_status_is_read_however_it_is_written(status: bytes, end: bytes) -> None:
    answer = status + end + LENGTH.replace(b"\r\n", end) + end + BODY
    for cut in range(len(answer) - len(BODY) + 1):
        assert told([answer[:cut], answer[cut:]])[0::4] == (200, BODY)


def test_a_head_that_is_mended_says_what_it_said() -> None:
    head = b'no header\r\nETag : "1"\r\nX: a\r\n b\r\n' + LENGTH + LENGTH + b"\r\n"
    assert told([AFTER_HINTS.removesuffix(STATED) + OK + head + BODY])[3] == {
        "ETag": '"1"',
        "X": "a b",
        "content-length": str(len(BODY)),
    }


def test_an_empty_length_is_none() -> None:
    message = Message()
    message.feed(OK + b"Content-Length:\r\n\r\n" + BODY)
    assert (message.length, message.over, message.take()) == (None, False, BODY)


@given(junk=st.binary(max_size=400), kept=st.integers(0, 60))
def test_whatever_comes_is_an_answer_or_a_bad_one(junk: bytes, kept: int) -> None:
    message = Message()
    try:
        message.feed((OK + b"Transfer-Encoding: chunked\r\n\r\n")[:kept] + junk)
    except BadAnswer:
        return
    assert message.waiting <= len(junk)


@pytest.mark.parametrize(("answer", "over"), [(STATED, True), (IN_CHUNKS, True), (TO_THE_END, False)])
def test_the_end_is_where_the_head_says(answer: bytes, over: bool) -> None:
    message = Message()
    message.feed(answer)
    assert message.over is over
    message.hung_up()
    assert message.over


@pytest.mark.parametrize("answer", [STATED, IN_CHUNKS])
def test_hanging_up_early_is_no_end(answer: bytes) -> None:
    message = Message()
    message.feed(answer[:-6])
    message.hung_up()
    assert message.begun
    assert not message.over


@pytest.mark.parametrize("status", [b"204 No Content", b"304 Not Modified"])
def test_some_statuses_have_no_body_whatever_they_state(status: bytes) -> None:
    message = Message()
    message.feed(b"HTTP/1.1 " + status + b"\r\nContent-Length: 500\r\n\r\n")
    assert (message.over, message.clean, message.take()) == (True, True, b"")


@pytest.mark.parametrize("trailer", [b"Content-Length: 7\r\n", b"no trailer\r\n", b"Gr\xf6\xdfe: 7\r\n"])
@given(data=st.data())
def test_whatever_stands_in_its_trailers_a_body_in_chunks_is_whole(trailer: bytes, data: st.DataObject) -> None:
    answer = OK + b"Transfer-Encoding: chunked\r\n\r\n" + chunked(BODY, 700, trailers=trailer)
    cut = data.draw(st.integers(0, len(answer)))
    status, over, clean, _, body = told([answer[:cut], answer[cut:]])
    assert (status, over, clean, body) == (200, True, False, BODY)


@pytest.mark.parametrize("answer", [STATED, IN_CHUNKS])
@pytest.mark.parametrize("more", [b"\r\n", b"!", STATED])
@pytest.mark.parametrize("at_once", [True, False])
def test_what_comes_behind_an_answer_is_not_clean_and_not_of_it(answer: bytes, more: bytes, at_once: bool) -> None:
    status, over, clean, _, body = told([answer + more] if at_once else [answer, more])
    assert (status, over, body) == (200, True, BODY)
    assert not clean or more == b"\r\n"  # which some servers put there, and the next answer may begin with


@pytest.mark.parametrize(
    "answer",
    [
        b"220 mail.example.com ESMTP",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999999\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5, 6\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX Y: z\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nnot a length\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcde",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nno length\r\n",
        b"HTTP/2\r\n",
        b"HTTP/1.1 2000 OK\r\n",
        b"http:",
        b"HTTP/1.1 20x Well\r\n",
        b"HTTP/1.1 099 Less\r\nContent-Length: 5\r\n\r\nSTRAY",
    ],
)
def test_what_is_no_http_is_told_at_once(answer: bytes) -> None:
    with pytest.raises(BadAnswer):
        Message().feed(answer)


@pytest.mark.parametrize("piece", [70_000, 1000])
@pytest.mark.parametrize(
    "endless",
    [
        OK + b"X-Long: " + b"x" * 300_000,
        OK + b"X: y\r\n" * 50_000,
        b"HTTP/1.1 103 Early Hints\r\n\r\n" * 10_000,
        OK + b"Transfer-Encoding: chunked\r\n\r\n0\r\n" + b"X: y\r\n" * 50_000,
        OK + b"Transfer-Encoding: chunked\r\n\r\n0\r\nX-Long: " + b"x" * 300_000,
        OK + b"Transfer-Encoding: chunked\r\n\r\n5;" + b"x" * 300_000,
    ],
)
def test_what_is_not_the_body_has_bounds(endless: bytes, piece: int) -> None:
    pieces = [endless[start : start + piece] for start in range(0, HEAD_BYTES + 2 * piece, piece)]
    with pytest.raises(BadAnswer):
        told(pieces)


def test_many_small_chunks_are_no_endless_head() -> None:
    body = bytes(200_000)
    assert told([OK + b"Transfer-Encoding: chunked\r\n\r\n" + chunked(body, 1)])[4] == body


def test_crumbs_are_joined_and_large_pieces_handed_on_as_they_came() -> None:
    message = Message()
    message.feed(OK + b"Content-Length: 20000\r\n\r\n")
    large = bytes(8000)
    for piece in (b"a", b"b", large, large):
        message.feed(piece)
    assert message.take() == b"ab" + large + large
    message.feed(rest := bytes(3998))
    assert message.take() is rest
