"""`halve demo`: what a newcomer sees first."""

import json
import re
import signal
import socket
import struct
import time
import urllib.request
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from halve.demo.shop import CATALOGUE, PHOTOS, open_shop
from tests.support.command import halve, rows_of, started, until, write_sheet


def test_it_halves_a_dozen_photographs_and_says_where_they_are(tmp_path: Path) -> None:
    ended = halve("demo", cwd=tmp_path)
    assert ended.code == 0, ended
    output = tmp_path / ended.out.splitlines()[-1]
    assert output == tmp_path / "halve-demo/output.csv"
    images = [path for row in rows_of(output) for path in row["Output Image Urls"].split(", ")]
    before = sum((PHOTOS / photo).stat().st_size for _, photos in CATALOGUE for photo in photos)
    after = sum((output.parent / path).stat().st_size for path in images)
    assert len(images) == 12
    assert after < before / 2
    assert "12 of 12 images done" in ended.out
    for _, photos in CATALOGUE:
        assert all(photo in ended.out for photo in photos)
    assert halve("demo", cwd=tmp_path).code == 0, "it can be had again"


def test_it_keeps_off_a_folder_that_is_not_its_own(tmp_path: Path) -> None:
    (tmp_path / "halve-demo").mkdir()
    (tmp_path / "halve-demo/products.csv").write_text("mine")
    assert halve("demo", cwd=tmp_path).code == 2
    assert (tmp_path / "halve-demo/products.csv").read_text() == "mine"


def test_where_no_folder_can_be_for_a_file_it_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    for output in ("mine.txt", "mine.txt/demo"):
        ended = halve("demo", "-o", output, cwd=tmp_path)
        assert ended.code == 2, ended
        assert "mine.txt" in ended.err
        assert "-o" in ended.err
    assert (tmp_path / "mine.txt").read_text() == "mine"


def test_it_takes_no_run_of_its_users_for_its_own(tmp_path: Path) -> None:
    """Both write to `products.csv` and its results."""
    write_sheet(tmp_path / "products.csv", [("Cup", ["http://127.0.0.1:9/cup.jpg"])])
    assert halve("run", "products.csv", "-o", ".", cwd=tmp_path).code == 1
    before = {path.name: path.read_bytes() for path in tmp_path.glob("*.csv")}
    assert halve("demo", "-o", ".", cwd=tmp_path).code == 2
    assert {path.name: path.read_bytes() for path in tmp_path.glob("*.csv")} == before


def test_with_serve_the_page_stays_up_with_the_sample_in_it(tmp_path: Path) -> None:
    of_a_cluster = {"HALVE_BROKER_URL": "redis://127.0.0.1:1/0", "HALVE_DATABASE_URL": "postgresql://127.0.0.1:1/halve"}
    with started("demo", "--serve", "--port", "0", "-o", "out", cwd=tmp_path, env=of_a_cluster) as demo:
        assert demo.stdout is not None
        said = next(line for line in demo.stdout if line.startswith("The page is"))
        page, request_id = re.search(r"(http://\S+?)#(\S+)", said).groups()  # type: ignore[union-attr]
        with urllib.request.urlopen(page, timeout=10) as answer:
            assert "text/html" in answer.headers["Content-Type"]

        def status() -> dict[str, Any]:
            with urllib.request.urlopen(f"{page}status/{request_id}", timeout=10) as answer:
                body: dict[str, Any] = json.load(answer)
                return body

        until("the sample is done", lambda: status()["status"] == "completed")
        assert status()["no_img_compressed"] == 12
        demo.send_signal(signal.SIGINT)
        assert demo.wait(timeout=20) == 130


def test_who_leaves_its_shop_in_the_middle_is_not_told_of(capfd: pytest.CaptureFixture[str]) -> None:
    """As all who fetch do where a run is stopped, or fails."""
    with open_shop() as address:
        at = urlsplit(address)
        for _ in range(3):
            with socket.create_connection((str(at.hostname), at.port or 0)) as connection:
                connection.sendall(b"GET /rocket.jpg HTTP/1.1\r\n")
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # a reset
        urllib.request.urlopen(f"{address}/rocket.jpg").read()
        time.sleep(0.1)
    assert capfd.readouterr().err == ""


def test_every_photograph_is_in_the_catalogue_and_its_licence_is_named() -> None:
    served = {photo for _, photos in CATALOGUE for photo in photos}
    there = {path.name for path in PHOTOS.iterdir() if path.suffix in (".jpg", ".png")}
    assert served == there
    named = (PHOTOS / "README.md").read_text()
    assert all(f"`{photo}`" in named for photo in served)
