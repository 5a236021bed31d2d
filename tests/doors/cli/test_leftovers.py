"""What a server leaves behind when it is killed is cleared away by the next one."""

from __future__ import annotations

import socket
from pathlib import Path
from urllib.parse import urlsplit

import requests

from tests.support.command import address_of, started, until
from tests.support.origin import Origin
from tests.support.photos import photo
from tests.support.serving import hand_in
from tests.support.shop import sheet_of

BEGUN = (
    b"POST /upload HTTP/1.1\r\nHost: a.test\r\nContent-Length: 4000\r\nContent-Type: multipart/form-data; boundary=x\r\n\r\n"
    b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\nS. No.'
)
ALLOWED = {"HALVE_ALLOW_PRIVATE": "127.0.0.0/8", "HALVE_CONCURRENCY": "1"}


def files_in(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and path.suffix != ".lock"]


def test_half_an_upload_and_what_workers_stored_of_an_erased_request(tmp_path: Path) -> None:
    data, words = tmp_path / "data", ("serve", "--port", "0", "--data", "data")
    with Origin(latency=0.7) as origin:
        origin.serve("/cup.jpg", photo("coffee", width=240))
        sheet = sheet_of([("Cup", [origin.url(f"/cup.jpg?{n}")]) for n in range(300)])
        with started(*words, cwd=tmp_path, env=ALLOWED) as server:
            base = address_of(server)
            address = urlsplit(base)
            assert address.hostname
            with socket.create_connection((address.hostname, address.port or 0), timeout=10) as connection:
                connection.sendall(BEGUN)
                request_id = hand_in(base, sheet).json()["request_id"]
                until("images are in work", lambda: origin.hits("/cup.jpg") > 100)
                assert requests.delete(f"{base}/requests/{request_id}", timeout=10).status_code == 204
                until("an image was stored after all", lambda: list((data / "images").glob("[!.]*/*")))
                server.kill()
                server.wait()
        assert files_in(data / "spool"), "half an upload"
        assert list((data / "images").glob("[!.]*/*"))
        with started(*words, cwd=tmp_path, env=ALLOWED) as server:
            address_of(server)
            assert not files_in(data / "spool")
            until("images of an erased request stayed", lambda: not list((data / "images").glob("[!.]*")), timeout=5)
