"""A small shop: its photographs served on a free loopback port, and its sheet."""

from __future__ import annotations

import csv
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from io import StringIO
from pathlib import Path

PHOTOS = Path(__file__).parent / "photos"

CATALOGUE = (
    ("Espresso cup with saucer", ("espresso-cup.jpg", "espresso-cup-upright.jpg")),
    ("Cat calendar", ("cat.jpg", "cat-eyes.png")),
    ("Poster, Eileen Collins", ("astronaut.jpg", "mission-patch.jpg")),
    ("Poster, launch at dusk", ("rocket.jpg",)),
    ("Poster, Hubble deep field", ("deep-field.jpg", "galaxies.png")),
    ("Anatomy print, retina", ("retina.jpg",)),
    ("Paving brick, sample", ("paving-brick.jpg",)),
    ("Gravel 8/16, sample", ("gravel.jpg",)),
)
"""Product → its photographs."""


@contextmanager
def open_shop() -> Iterator[str]:
    """Serve the photographs on loopback; gives the address, such as `http://127.0.0.1:40000`."""
    with _Server(("127.0.0.1", 0), partial(_Handler, directory=str(PHOTOS))) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def sheet(address: str) -> bytes:
    """The shop's sheet, with its photographs at that address."""
    text = StringIO()
    writer = csv.writer(text)
    writer.writerow(["S. No.", "Product Name", "Input Image Urls"])
    for number, (product, photos) in enumerate(CATALOGUE, start=1):
        writer.writerow([number, product, ", ".join(f"{address}/{photo}" for photo in photos)])
    return text.getvalue().encode()


def is_ours(path: Path) -> bool:
    """Whether a shop, wherever it was, wrote this sheet."""
    return path.is_file() and re.sub(rb"http://127\.0\.0\.1:\d+", b"", path.read_bytes()) == sheet("")


class _Handler(SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: progress is shown elsewhere."""


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of those who left in the middle, as a run does that is stopped."""
