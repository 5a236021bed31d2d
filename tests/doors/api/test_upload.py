"""`POST /upload`: what is taken, what is refused, and how that is said."""

from __future__ import annotations

import gzip
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.support.serving import hand_in, serving
from tests.support.shop import sheet_of

GOOD = sheet_of([("Mug", ["https://shop.test/mug.jpg", "https://shop.test/back.jpg"]), ("Cup", ["https://shop.test/cup.jpg"])])


def problem(response: requests.Response, status: int, code: str) -> dict[str, Any]:
    assert response.status_code == status, response.text
    assert response.headers["Content-Type"] == "application/problem+json"
    body: dict[str, Any] = response.json()
    assert body["code"] == code, body
    assert body["status"] == status
    assert body["title"]
    assert body["type"]
    assert body["detail"]
    return body


def test_a_good_sheet_is_accepted_and_named(idle: str) -> None:
    response = hand_in(idle, GOOD)
    body = response.json()
    assert response.status_code == 202
    assert response.headers["Location"] == f"/status/{body['request_id']}"
    assert body["message"] == "File Accepted, Processing Started"
    assert body["status"] == "pending"
    assert body["total_images"] == 3
    assert body["failed_rows"] == 0
    assert body["repairs"] == []
    assert body["status_url"] == f"{idle}/status/{body['request_id']}"
    assert requests.get(body["input_csv_url"], timeout=5).content == GOOD


@pytest.mark.parametrize("name", ["a.csv", "a.tsv", "a.txt", "A.CSV", "sommer.2026.csv", "C:\\shop\\a.csv", "käse.csv", ".csv"])
def test_sheets_are_taken_by_their_names(idle: str, name: str) -> None:
    assert hand_in(idle, GOOD, name=name).status_code == 202


def test_a_gz_of_a_sheet_is_taken(idle: str) -> None:
    assert hand_in(idle, gzip.compress(GOOD), name="a.csv.gz").json()["total_images"] == 3


@pytest.mark.parametrize("name", ["a.pdf", "a", "a.csv.exe", "a.gz", "a.json"])
def test_files_of_other_names_are_refused(idle: str, name: str) -> None:
    problem(hand_in(idle, GOOD, name=name), 415, "unsupported_file_type")


@pytest.mark.parametrize("name", ["a.xlsx", "a.XLS", "a.ods"])
def test_a_spreadsheet_is_refused_with_the_way_to_save_it_as_csv(idle: str, name: str) -> None:
    assert "CSV" in problem(hand_in(idle, GOOD, name=name), 415, "unsupported_file_type")["detail"]


def test_a_body_that_is_no_form_is_refused(idle: str) -> None:
    for media_type in ("text/csv", "application/json", "application/x-www-form-urlencoded", "multipart/mixed; boundary=x", ""):
        response = requests.post(f"{idle}/upload", data=GOOD, headers={"Content-Type": media_type}, timeout=5)
        problem(response, 415, "not_multipart")
    problem(requests.post(f"{idle}/upload", timeout=5), 415, "not_multipart")


def test_a_form_that_is_packed_is_refused_as_that(idle: str) -> None:
    packed = requests.Request("POST", f"{idle}/upload", files={"file": ("a.csv", GOOD)}).prepare()
    assert isinstance(packed.body, bytes)
    packed.prepare_body(gzip.compress(packed.body), None)
    packed.headers["Content-Encoding"] = "gzip"
    with requests.Session() as session:
        told = problem(session.send(packed, timeout=5), 415, "not_multipart")
    assert "Content-Encoding 'gzip'" in told["detail"]


@pytest.mark.parametrize("field", ["quality", "mode", "webhook_url", "file"])
def test_a_field_in_the_query_is_refused_and_not_passed_over(idle: str, field: str) -> None:
    told = problem(requests.post(f"{idle}/upload?{field}=", files={"file": ("a.csv", GOOD)}, timeout=5), 400, "bad_parameter")
    assert told["field"] == field
    assert requests.post(f"{idle}/upload?source=newsletter", files={"file": ("a.csv", GOOD)}, timeout=5).status_code == 202


def test_all_findings_of_a_sheet_are_listed(idle: str) -> None:
    sheet = sheet_of([("", ["https://shop.test/a.jpg"]), ("Cup", ["ftp://shop.test/cup.jpg"]), ("Jug", [])])
    body = problem(hand_in(idle, sheet), 400, "sheet_refused")
    assert [finding["line"] for finding in body["errors"]] == [2, 3, 4]
    assert all(set(finding) == {"line", "column", "code", "message"} for finding in body["errors"])


def test_a_single_finding_gives_the_problem_its_code(idle: str) -> None:
    body = problem(hand_in(idle, b"\x00\x01\x02\xff" * 100), 400, "not_text")
    assert [finding["code"] for finding in body["errors"]] == ["not_text"]


def test_many_findings_arrive_whole(idle: str) -> None:
    sheet = b"S. No.,Product Name,Input Image Urls\n" + b"1,,\n" * 2_500
    body = problem(hand_in(idle, sheet), 400, "sheet_refused")
    assert {finding["line"] for finding in body["errors"]} == set(range(2, 2_502))


def test_lenient_leaves_bad_rows_out(idle: str) -> None:
    sheet = sheet_of([("Mug", ["https://shop.test/a.jpg"]), ("", ["https://shop.test/b.jpg"])])
    body = hand_in(idle, sheet, mode="lenient").json()
    assert (body["total_images"], body["failed_rows"], body["total_rows"]) == (1, 1, 2)
    problem(hand_in(idle, sheet_of([("", [])]), mode="lenient"), 400, "sheet_refused")


def test_columns_and_presets_are_heard(idle: str) -> None:
    sheet = b"Artikel,Bezeichnung,Bilder\n1,Tasse,https://shop.test/a.jpg\n"
    assert hand_in(idle, sheet).status_code == 400
    assert hand_in(idle, sheet, columns="serial=Artikel,name=Bezeichnung,images=Bilder").status_code == 202
    shopify = b"Handle,Title,Image Src\nmug,Mug,https://shop.test/a.jpg\nmug,,https://shop.test/b.jpg\n"
    assert hand_in(idle, shopify, preset="shopify").json()["total_images"] == 2


def test_a_column_that_results_would_overwrite_cannot_be_read(idle: str) -> None:
    sheet = b"name,Output Image Urls\nTasse,https://shop.test/a.jpg\n"
    body = problem(hand_in(idle, sheet, columns="name=name,images=Output Image Urls"), 400, "option_refused")
    assert body["field"] == "columns"
    assert "'Output Image Urls'" in body["detail"]


@pytest.mark.parametrize(
    ("field", "word"),
    [
        ("quality", "0"),
        ("quality", "101"),
        ("quality", "high"),
        ("quality", "5.5"),
        ("max_bytes", "0%"),
        ("max_bytes", "lots"),
        ("format", "svg"),
        ("max_size", "0"),
        ("max_size", "70000"),
        ("mode", "loose"),
        ("preset", "etsy"),
        ("columns", "image=Bilder"),
        ("columns", "images"),
    ],
)
def test_an_impossible_option_is_refused_by_name(idle: str, field: str, word: str) -> None:
    response = hand_in(idle, GOOD, **{field: word})
    assert response.status_code == 400
    assert response.json()["field"] == field
    assert field in response.json()["detail"]


@pytest.mark.parametrize(
    "words", [{"quality": "1"}, {"quality": "100"}, {"max_bytes": "50%"}, {"max_bytes": "200KB"}, {"max_size": "2048"}]
)
def test_options_are_kept_with_the_request(idle: str, words: dict[str, str]) -> None:
    body = hand_in(idle, GOOD, **words).json()
    told = requests.get(body["status_url"], timeout=5).json()["options"]
    assert set(told) == set(words)


def test_empty_fields_count_as_not_given(idle: str) -> None:
    fields = ("email", "webhook_url", "quality", "max_bytes", "format", "max_size", "mode", "preset", "columns")
    body = hand_in(idle, GOOD, **dict.fromkeys(fields, " ")).json()
    assert requests.get(body["status_url"], timeout=5).json()["options"] == {}


def test_a_field_that_does_not_exist_is_named(idle: str) -> None:
    body = problem(hand_in(idle, GOOD, qualty="50"), 400, "unknown_field")
    assert body["field"] == "qualty"
    assert "quality" in body["detail"]


def test_a_field_given_twice_is_refused(idle: str) -> None:
    parts: Any = [("file", ("a.csv", GOOD)), ("quality", (None, "50")), ("quality", (None, "60"))]
    assert problem(requests.post(f"{idle}/upload", files=parts, timeout=5), 400, "duplicate_field")["field"] == "quality"
    parts = [("file", ("a.csv", GOOD)), ("file", ("b.csv", GOOD))]
    assert problem(requests.post(f"{idle}/upload", files=parts, timeout=5), 400, "duplicate_field")["field"] == "file"


def test_a_missing_file_is_said(idle: str) -> None:
    for parts in ([("quality", (None, "50"))], [("file", ("", b""))], [("file", (None, GOOD))]):
        problem(requests.post(f"{idle}/upload", files=parts, timeout=5), 400, "missing_file")


def test_an_empty_file_is_a_sheet_without_rows(idle: str) -> None:
    response = hand_in(idle, b"")
    assert response.status_code == 400
    assert response.json()["errors"]


def test_an_email_needs_a_mail_server(idle: str) -> None:
    assert problem(hand_in(idle, GOOD, email="ann@example.com"), 400, "email_unavailable")["field"] == "email"


@pytest.mark.parametrize("url", ["http://10.0.0.1/", "http://[fd00::1]/hook", "http://169.254.169.254/", "http://0x0a000001/"])
def test_a_webhook_at_a_private_address_is_refused_with_the_way_to_allow_it(idle: str, url: str) -> None:
    assert "HALVE_ALLOW_PRIVATE" in problem(hand_in(idle, GOOD, webhook_url=url), 400, "address_not_allowed")["detail"]


def test_localhost_is_a_private_address_unless_it_is_allowed(idle: str, tmp_path: Path) -> None:
    with serving(tmp_path, worker=False, allow_private="") as base:
        for url in ("http://localhost:9000/hook", "http://shop.localhost/", "http://127.0.0.1:9000/", "http://[::1]/"):
            assert "HALVE_ALLOW_PRIVATE" in problem(hand_in(base, GOOD, webhook_url=url), 400, "address_not_allowed")["detail"]
    assert hand_in(idle, GOOD, webhook_url="http://localhost:9000/hook").status_code == 202


@pytest.mark.parametrize(
    "url", ["ftp://shop.test/", "shop.test/hook", "http://", "https://x:99999/", "javascript:alert(1)", "http://a b/"]
)
def test_a_webhook_that_is_no_url_is_refused(idle: str, url: str) -> None:
    assert problem(hand_in(idle, GOOD, webhook_url=url), 400, "bad_webhook_url")["field"] == "webhook_url"


def test_an_id_is_repeated_for_the_same_key_and_body(idle: str) -> None:
    def once_more(sheet: bytes, **words: str) -> requests.Response:
        parts: Any = {"file": ("a.csv", sheet), **{name: (None, word) for name, word in words.items()}}
        return requests.post(f"{idle}/upload", files=parts, headers={"Idempotency-Key": "order 66"}, timeout=5)

    first = once_more(GOOD, quality="40")
    again = once_more(GOOD, quality="40")
    assert (again.status_code, again.json()) == (202, first.json())
    assert again.headers["Location"] == first.headers["Location"]
    problem(once_more(GOOD, quality="41"), 409, "idempotency_conflict")
    problem(once_more(GOOD + b"3,Jug,https://shop.test/j.jpg\n", quality="40"), 409, "idempotency_conflict")
    assert once_more(GOOD, quality="40").json() == first.json()


def test_the_same_upload_sent_many_times_at_once_is_one_request(idle: str) -> None:
    def send(_: int) -> requests.Response:
        return requests.post(
            f"{idle}/upload", files={"file": ("a.csv", GOOD)}, headers={"Idempotency-Key": "impatient"}, timeout=20
        )

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(send, range(8)))
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.json()["request_id"] for answer in answers}) == 1


def test_without_an_idempotency_key_every_upload_is_a_new_one(idle: str) -> None:
    assert hand_in(idle, GOOD).json()["request_id"] != hand_in(idle, GOOD).json()["request_id"]


def test_an_impossible_idempotency_key_is_refused(idle: str) -> None:
    for key in ("k" * 256, "schlüssel".encode()):
        response = requests.post(f"{idle}/upload", files={"file": ("a.csv", GOOD)}, headers={"Idempotency-Key": key}, timeout=5)
        assert problem(response, 400, "bad_parameter")["field"] == "Idempotency-Key"


def test_too_many_open_requests_are_put_off(tmp_path: Path) -> None:
    with serving(tmp_path, worker=False, max_open_requests=2) as base:
        first = requests.post(f"{base}/upload", files={"file": ("a.csv", GOOD)}, headers={"Idempotency-Key": "a"}, timeout=5)
        assert first.status_code == hand_in(base, GOOD).status_code == 202
        response = hand_in(base, GOOD)
        problem(response, 429, "too_many_open_requests")
        assert int(response.headers["Retry-After"]) > 0
        again = requests.post(f"{base}/upload", files={"file": ("a.csv", GOOD)}, headers={"Idempotency-Key": "a"}, timeout=5)
        assert again.json() == first.json()  # a repetition opens nothing
        assert requests.delete(f"{base}/requests/{first.json()['request_id']}", timeout=5).status_code == 204
        assert hand_in(base, GOOD).status_code == 202


def test_no_more_are_open_than_may_be_however_many_come_at_once(tmp_path: Path) -> None:
    with serving(tmp_path, worker=False, max_open_requests=2) as base, ThreadPoolExecutor(12) as crowd:
        codes = sorted(response.status_code for response in crowd.map(lambda _: hand_in(base, GOOD), range(12)))
        assert codes.count(202) <= 2
        assert set(codes) <= {202, 429}
        hand_in(base, GOOD), hand_in(base, GOOD)
        assert len(requests.get(f"{base}/requests", timeout=5).json()["items"]) == 2


def test_links_start_with_the_address_that_the_upload_came_to(idle: str, tmp_path: Path) -> None:
    response = requests.post(f"{idle}/upload", files={"file": ("a.csv", GOOD)}, headers={"Host": "halve.test:8080"}, timeout=5)
    assert response.json()["status_url"].startswith("http://halve.test:8080/status/")
    for host in ("evil.test/path", "a b", "user@evil.test", "evil.test:99999", "<b>"):
        bad = requests.post(f"{idle}/upload", files={"file": ("a.csv", GOOD)}, headers={"Host": host}, timeout=5)
        assert bad.status_code == 400
    with serving(tmp_path, worker=False, base_url="https://pictures.test/halve/", root_path="/sub") as base:
        body = hand_in(base, GOOD)
        assert body.json()["status_url"].startswith("https://pictures.test/halve/status/")
        assert body.headers["Location"].startswith("/sub/status/")


@pytest.mark.parametrize(("told", "begins"), [("https", "https://"), ("wss", "https://"), ("ws", "http://"), ("gopher", "http://")])
def test_links_are_of_the_web_whatever_a_proxy_says_it_speaks(idle: str, told: str, begins: str) -> None:
    headers = {"X-Forwarded-Proto": told}
    response = requests.post(f"{idle}/upload", files={"file": ("a.csv", GOOD)}, headers=headers, timeout=5)
    assert response.json()["status_url"].startswith(begins)


def test_nothing_is_left_in_the_spool(tmp_path: Path) -> None:
    with serving(tmp_path, worker=False, max_upload_bytes=10_000) as base:
        assert hand_in(base, GOOD).status_code == 202
        assert hand_in(base, b"a,b\n1,2\n").status_code == 400
        assert hand_in(base, b"x" * 20_000).status_code == 413
        assert not [path for path in (tmp_path / "spool").rglob("*") if path.is_file() and path.suffix != ".lock"]
    assert list((tmp_path / "spool").iterdir()) == []
