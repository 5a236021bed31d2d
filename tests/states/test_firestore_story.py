"""Sheets through the whole of it, with Firestore as the database and a bucket for files (both fakes): nothing lies elsewhere."""

from __future__ import annotations

import csv
import io
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests

from halve.backends import open_states
from halve.core.models import Status
from halve.settings import read_settings
from tests.support.command import environment, halve, serving, started
from tests.support.firestore import ask, empty_firestore
from tests.support.gcs import FakeGcs, empty_gcs_bucket
from tests.support.origin import Origin
from tests.support.photos import photo
from tests.support.serving import hand_in, the_end
from tests.support.shop import image_behind, open_shop, output_rows, sheet_of, upload
from tests.support.shop import the_end as finished


@dataclass(frozen=True)
class Place:
    database_url: str
    storage_url: str
    bucket: FakeGcs

    @property
    def env(self) -> dict[str, str]:
        return environment({"HALVE_DATABASE_URL": self.database_url, "HALVE_STORAGE_URL": self.storage_url})


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with empty_gcs_bucket(tmp_path / "google") as (server, bucket), empty_firestore() as url:
        yield Place(url, f"gs://{bucket}/halve", server)


@pytest.fixture
def origin() -> Iterator[Origin]:
    with Origin() as running:
        for name in ("coffee", "rocket"):
            running.serve(f"/{name}.jpg", photo(name, quality=92))
        yield running


async def test_a_sheet_comes_back_with_links_into_the_bucket(place: Place, tmp_path: Path, origin: Origin) -> None:
    states = await open_states(read_settings(database_url=place.database_url))
    await states.migrate()
    await states.close()
    async with open_shop(tmp_path, database_url=place.database_url, storage_url=place.storage_url) as shop:
        urls = [origin.url("/coffee.jpg"), origin.url("/gone.jpg"), origin.url("/rocket.jpg")]
        request = await finished(shop, (await upload(shop, sheet_of([("Cup", urls), ("Pot", urls[:1])]))).id)
        assert (request.status, request.done_images, request.failed_images) == (Status.COMPLETED, 3, 1)
        cup, pot = await output_rows(shop, request)
        first, missing, second = cup["Output Image Urls"].split(", ")
        assert missing == ""
        assert len(await image_behind(shop, first)) + len(await image_behind(shop, second)) < request.bytes_out
        assert await image_behind(shop, pot["Output Image Urls"]) == await image_behind(shop, first)
        assert await shop.states.retry(request.id)
        again = await finished(shop, request.id)
        assert (again.round, again.done_images, again.failed_images) == (1, 3, 1)
    assert not (tmp_path / "images").exists()
    assert not (tmp_path / "halve.db").exists()


def test_a_server_and_a_worker_share_it(place: Place, tmp_path: Path, origin: Origin) -> None:
    """As processes of their own, which share nothing but database and bucket."""
    assert halve("init-db", cwd=tmp_path, env=place.env).code == 0
    env = {**place.env, "HALVE_ALLOW_PRIVATE": "127.0.0.0/8", "HALVE_CONCURRENCY": "1", "HALVE_IN_FLIGHT": "4"}
    (tmp_path / "there").mkdir()
    with serving(tmp_path / "here", env=env) as base, started("worker", cwd=tmp_path / "there", env=env) as worker:
        rows = [(f"Product {n}", [origin.url(f"/{name}.jpg?{n}") for name in ("coffee", "rocket")]) for n in range(20)]
        status = the_end(base, hand_in(base, sheet_of(rows)).json()["request_id"], seconds=60)
        assert (status["status"], status["no_img_compressed"]) == ("completed", 40)
        assert status["progress"] == {"total": 40, "done": 40, "failed": 0, "percent": 100}
        listed = list(csv.DictReader(io.StringIO(requests.get(status["output_csv_url"], timeout=20).text)))
        assert len(listed) == 20
        link = listed[7]["Output Image Urls"].split(", ")[1]
        assert requests.get(link, timeout=20).headers["Content-Type"] == "image/jpeg"
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(timeout=20) == 0
    names = ask(place.database_url, "names")
    assert not [name for name in names if "/documents/products/" in name]


def test_doctor_uses_the_database_and_wants_a_bucket(place: Place, tmp_path: Path) -> None:
    """A folder of this machine is no place for what workers elsewhere have made."""
    assert halve("init-db", cwd=tmp_path, env=place.env).code == 0
    ended = halve("doctor", cwd=tmp_path, env={**place.env, "HALVE_STORAGE_URL": str(tmp_path / "images")})
    assert ended.code == 0, ended
    assert f"{place.database_url}, written, read and erased" in ended.out
    assert "HALVE_STORAGE_URL should be gs://bucket/prefix" in " ".join(ended.out.split())
    assert [name for name in ask(place.database_url, "names") if "/requests/" in name] == []


def test_without_a_place_for_files_nothing_starts(place: Place, tmp_path: Path) -> None:
    refused = halve("serve", "--port", "0", cwd=tmp_path, env={**place.env, "HALVE_STORAGE_URL": ""})
    assert refused.code == 2, refused
    assert "HALVE_STORAGE_URL to gs://bucket/prefix" in " ".join(refused.err.split())
