"""The whole process tree killed at random moments, over and over: nothing is lost, nothing counts twice, nobody is blamed."""

import contextlib
import csv
import io
import json
import os
import random
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.support.origin import Origin
from tests.support.photos import photo
from tests.support.server import free_port
from tests.support.shop import sheet_of

PHOTOS = [photo(name, quality=90) for name in ("coffee", "rocket", "chelsea")]


@contextmanager
def serving(folder: Path, port: int) -> Iterator[psutil.Process]:
    """`halve serve`, and no mercy at the end: SIGKILL to all of it."""
    # Few at a time and none remembered, so that kills come in the middle of the work however fast the machine is.
    slowly = {"HALVE_IN_FLIGHT": "8", "HALVE_MEMORY": "off"}
    environment = {**os.environ, "HALVE_ALLOW_PRIVATE": "127.0.0.0/8", **slowly}
    command = [sys.executable, "-m", "halve", "serve", "--port", str(port), "--data", str(folder)]
    process = psutil.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield process
    finally:
        for one in [*process.children(recursive=True), process]:
            with contextlib.suppress(psutil.NoSuchProcess):
                one.kill()
        process.wait()


def ask(port: int, path: str) -> Any:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
        return json.load(answer)


def until_ready(port: int) -> None:
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError):
            ask(port, "/healthz")
            return
        time.sleep(0.02)
    raise AssertionError("the server did not start")


def upload(port: int, sheet: bytes, webhook_url: str) -> str:
    body = (
        b'--part\r\nContent-Disposition: form-data; name="file"; filename="catalogue.csv"\r\nContent-Type: text/csv\r\n\r\n'
        + sheet
        + b'\r\n--part\r\nContent-Disposition: form-data; name="webhook_url"\r\n\r\n'
        + webhook_url.encode()
        + b"\r\n--part--\r\n"
    )
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/upload", body, {"Content-Type": "multipart/form-data; boundary=part"}, method="POST"
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        assert answer.status == 202
        return str(json.load(answer)["request_id"])


@pytest.mark.parametrize(
    ("images", "kills"), [(120, 4), pytest.param(2000, 50, marks=pytest.mark.torture)], ids=["a-few-kills", "fifty-kills"]
)
def test_a_request_killed_at_random_moments_ends_complete(tmp_path: Path, images: int, kills: int) -> None:
    chance = random.Random(images)
    port = free_port()
    with Origin(latency=0.1) as origin:
        for n, data in enumerate(PHOTOS):
            origin.serve(f"/{n}.jpg", data)
        origin.serve("/hook", b"thanks")
        origin.status("/ghost.jpg", 404)
        rows = [(f"Cup {n}", [origin.url(f"/{n % 3}.jpg?n={n}")]) for n in range(images - 1)]
        rows.insert(images // 2, ("Ghost", [origin.url("/ghost.jpg")]))
        with serving(tmp_path, port):
            until_ready(port)
            request_id = upload(port, sheet_of(rows), origin.url("/hook"))
        killed_in_work = 0
        for _ in range(kills):
            with serving(tmp_path, port):
                until_ready(port)
                killed_in_work += ask(port, f"/status/{request_id}")["completed_at"] is None
                time.sleep(chance.uniform(0.0, 0.4))
        assert killed_in_work >= min(kills, 3)
        with serving(tmp_path, port):
            until_ready(port)
            deadline = time.monotonic() + 60 + images / 5
            while (status := ask(port, f"/status/{request_id}"))["completed_at"] is None:
                assert time.monotonic() < deadline, status
                time.sleep(0.1)
            while status["deliveries"][0]["state"] != "delivered":
                assert time.monotonic() < deadline, status
                time.sleep(0.1)
                status = ask(port, f"/status/{request_id}")
            assert (status["status"], status["total_images"]) == ("completed", images)
            assert (status["no_img_compressed"], status["failed_images"]) == (images - 1, 1)
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/download/{request_id}", timeout=30) as answer:
                output = list(csv.DictReader(io.StringIO(answer.read().decode())))
            assert [row["Product Name"] for row in output] == [name for name, _ in rows]
            assert {row["Image Errors"] for row in output} == {"", "1: not found (404)"}
            links = [row["Output Image Urls"] for row in output if row["Output Image Urls"]]
            assert len(set(links)) == images - 1
            for link in chance.sample(links, 50):
                with urllib.request.urlopen(link, timeout=10) as answer:
                    assert answer.read(3) == b"\xff\xd8\xff"
        assert len({hook.headers["webhook-id"] for hook in origin.seen("/hook")}) == 1
