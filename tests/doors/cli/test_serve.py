"""`halve serve` and `halve worker`: they start, say where they are, and stop in good order."""

import asyncio
import json
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from halve.core.intake import accept, new_request
from halve.core.models import Request, SheetOptions
from halve.core.options import Options
from halve.settings import Settings
from halve.wiring import open_parts
from tests.support.command import address_of, environment, halve, serving, started, until, write_sheet
from tests.support.origin import Origin
from tests.support.photos import photo


@pytest.fixture
def origin() -> Iterator[Origin]:
    with Origin() as origin:
        origin.serve("/cup.jpg", photo("coffee", quality=92))
        yield origin


@pytest.mark.parametrize(("signum", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_it_prints_where_it_serves_and_ends_in_good_order(tmp_path: Path, signum: int, code: int) -> None:
    with started("serve", "--port", "0", "--data", tmp_path / "data", cwd=tmp_path) as server:
        with urllib.request.urlopen(f"{address_of(server)}/healthz", timeout=10) as answer:
            assert answer.status == 200
        server.send_signal(signum)
        assert server.wait(timeout=20) == code
    assert (tmp_path / "data/halve.db").is_file()


def test_an_image_in_work_and_an_upload_that_hangs_hold_up_its_end_side_by_side(tmp_path: Path, origin: Origin) -> None:
    """Ten seconds for what is being answered, and eight meanwhile for what is in work."""
    origin.slow_headers("/slow.jpg", photo("coffee"), 60)
    sheet = write_sheet(tmp_path / "a.csv", [("Cup", [origin.url("/slow.jpg")])])
    env = {"HALVE_ALLOW_PRIVATE": "127.0.0.0/8"}
    with started("serve", "--port", "0", "--data", tmp_path / "data", cwd=tmp_path, env=env) as server:
        address = address_of(server)
        assert halve("submit", sheet, "--url", address, cwd=tmp_path).code == 0
        until("the image is in work", lambda: origin.hits("/slow.jpg"))
        host, _, port = address.removeprefix("http://").partition(":")
        with socket.create_connection((host, int(port))) as upload:
            form = "Content-Type: multipart/form-data; boundary=b\r\nContent-Length: 999"
            upload.sendall(f"POST /upload HTTP/1.1\r\nHost: x\r\n{form}\r\n\r\n--b\r\n".encode())
            time.sleep(0.5)  # until it is being read
            server.send_signal(signal.SIGTERM)
            assert server.wait(timeout=15) == 0


@pytest.mark.parametrize(("proxies", "scheme"), [("127.0.0.0/8, 10.1.2.3", "https"), ("10.0.0.0/8", "http")])
def test_the_environment_names_the_proxies_whose_word_for_tls_is_taken(
    tmp_path: Path, origin: Origin, proxies: str, scheme: str
) -> None:
    sheet = f"S. No.,Product Name,Input Image Urls\n1,Cup,{origin.url('/cup.jpg')}\n"
    part = 'Content-Disposition: form-data; name="file"; filename="a.csv"'
    body = f"--b\r\n{part}\r\n\r\n{sheet}\r\n--b--\r\n".encode()
    headers = {"Content-Type": "multipart/form-data; boundary=b", "X-Forwarded-Proto": "https", "Host": "shop.example"}
    with serving(tmp_path / "data", env={"FORWARDED_ALLOW_IPS": proxies}) as address:
        request = urllib.request.Request(f"{address}/upload", body, headers)
        answer = json.load(urllib.request.urlopen(request, timeout=10))
        assert answer["status_url"].startswith(f"{scheme}://shop.example/status/")


def test_a_port_in_use_ends_with_2_and_says_what_to_do(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        ended = halve("serve", "--port", str(taken.getsockname()[1]), cwd=tmp_path)
    assert ended.code == 2, ended
    assert "is in use" in ended.err
    assert "--port 0" in ended.err


@pytest.mark.parametrize(
    ("setting", "value", "code"),
    [
        ("HALVE_STORAGE_URL", "gs://[", 2),
        ("HALVE_HOST", "shop..example", 2),
        ("HALVE_PER_HOST", "many", 2),
        ("HALVE_SMTP_URL", "smtp://127.0.0.1", 2),
        ("HALVE_DATA_DIR", "/proc/nowhere", 3),
    ],
)
def test_an_impossible_setting_is_named_before_anything_is_served(tmp_path: Path, setting: str, value: str, code: int) -> None:
    ended = halve("serve", "--port", "0", cwd=tmp_path, env={setting: value})
    assert ended.code == code, ended
    assert setting in ended.err
    assert ended.out == ""


def test_a_worker_beside_it_works_on_the_database_alone(tmp_path: Path, origin: Origin) -> None:
    settings = Settings(data_dir=tmp_path / "data")
    sheet = write_sheet(tmp_path / "a.csv", [(f"Cup {n}", [origin.url(f"/cup.jpg?n={n}")]) for n in range(8)])
    request = asyncio.run(_put(settings, sheet))
    env = {"HALVE_ALLOW_PRIVATE": "127.0.0.0/8"}
    with started("worker", "--data", settings.data_dir, "--concurrency", "1", cwd=tmp_path, env=env) as worker:
        until("the worker has ended the request", lambda: asyncio.run(_look(settings, request)).finished)
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(timeout=20) == 0
    assert asyncio.run(_look(settings, request)).done_images == 8


@pytest.mark.parametrize("command", ["worker", "serve"])
def test_a_broker_that_is_none_is_refused(tmp_path: Path, command: str) -> None:
    ended = halve(command, cwd=tmp_path, env={"HALVE_BROKER_URL": "kafka://secret@127.0.0.1"})
    assert ended.code == 2, ended
    assert "HALVE_BROKER_URL" in ended.err
    assert "amqp://" in ended.err
    assert "secret" not in ended.err


def test_whoever_starts_the_server_is_told_in_a_sentence_why_it_cannot(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "uvicorn", "halve.asgi:app", "--port", "0"]
    env = environment({"HALVE_MAX_ROWS": "none"})
    ended = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode != 0
    assert "HALVE_MAX_ROWS: " in ended.stderr
    assert "Traceback" not in ended.stderr


async def _put(settings: Settings, sheet: Path) -> Request:
    async with open_parts(settings) as parts:
        request = new_request(filename=sheet.name, options=Options(), sheet=SheetOptions(), base_url="http://shop.example")
        return await accept(parts.states, parts.images, sheet, request, parts.sheet_limits)


async def _look(settings: Settings, request: Request) -> Request:
    async with open_parts(settings) as parts:
        found = await parts.states.request(request.id)
    assert found is not None
    return found
