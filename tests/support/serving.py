"""The HTTP server for real: uvicorn in a thread, on a free loopback port, with a folder of its own."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests
import uvicorn

from halve.doors.api import create_app
from tests.support.shop import settings_for


@contextmanager
def serving(folder: Path, *, worker: bool = True, root_path: str = "", **settings: Any) -> Iterator[str]:
    """The server's address, without a closing slash, while it runs."""
    app = create_app(settings_for(folder, **settings), worker=worker)
    with socket.create_server(("127.0.0.1", 0), backlog=512) as bound:
        config = uvicorn.Config(app, lifespan="on", log_config=None, root_path=root_path, timeout_graceful_shutdown=2)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, args=([bound],), name="serving", daemon=True)
        thread.start()
        try:
            until(lambda: server.started or not thread.is_alive(), "the server did not start")
            assert server.started, "the server could not start"
            yield f"http://127.0.0.1:{bound.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(timeout=20)
            assert not thread.is_alive(), "the server did not stop"


def hand_in(base: str, sheet: bytes, *, name: str = "catalogue.csv", key: str | None = None, **words: str) -> requests.Response:
    return requests.post(f"{base}/upload", files={"file": (name, sheet)}, data=words, headers=bearer(key), timeout=20)


def bearer(key: str | None) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"} if key else {}


def the_end(base: str, request_id: str, *, key: str | None = None, seconds: float = 30.0) -> dict[str, Any]:
    """The status of a request once it is finished."""
    status: dict[str, Any] = {}

    def over() -> bool:
        nonlocal status
        status = requests.get(f"{base}/status/{request_id}", headers=bearer(key), timeout=20).json()
        return status["completed_at"] is not None

    until(over, "the request did not end", seconds)
    return status


def until(done: Callable[[], object], otherwise: str = "it did not happen", seconds: float = 20.0) -> None:
    """Wait until `done()` is true."""
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline, otherwise
        time.sleep(0.02)
