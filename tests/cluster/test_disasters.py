"""Workers killed, the broker emptied, the database restarted in the middle of a sheet: nothing is lost, nothing counts twice."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import redis

from tests.contract.backends import cannot_start
from tests.support import brokers, mongo, postgres, s3
from tests.support.cluster import Cluster, cluster
from tests.support.origin import Origin
from tests.support.photos import photo
from tests.support.processes import CannotStart
from tests.support.serving import hand_in
from tests.support.shop import sheet_of

Disaster = Callable[[Cluster], None]


@dataclass
class Surroundings:
    """What the processes share, and what may happen to it."""

    settings: dict[str, str] = field(default_factory=dict)
    disasters: list[Disaster] = field(default_factory=list)


def kill(number: int) -> Disaster:
    def happen(made: Cluster) -> None:
        made.kill(f"worker-{number}")
        made.work(f"worker-{number}")

    return happen


@contextmanager
def surroundings(broker: str | None, database: str, store: str, folder: Path) -> Iterator[Surroundings]:
    """Servers as the names say, empty; skips the test, or fails it where `CI` is set, if one does not start."""
    found = Surroundings(disasters=[kill(0)])
    with ExitStack() as stack:
        try:
            if broker == "valkey":
                found.settings["HALVE_BROKER_URL"] = url = f"{brokers.valkey_url()}/15"
                found.disasters.append(lambda _: empty(url))
            elif broker == "rabbitmq":
                found.settings["HALVE_BROKER_URL"] = brokers.rabbitmq_url()
            if database == "postgresql":
                server = postgres.Postgres(synchronous_commit="on", fsync="off")
                stack.callback(server.remove)
                postgres.run_sql(server.url(), "CREATE DATABASE halve")
                found.settings["HALVE_DATABASE_URL"] = server.url("halve")
                found.disasters.append(lambda _: restart(server))
            else:
                url_of_mongo, name = stack.enter_context(mongo.empty_database())
                found.settings["HALVE_DATABASE_URL"] = f"{url_of_mongo}/{name}"
            if store == "s3":
                found.settings["HALVE_STORAGE_URL"] = f"s3://{stack.enter_context(s3.empty_bucket())}/images"
            elif store == "gridfs":
                found.settings["HALVE_STORAGE_URL"] = f"{url_of_mongo}/{name}-images".replace("mongodb://", "gridfs://")
            else:
                found.settings["HALVE_STORAGE_URL"] = (folder / "images").as_uri()
            found.disasters.append(kill(1))
        except CannotStart as why:
            cannot_start(f"{broker}, {database} or {store}", why)
        yield found


def restart(server: postgres.Postgres) -> None:
    """As if all of it were killed; it recovers, without what had not been written to disk."""
    server.stop()
    time.sleep(0.5)
    server.start()


def empty(url: str) -> None:
    with redis.Redis.from_url(url) as client:
        client.flushall()


@pytest.mark.parametrize(
    ("broker", "database", "store", "images", "disasters", "shared"),
    [
        ("valkey", "postgresql", "files", 150, 4, True),
        pytest.param("valkey", "postgresql", "files", 1000, 20, False, marks=pytest.mark.torture),
        pytest.param("rabbitmq", "mongodb", "gridfs", 200, 6, True, marks=pytest.mark.torture),
        pytest.param("rabbitmq", "postgresql", "s3", 200, 6, True, marks=pytest.mark.torture),
        pytest.param("valkey", "mongodb", "files", 200, 6, True, marks=pytest.mark.torture),
        pytest.param(None, "postgresql", "s3", 200, 6, True, marks=pytest.mark.torture),
        pytest.param(None, "mongodb", "gridfs", 200, 6, True, marks=pytest.mark.torture),
    ],
)
def test_a_sheet_survives(
    tmp_path: Path, broker: str | None, database: str, store: str, images: int, disasters: int, shared: bool
) -> None:
    """`shared`: all on one machine. Else each process has a folder of its own, and a killed worker's leases have to run out."""
    chance = random.Random(images)
    pictures = [photo(name, quality=90) for name in ("coffee", "rocket", "chelsea")]
    with Origin(latency=0.3) as origin, surroundings(broker, database, store, tmp_path) as around:
        for number, data in enumerate(pictures):
            origin.serve(f"/{number}.jpg", data)
        origin.serve("/hook", b"thanks")
        origin.status("/ghost.jpg", 404)
        rows = [(f"Cup {n}", [origin.url(f"/{n % 3}.jpg?n={n}")]) for n in range(images - 1)]
        rows.insert(images // 2, ("Ghost", [origin.url("/ghost.jpg")]))
        with cluster(tmp_path, {"HALVE_IN_FLIGHT": "8", **around.settings}, shared=shared) as made:
            answer = hand_in(made.base, sheet_of(rows), webhook_url=origin.url("/hook"))
            assert answer.status_code == 202, answer.text
            request_id = answer.json()["request_id"]
            wait_for(made, request_id, lambda status: status["progress"]["percent"] >= 5)
            in_the_middle = 0
            for number in range(disasters):
                happen = around.disasters[number % len(around.disasters)]
                in_the_middle += made.ask(f"/status/{request_id}").get("completed_at", ...) is None
                happen(made)
                time.sleep(chance.uniform(0.1, 0.8))
            assert in_the_middle >= min(disasters, 3)
            status = wait_for(made, request_id, lambda status: status.get("completed_at"))
            assert (status["status"], status["total_images"]) == ("completed", images)
            assert (status["no_img_compressed"], status["failed_images"]) == (images - 1, 1)
            status = wait_for(made, request_id, lambda status: status["deliveries"][0]["state"] == "delivered")
            assert len({hook.headers["webhook-id"] for hook in origin.seen("/hook")}) == 1
            sheet = made.sheet(request_id)
            assert [row["Product Name"] for row in sheet] == [name for name, _ in rows]
            assert [row["Image Errors"] for row in sheet if row["Image Errors"]] == ["1: not found (404)"]
            assert len({row["Output Image Urls"] for row in sheet}) == images
            found = [image for product in made.results(request_id) for image in product["images"]]
            assert len(found) == images
            good = [image for image in found if image["error"] is None]
            assert status["bytes_in"] == sum(image["bytes_in"] for image in good)
            assert status["bytes_in"] == sum(len(pictures[n % 3]) for n in range(images - 1))


def wait_for(made: Cluster, request_id: str, met: Callable[[dict[str, Any]], object], *, seconds: float = 200) -> dict[str, Any]:
    """The status once it is so. While the database is away it is not to be had."""
    deadline = time.monotonic() + seconds
    while True:
        status: dict[str, Any] = made.ask(f"/status/{request_id}")
        if "request_id" in status and met(status):
            return status
        assert time.monotonic() < deadline, status
        time.sleep(0.05)
