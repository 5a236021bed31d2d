"""Liveness, readiness, metrics."""

from __future__ import annotations

import shutil
from pathlib import Path

import requests
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families as plain

from tests.doors.api.conftest import Done
from tests.support.serving import hand_in, serving, the_end


def test_a_healthy_server_says_so(idle: str) -> None:
    assert requests.get(f"{idle}/healthz", timeout=5).json() == {"status": "ok"}
    assert requests.get(f"{idle}/readyz", timeout=5).json() == {"status": "ready"}
    assert requests.head(f"{idle}/readyz", timeout=5).status_code == 200


def test_a_server_without_its_images_is_alive_and_not_ready(tmp_path: Path) -> None:
    with serving(tmp_path, worker=False) as base:
        shutil.rmtree(tmp_path / "images", ignore_errors=True)
        (tmp_path / "images").write_text("in the way")
        assert requests.get(f"{base}/healthz", timeout=5).status_code == 200
        response = requests.get(f"{base}/readyz", timeout=10)
        assert (response.status_code, response.json()["code"]) == (503, "not_ready")
        assert int(response.headers["Retry-After"]) > 0


def test_what_lies_in_a_store_that_is_away_is_not_said_to_be_gone(tmp_path: Path, sheet: bytes) -> None:
    with serving(tmp_path, fetch_retries=0) as base:
        status = the_end(base, hand_in(base, sheet).json()["request_id"])
        image = requests.get(status["results_url"], timeout=5).json()["items"][0]["images"][0]["output_url"]
        (tmp_path / "images").rename(tmp_path / "away")
        (tmp_path / "images").write_text("in the way")
        for link in (image, status["output_csv_url"], status["archive_url"]):
            response = requests.get(link, timeout=5)
            assert (response.status_code, response.json()["code"]) == (503, "store_failed")


def test_a_server_whose_data_was_moved_away_is_not_ready_and_takes_nothing_in(tmp_path: Path, sheet: bytes) -> None:
    """What it took in would be gone with it."""
    data, away = tmp_path / "data", tmp_path / "away"
    with serving(data, worker=False) as base:
        data.rename(away)
        response = requests.get(f"{base}/readyz", timeout=10)
        assert (response.status_code, response.json()["code"]) == (503, "not_ready")
        assert hand_in(base, sheet).json()["code"] == "store_failed"
        shutil.rmtree(data, ignore_errors=True)
        away.rename(data)
        assert requests.get(f"{base}/readyz", timeout=10).status_code == 200


def test_a_server_that_cannot_store_says_503_and_when_to_try_again(tmp_path: Path, sheet: bytes) -> None:
    with serving(tmp_path, worker=False) as base:
        shutil.rmtree(tmp_path / "spool")
        (tmp_path / "spool").write_text("in the way")
        response = hand_in(base, sheet)
        assert (response.status_code, response.json()["code"]) == (503, "store_failed")
        assert int(response.headers["Retry-After"]) > 0
        assert str(tmp_path) not in response.text


def test_metrics_count_by_route_and_state(tmp_path: Path, sheet: bytes) -> None:
    with serving(tmp_path, worker=False) as base:
        request_id = hand_in(base, sheet).json()["request_id"]
        requests.get(f"{base}/status/{request_id}", timeout=5)
        requests.get(f"{base}/status/nonsense", timeout=5)
        requests.get(f"{base}/nowhere/{request_id}", timeout=5)
        response = requests.get(f"{base}/metrics", timeout=5)
        assert response.headers["Content-Type"].startswith("text/plain")
        assert request_id not in response.text
        samples = {
            (sample.name, *sorted(sample.labels.values())): sample.value
            for family in plain(response.text)
            for sample in family.samples
        }
        assert samples[("halve_http_requests_total", "/upload", "202", "POST")] == 1
        assert samples[("halve_http_requests_total", "/status/{request_id}", "200", "GET")] == 1
        assert samples[("halve_http_requests_total", "/status/{request_id}", "400", "GET")] == 1
        assert samples[("halve_http_requests_total", "404", "GET", "unknown")] == 1
        assert samples[("halve_http_request_duration_seconds_count", "/status/{request_id}", "GET")] == 2
        assert samples[("halve_requests", "pending")] == 1
        assert samples[("halve_products", "ready")] == 2


def test_metrics_count_the_images_that_were_worked_on(done: Done) -> None:
    text = requests.get(f"{done.base}/metrics", timeout=5).text
    samples = {(s.name, *s.labels.values()): s.value for family in plain(text) for s in family.samples}
    assert samples[("halve_images_total", "done")] >= 3
    assert samples[("halve_images_total", "failed")] >= 1
    assert samples[("halve_image_bytes_total", "in")] > samples[("halve_image_bytes_total", "out")] > 0


def test_metrics_come_as_openmetrics_where_that_is_asked_for(idle: str) -> None:
    response = requests.get(f"{idle}/metrics", headers={"Accept": "application/openmetrics-text; version=1.0.0"}, timeout=5)
    assert response.headers["Content-Type"].startswith("application/openmetrics-text")
    assert any(family.name == "halve_http_requests" for family in openmetrics(response.text))  # type: ignore[no-untyped-call]
