"""The pages and the schema, and what all answers have in common."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import pytest
import requests

from halve.asgi import app
from tests.support.serving import hand_in, serving


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    return app.openapi()


@pytest.mark.parametrize("path", ["/", "/docs"])
def test_pages_load_everything_from_here(idle: str, path: str) -> None:
    response = requests.get(idle + path, timeout=5)
    assert response.headers["Content-Type"] == "text/html; charset=utf-8"
    policy = response.headers["Content-Security-Policy"]
    assert "script-src 'self';" in policy
    assert "frame-ancestors 'none'" in policy
    assert not re.search(r"<script(?![^>]*\bsrc=)", response.text), "an inline script"
    assert not re.search(r"\s(style|on\w+)=", response.text), "an inline style or handler"
    links = re.findall(r'(?:src|href)="([^"#]+)"', response.text)
    assert len(links) > 3
    for link in links:
        found = urljoin(response.url, link)
        assert found.startswith(idle), "loaded from elsewhere"
        assert requests.get(found, timeout=5).status_code == 200, link


def test_every_script_and_style_is_served_as_what_it_is(idle: str) -> None:
    page = files("halve.doors") / "page"
    for folder, media_type in (("scripts", "text/javascript"), ("styles", "text/css")):
        for item in (page / folder).iterdir():
            response = requests.get(f"{idle}/assets/{folder}/{item.name}", timeout=5)
            assert response.headers["Content-Type"].startswith(media_type)
            assert response.content == item.read_bytes()
            for module in re.findall(r'from "\./([^"]+)"', response.text):
                assert (page / "scripts" / module).is_file(), f"{item.name} imports {module}"
            tag = {"If-None-Match": response.headers["ETag"]}
            assert requests.get(response.url, headers=tag, timeout=5).status_code == 304


@pytest.mark.parametrize(
    "name", ["../asgi.py", "%2e%2e/asgi.py", "templates/index.html", "scripts/", "scripts", "", "swagger/package.json"]
)
def test_nothing_but_assets_is_served_as_assets(idle: str, name: str) -> None:
    assert requests.get(f"{idle}/assets/{name}", timeout=5).status_code == 404


def test_pages_work_below_a_path(tmp_path: Path) -> None:
    with serving(tmp_path, worker=False, root_path="/halve") as base:
        assert not re.search(r'(?:src|href)="/', requests.get(f"{base}/", timeout=5).text)
        assert requests.get(f"{base}/openapi.json", timeout=5).json()["servers"] == [{"url": "/halve"}]


def test_a_proxy_may_take_off_the_path_that_the_public_address_has(tmp_path: Path, sheet: bytes) -> None:
    with serving(tmp_path, worker=False, base_url="https://shop.test/halve/") as base:
        for host, above in (("Shop.test", "/halve"), ("shop.test:443", "/halve"), ("127.0.0.1", "")):
            servers = requests.get(f"{base}/openapi.json", headers={"Host": host}, timeout=5).json()["servers"]
            assert servers == [{"url": above or "/"}]
            accepted = requests.post(f"{base}/upload", files={"file": ("a.csv", sheet)}, headers={"Host": host}, timeout=5)
            assert accepted.headers["Location"] == f"{above}/status/{accepted.json()['request_id']}"


def test_every_route_is_described_with_an_example(schema: dict[str, Any]) -> None:
    assert set(schema["paths"]) == {
        "/upload",
        "/status/{request_id}",
        "/events/{request_id}",
        "/results/{request_id}",
        "/download/{request_id}",
        "/download/{request_id}/failed",
        "/download/{request_id}/input",
        "/archive/{request_id}",
        "/image/{file_id}",
        "/cancel/{request_id}",
        "/retry/{request_id}",
        "/requests",
        "/requests/{request_id}",
        "/webhook",
        "/webhook-completed",
        "/healthz",
        "/readyz",
        "/metrics",
    }
    names = []
    for path, operations in schema["paths"].items():
        for method, operation in operations.items():
            assert method in ("get", "post", "delete"), "HEAD goes without saying"
            assert operation["summary"], path
            assert operation["description"], path
            assert "422" not in operation["responses"], path
            names.append(operation["operationId"])
            assert "example" in json.dumps(_resolved(operation.get("requestBody", {"example": None}), schema)), path
            answers = [response for status, response in operation["responses"].items() if status in ("200", "202")]
            for content in (content for response in answers for content in response["content"].values()):
                binary = content["schema"].get("format") == "binary"
                assert binary or "example" in json.dumps(_resolved(content, schema)), path
            for status, response in operation["responses"].items():
                if int(status) >= 400:
                    assert response["content"]["application/problem+json"]["schema"] == {"$ref": "#/components/schemas/Problem"}
    assert len(set(names)) == len(names)


def _resolved(node: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    reference = node.get("schema", {}).get("$ref", "")
    return {**node, **schema["components"]["schemas"].get(reference.rpartition("/")[2], {})}


def test_what_is_made_from_the_schema_sends_no_quality_unasked(schema: dict[str, Any]) -> None:
    """The page at /docs fills defaults in, and `quality=50` beside `max_bytes` is the most that is tried."""
    fields = schema["paths"]["/upload"]["post"]["requestBody"]["content"]["multipart/form-data"]["schema"]["properties"]
    assert {name: field["default"] for name, field in fields.items() if "default" in field} == {"format": "keep", "mode": "strict"}


def test_the_schema_is_the_openapi_that_the_docs_page_understands(schema: dict[str, Any]) -> None:
    assert schema["openapi"] == "3.0.3"

    def walk(node: Any, path: str = "") -> None:
        if isinstance(node, dict):
            assert node.get("type") != "null", path
            assert "const" not in node, path
            reference = node.get("$ref")
            if isinstance(reference, str):
                assert reference.rpartition("/")[2] in schema["components"]["schemas"], path
            for key, value in node.items():
                if key != "example":
                    walk(value, f"{path}/{key}")
        elif isinstance(node, list):
            for item in node:
                walk(item, path)

    walk(schema)


def test_answers_match_their_schema(idle: str, sheet: bytes, schema: dict[str, Any]) -> None:
    accepted = hand_in(idle, sheet).json()
    for name, body in (
        ("Accepted", accepted),
        ("RequestStatus", requests.get(accepted["status_url"], timeout=5).json()),
        ("Results", requests.get(accepted["results_url"], timeout=5).json()),
        ("Problem", {"field": "x", "errors": [], **requests.get(f"{idle}/nowhere", timeout=5).json()}),
    ):
        assert set(body) == set(schema["components"]["schemas"][name]["properties"]), name


def test_importing_the_application_does_nothing(tmp_path: Path) -> None:
    code = "import halve.asgi, sys; assert not {'pyvips', 'PIL'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True, timeout=60)
    assert list(tmp_path.iterdir()) == []


def test_unknown_paths_and_methods_are_problems(idle: str) -> None:
    for method in ("GET", "POST", "DELETE", "PUT"):
        response = requests.request(method, f"{idle}/nothing/here", timeout=5)
        assert (response.status_code, response.json()["code"]) == (404, "not_found")
    for path, allowed in (("/upload", "POST"), ("/requests", "GET, HEAD, DELETE"), ("/healthz", "GET, HEAD")):
        response = requests.put(idle + path, timeout=5)
        assert (response.status_code, response.json()["code"]) == (405, "method_not_allowed")
        assert response.headers["Allow"] == allowed


def test_what_another_sites_page_has_a_browser_send_is_refused(idle: str, sheet: bytes) -> None:
    def send(site: str) -> requests.Response:
        return requests.post(f"{idle}/upload", files={"file": ("a.csv", sheet)}, headers={"Sec-Fetch-Site": site}, timeout=5)

    assert send("same-origin").status_code == 202
    assert send("none").status_code == 202
    assert (send("cross-site").status_code, send("cross-site").json()["code"]) == (403, "cross_site")
    assert requests.get(f"{idle}/requests", headers={"Sec-Fetch-Site": "cross-site"}, timeout=5).status_code == 200


def test_over_plain_http_another_sites_page_is_told_by_its_origin(tmp_path: Path, sheet: bytes) -> None:
    """Browsers send `Sec-Fetch-Site` to https and to their own machine alone."""
    with serving(tmp_path, worker=False, base_url="https://Shop.test/halve") as base:

        def send(**headers: str) -> int:
            return requests.post(f"{base}/upload", files={"file": ("a.csv", sheet)}, headers=headers, timeout=5).status_code

        assert send(Origin=base) == 202
        assert send(Origin="https://shop.test") == 202
        assert send(Origin="http://192.0.2.7:8000", Host="192.0.2.7:8000") == 202
        assert send(Origin="http://192.0.2.7", Host="192.0.2.7:80") == 202, "a proxy may name the port that goes without saying"
        assert send(Origin="https://192.0.2.7", Host="192.0.2.7:443") == 202
        assert send(Origin="http://192.0.2.7", Host="192.0.2.7:8000") == 403
        for other in ("http://evil.test", "null", "http://127.0.0.1", f"{base}1", "http://["):
            assert send(Origin=other) == 403, other
        assert send(**{"Origin": "http://evil.test", "Sec-Fetch-Site": "same-origin"}) == 202, "the browser knows better"


def test_a_page_without_an_origin_to_name_is_another_sites(idle: str, sheet: bytes) -> None:
    """`null` is what a sandboxed frame sends, and a page that is a file."""
    answer = requests.post(f"{idle}/upload", files={"file": ("a.csv", sheet)}, headers={"Origin": "null"}, timeout=5)
    assert (answer.status_code, answer.json()["code"]) == (403, "cross_site")


def test_no_other_site_may_read_answers(idle: str) -> None:
    headers = requests.get(f"{idle}/requests", headers={"Origin": "https://evil.test"}, timeout=5).headers
    assert "Access-Control-Allow-Origin" not in headers
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"


def test_a_defect_is_a_500_that_tells_nothing(idle: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("the secret is 1234")

    monkeypatch.setattr("halve.doors.api.bodies.status", broken)
    monkeypatch.setattr("halve.doors.api.bodies.summary", broken)
    request = hand_in(idle, b"S. No.,Product Name,Input Image Urls\n1,Mug,https://shop.test/a.jpg\n").json()
    response = requests.get(request["status_url"], timeout=5)
    assert (response.status_code, response.json()["code"]) == (500, "internal")
    assert response.headers["Content-Type"] == "application/problem+json"
    assert "1234" not in response.text
    assert "Runtime" not in response.text
