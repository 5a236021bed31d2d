"""Forms are read the same however the network cuts them up."""

from __future__ import annotations

import os
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.requests import Request as HttpRequest

from halve.core.errors import StoreFailed
from halve.doors.api.forms import Form, read_form
from halve.doors.api.problems import Problem

WORDS = ("quality", "email")
BOUNDARY = b"frontier"


def http_of(body: bytes, cuts: list[int]) -> HttpRequest:
    edges = sorted({0, len(body), *(cut % (len(body) + 1) for cut in cuts)})
    pieces = [body[start:end] for start, end in pairwise(edges)] or [b""]
    messages = [{"type": "http.request", "body": piece, "more_body": n + 1 < len(pieces)} for n, piece in enumerate(pieces)]
    headers = [(b"content-type", b'multipart/form-data; boundary="' + BOUNDARY + b'"')]

    async def receive() -> Any:
        return messages.pop(0)

    return HttpRequest({"type": "http", "method": "POST", "path": "/upload", "headers": headers}, receive)


def part(name: str, content: bytes, filename: str | None = None) -> bytes:
    more = f'; filename="{filename}"' if filename is not None else ""
    head = f'--{BOUNDARY.decode()}\r\nContent-Disposition: form-data; name="{name}"{more}\r\n\r\n'
    return head.encode() + content + b"\r\n"


def form_of(*parts: bytes) -> bytes:
    return b"".join(parts) + b"--" + BOUNDARY + b"--\r\n"


async def read(body: bytes, spool: Path, cuts: list[int], max_bytes: int = 10_000) -> tuple[bytes, Form]:
    async with read_form(http_of(body, cuts), WORDS, spool=spool, max_bytes=max_bytes) as form:
        return form.path.read_bytes(), form


@settings(deadline=None, max_examples=150)
@given(
    content=st.one_of(
        st.binary(max_size=300),
        st.lists(st.sampled_from([b"\r\n--frontier", b"\r\n--", b"\r", b"\n", b"-", b"frontie", b"x"]), max_size=12).map(b"".join),
    ),
    word=st.text(alphabet=st.characters(exclude_categories=["Cs", "Cc"]), max_size=20),
    cuts=st.lists(st.integers(0, 2_000), max_size=8),
)
async def test_a_form_is_read_the_same_in_pieces_of_any_size(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, word: str, cuts: list[int]
) -> None:
    if b"\r\n--frontier" in b"\r\n" + content:
        return  # no sender may choose a boundary that stands in the content
    spool = tmp_path_factory.getbasetemp()
    got, form = await read(form_of(part("email", word.encode()), part("file", content, "a.csv")), spool, cuts)
    assert got == content
    assert form.filename == "a.csv"
    assert form.words == ({"email": word.strip()} if word.strip() else {})
    assert not form.path.exists()


@settings(deadline=None, max_examples=150)
@given(body=st.binary(max_size=200), cuts=st.lists(st.integers(0, 300), max_size=4))
async def test_any_bytes_are_a_form_or_a_problem(tmp_path_factory: pytest.TempPathFactory, body: bytes, cuts: list[int]) -> None:
    with pytest.raises(Problem) as caught:
        await read(b"--frontier\r\n" + body, tmp_path_factory.getbasetemp(), cuts)
    assert caught.value.status in (400, 413)


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("../../etc/passwd.csv", "passwd.csv"),
        ("C:\\\\Users\\\\ann\\\\a.csv", "a.csv"),
        ("a%22b.csv", 'a"b.csv'),
        ("ta\tb\x7f.csv", "tab.csv"),
        ("käse 🧀.csv", "käse 🧀.csv"),
        ("Liste\u00a02024\u202f–\u30003.csv", "Liste 2024 – 3.csv"),
        ("می\u200cخواهم 👨\u200d👩\u200d👧.csv", "می\u200cخواهم 👨\u200d👩\u200d👧.csv"),
        ("\u202egpj.\u2066csv", "gpj.csv"),
        ("x" * 500 + ".csv", "x" * 196 + ".csv"),
    ],
)
async def test_a_file_name_is_a_name_and_nothing_else(tmp_path: Path, sent: str, kept: str) -> None:
    _, form = await read(form_of(part("file", b"x", sent)), tmp_path, [])
    assert form.filename == kept


async def test_an_extended_file_name_is_understood_where_it_is_alone(tmp_path: Path) -> None:
    body = form_of(part("file", b"x")).replace(b'name="file"', b"name=\"file\"; filename*=utf-8''k%C3%A4se.csv")
    _, form = await read(body, tmp_path, [])
    assert form.filename == "käse.csv"


async def test_an_extended_file_name_is_the_files_where_a_plain_one_stands_beside_it(tmp_path: Path) -> None:
    plain = part("file", b"x", "=?utf-8?B?a8Okc2UuY3N2?=")  # as .NET sends it
    _, form = await read(form_of(plain.replace(b'?="', b"?=\"; filename*=utf-8''k%C3%A4se.csv")), tmp_path, [])
    assert form.filename == "käse.csv"


async def test_an_extended_file_name_within_a_plain_one_is_a_part_of_that(tmp_path: Path) -> None:
    _, form = await read(form_of(part("file", b"x", r"a\"; filename*=utf-8''b.csv; \"c.csv")), tmp_path, [])
    assert form.filename == "a\"; filename*=utf-8''b.csv; \"c.csv"


@pytest.mark.parametrize(
    "opening", [b"\r\n", b"This is a message with parts.\r\n", b"--front\r\n\r\n--frontie\r\n", b" --frontier\r\n", b"\r\r\n" * 99]
)
@pytest.mark.parametrize("cuts", [[], list(range(400)), [17, 31]], ids=["whole", "byte by byte", "in pieces"])
async def test_what_stands_before_the_first_part_is_passed_over(tmp_path: Path, opening: bytes, cuts: list[int]) -> None:
    got, form = await read(opening + form_of(part("file", b"x\r\n--front", "a.csv"), part("quality", b"40")), tmp_path, cuts)
    assert got == b"x\r\n--front"
    assert form.words == {"quality": "40"}


async def test_the_fingerprint_knows_every_difference(tmp_path: Path) -> None:
    file, quality = part("file", b"x", "a.csv"), part("quality", b"50")
    prints = [
        (await read(form_of(*parts), tmp_path, []))[1].fingerprint
        for parts in (
            (file,),
            (file, quality),
            (file, part("quality", b"51")),
            (file, part("email", b"50")),
            (part("file", b"y", "a.csv"),),
            (part("file", b"x", "b.csv"),),
        )
    ]
    assert len(set(prints)) == len(prints)
    _, turned = await read(form_of(quality, file), tmp_path, [3, 50])
    assert turned.fingerprint == prints[1]


async def test_a_file_is_cut_off_at_its_bound_and_its_remains_are_gone(tmp_path: Path) -> None:
    with pytest.raises(Problem, match="larger than") as caught:
        await read(form_of(part("file", b"x" * 101, "a.csv")), tmp_path, [], max_bytes=100)
    assert caught.value.code == "too_large"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("size", [10, 100_000], ids=["a small file", "a large file"])
async def test_a_full_disk_is_a_store_that_failed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    def on_a_full_disk(**_: object) -> tuple[int, str]:
        (tmp_path / "upload").touch()
        return os.open("/dev/full", os.O_WRONLY), str(tmp_path / "upload")

    monkeypatch.setattr("tempfile.mkstemp", on_a_full_disk)
    with pytest.raises(StoreFailed, match="No space left on device"):
        await read(form_of(part("file", b"x" * size, "a.csv")), tmp_path, [], max_bytes=size)
    assert list(tmp_path.iterdir()) == []
