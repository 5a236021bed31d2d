"""`GET /events`: watching."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import closing
from pathlib import Path
from typing import Any

import requests

from halve.doors.api.events import LOOK_EVERY
from tests.doors.api.conftest import Done
from tests.support.origin import Origin
from tests.support.photos import photo
from tests.support.server import free_port
from tests.support.serving import hand_in, serving, until
from tests.support.shop import sheet_of


def events(base: str, request_id: str, **headers: str) -> Generator[tuple[str, dict[str, Any]], None, None]:
    """Each event's name and data, until the server closes."""
    with requests.get(f"{base}/events/{request_id}", headers=headers, stream=True, timeout=30) as response:
        assert response.status_code == 200
        assert response.headers["Content-Type"].startswith("text/event-stream")
        name = ""
        for raw in response.iter_lines(chunk_size=1):
            line = raw.decode()
            if line.startswith("event: "):
                name = line[7:]
            elif line.startswith("data: "):
                yield name, json.loads(line[6:])


def test_progress_is_told_until_it_is_done(busy: str, origin: Origin) -> None:
    slow = [origin.serve(f"/slow{n}.jpg", photo("coffee", width=240), latency=0.7 * n) for n in range(3)]
    request_id = hand_in(busy, sheet_of([("Mug", [url]) for url in slow])).json()["request_id"]
    told = list(events(busy, request_id))
    *progress, (last, final) = told
    assert {name for name, _ in progress} == {"progress"}
    assert last == "done"
    percents = [body["progress"]["percent"] for _, body in progress]
    assert percents == sorted(percents)
    assert len(set(percents)) > 2
    assert final["status"] == "completed"
    assert final == progress[-1][1] == requests.get(f"{busy}/status/{request_id}", timeout=5).json()


def test_a_finished_request_is_done_at_once(done: Done) -> None:
    assert [name for name, _ in events(done.base, done.id, **{"Last-Event-ID": "7"})] == ["progress", "done"]


def test_an_event_is_one_line_to_all_who_read_lines(idle: str) -> None:
    """Many a client splits the stream as text, and text may end a line at letters that JSON leaves as they are."""
    column = "Pictures\u2028front\u2029back\x85side"
    sheet = f"id,name,{column}\n1,Mug,http://shop.example/a.jpg,http://shop.example/b.jpg\n".encode()
    request_id = hand_in(idle, sheet, columns=f"images={column}").json()["request_id"]
    with requests.get(f"{idle}/events/{request_id}", stream=True, timeout=30) as response:
        first = next(response.iter_content(100_000)).decode()
    kind, data, *blank = first.splitlines()
    assert (kind, blank) == ("event: progress", [""])
    assert [repair["column"] for repair in json.loads(data.removeprefix("data: "))["repairs"]] == [column]


def test_a_store_that_fails_for_a_while_ends_no_stream(tmp_path: Path, sheet: bytes) -> None:
    """Of a request that runs again, deliveries are looked at each time, and they may be what cannot be read."""
    with serving(tmp_path, worker=False) as base, closing(sqlite3.connect(next(tmp_path.rglob("halve.db")))) as database:
        request_id = hand_in(base, sheet).json()["request_id"]
        change(database, "UPDATE requests SET round = 1")
        watching = events(base, request_id)
        assert next(watching)[0] == "progress"
        change(database, "ALTER TABLE deliveries RENAME TO away")
        assert requests.get(f"{base}/events/{request_id}", timeout=5).status_code == 503
        time.sleep(3 * LOOK_EVERY)
        change(database, "ALTER TABLE away RENAME TO deliveries")
        change(database, "UPDATE requests SET done_images = 1")
        name, body = next(watching)
        assert (name, body["progress"]["done"]) == ("progress", 1)
        watching.close()


def change(database: sqlite3.Connection, statement: str) -> None:
    with database:
        database.execute(statement)


def test_a_request_erased_while_it_is_watched_is_done(idle: str, sheet: bytes) -> None:
    request_id = hand_in(idle, sheet).json()["request_id"]
    watching = events(idle, request_id)
    assert next(watching)[0] == "progress"
    assert requests.delete(f"{idle}/requests/{request_id}", timeout=5).status_code == 204
    assert [(name, body["status"]) for name, body in watching][-1] == ("done", "cancelled")


def test_a_cancelled_request_is_done_when_its_sheet_is_there(idle: str, sheet: bytes) -> None:
    request_id = hand_in(idle, sheet).json()["request_id"]
    watching = events(idle, request_id)
    next(watching)
    requests.post(f"{idle}/cancel/{request_id}", timeout=5)
    name, body = list(watching)[-1]
    assert (name, body["status"]) == ("done", "cancelled")
    assert body["output_csv_url"]


def test_there_are_only_so_many_streams_and_their_places_come_free_again(idle: str, sheet: bytes, monkeypatch: Any) -> None:
    monkeypatch.setattr("halve.doors.api.events.STREAMS_AT_ONCE", 2)
    request_id = hand_in(idle, sheet).json()["request_id"]
    one, two = events(idle, request_id), events(idle, request_id)
    next(one), next(two)
    refused = requests.get(f"{idle}/events/{request_id}", timeout=5)
    assert (refused.status_code, refused.json()["code"]) == (503, "busy")
    assert int(refused.headers["Retry-After"]) > 0
    one.close()

    def free() -> bool:
        with requests.get(f"{idle}/events/{request_id}", stream=True, timeout=5) as response:
            return response.status_code == 200

    until(free)
    two.close()


def test_head_answers_without_a_stream(done: Done) -> None:
    response = requests.head(f"{done.base}/events/{done.id}", timeout=5)
    assert "Content-Length" not in response.headers
    assert response.headers["Content-Type"].startswith("text/event-stream")


def test_a_stopping_server_does_not_wait_for_those_who_watch(tmp_path: Path, origin: Origin) -> None:
    """As `uvicorn halve.asgi:app` is stopped by whoever started it, without a word about open answers."""
    later = origin.status("/later.jpg", 503, {"Retry-After": "60"})
    port = free_port()
    base = f"http://127.0.0.1:{port}"
    environment = {**os.environ, "HALVE_DATA_DIR": str(tmp_path), "HALVE_ALLOW_PRIVATE": "127.0.0.0/8", "HALVE_CONCURRENCY": "1"}
    command = [sys.executable, "-m", "uvicorn", "halve.asgi:app", "--port", str(port), "--log-level", "warning"]
    with subprocess.Popen(command, cwd=tmp_path, env=environment) as server:
        try:
            until(lambda: answers(f"{base}/healthz"))
            request_id = hand_in(base, sheet_of([("Mug", [later])])).json()["request_id"]
            watching = events(base, request_id)
            assert next(watching)[0] == "progress"
            until(lambda: origin.hits("/later.jpg") == 1)
            server.send_signal(signal.SIGTERM)
            assert "done" not in [name for name, _ in watching]
            server.wait(timeout=8)
        finally:
            server.kill()


def answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=5).status_code == 200
    except requests.ConnectionError:
        return False
