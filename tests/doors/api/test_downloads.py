"""`GET /download`: the sheets, in and out."""

from __future__ import annotations

import csv
import io

import pytest
import requests
from aiohttp.multipart import content_disposition_filename, parse_content_disposition

from halve.doors.api.downloads import outgoing_name
from halve.doors.api.stored import attachment
from tests.doors.api.conftest import Done
from tests.support.serving import hand_in, the_end
from tests.support.shop import sheet_of


def name_in(disposition: str) -> str | None:
    """The file name as browsers read it: the extended one wins (RFC 6266, 4.3)."""
    _, parameters = parse_content_disposition(disposition)
    return content_disposition_filename(parameters)


def test_the_output_sheet_has_two_columns_more(done: Done) -> None:
    response = requests.get(done.status["output_csv_url"], timeout=5)
    assert response.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.content.splitlines()[0] == b"S. No.,Product Name,Input Image Urls,Output Image Urls,Image Errors"
    rows = list(csv.DictReader(io.StringIO(response.content.decode())))
    first, second = rows[0]["Output Image Urls"].split(", ")
    assert first.startswith(f"{done.base}/image/")
    assert second == ""
    assert rows[0]["Image Errors"] == "2: not found (404)"
    assert rows[1]["Image Errors"] == ""


def test_the_failed_rows_are_a_sheet_of_their_own_that_can_be_uploaded(done: Done, idle: str) -> None:
    failed = requests.get(done.status["failed_csv_url"], timeout=5)
    assert [row["Product Name"] for row in csv.DictReader(io.StringIO(failed.text))] == ["Mug"]
    assert hand_in(idle, failed.content).json()["total_rows"] == 1


def test_what_was_uploaded_comes_back_byte_for_byte(done: Done) -> None:
    assert requests.get(done.status["input_csv_url"], timeout=5).content == done.sheet


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_a_sheet_is_sent_with_the_name_of_its_encoding_for_clients_that_else_read_another(busy: str, encoding: str) -> None:
    sheet = sheet_of([("Çay bardağı" if encoding.startswith("utf") else "Käse", ["http://127.0.0.1:9/nobody.jpg"])])
    request_id = hand_in(busy, sheet.decode().encode(encoding)).json()["request_id"]
    the_end(busy, request_id)
    for part in ("", "/failed"):
        text = requests.get(f"{busy}/download/{request_id}{part}", timeout=5).text.removeprefix("\ufeff")
        assert text.splitlines()[1].startswith(sheet.decode().splitlines()[1]), part


def test_names_say_where_a_download_came_from(done: Done) -> None:
    def name_of(part: str) -> str | None:
        return name_in(requests.get(f"{done.base}/download/{done.id}{part}", timeout=5).headers["Content-Disposition"])

    assert name_of("") == "Früh jahr-halved.csv"
    assert name_of("/failed") == "Früh jahr-failed.csv"
    assert name_of("/input") == "Früh jahr.csv"


def test_the_output_is_409_until_the_end_and_the_input_is_there_at_once(idle: str, sheet: bytes) -> None:
    request_id = hand_in(idle, sheet).json()["request_id"]
    for part in ("", "/failed"):
        response = requests.get(f"{idle}/download/{request_id}{part}", timeout=5)
        assert (response.status_code, response.json()["code"]) == (409, "not_finished")
    assert requests.get(f"{idle}/download/{request_id}/input", timeout=5).content == sheet


def test_where_nothing_failed_there_is_no_sheet_of_failures(busy: str, sheet: bytes) -> None:
    request_id = hand_in(busy, sheet).json()["request_id"]
    assert the_end(busy, request_id)["failed_csv_url"] is None
    response = requests.get(f"{busy}/download/{request_id}/failed", timeout=5)
    assert (response.status_code, response.json()["code"]) == (404, "no_failures")


def test_a_download_can_be_resumed_and_asked_for_by_its_tag(done: Done) -> None:
    url = done.status["output_csv_url"]
    whole = requests.get(url, timeout=5)
    rest = requests.get(url, headers={"Range": "bytes=10-", "If-Range": whole.headers["ETag"]}, timeout=5)
    assert (rest.status_code, rest.content) == (206, whole.content[10:])
    assert requests.get(url, headers={"If-None-Match": whole.headers["ETag"]}, timeout=5).status_code == 304
    head = requests.head(url, timeout=5)
    assert head.headers["Content-Length"] == str(len(whole.content))
    assert head.content == b""


def test_a_retried_request_has_no_output_while_it_runs_again(busy: str) -> None:
    sheet = sheet_of([("Mug", ["http://127.0.0.1:9/nobody.jpg"])])
    request_id = hand_in(busy, sheet).json()["request_id"]
    assert the_end(busy, request_id)["status"] == "failed"
    assert requests.get(f"{busy}/download/{request_id}", timeout=5).status_code == 200


@pytest.mark.parametrize(
    ("uploaded", "sent"),
    [
        ("a.csv", "a-halved.csv"),
        ("a.csv.gz", "a-halved.csv"),
        ("A.TSV", "A-halved.tsv"),
        ("a.b.txt", "a.b-halved.txt"),
        (".csv", "sheet-halved.csv"),
    ],
)
def test_outgoing_names_follow_the_incoming(uploaded: str, sent: str) -> None:
    assert outgoing_name(uploaded, "halved") == sent


@pytest.mark.parametrize("name", ["a.csv", 'a"b.csv', "a;b.csv", "käse.csv", "100%.csv", "🧀 and 'more'.csv", "a\\b.csv"])
def test_any_name_survives_a_content_disposition(name: str) -> None:
    assert name_in(attachment(name)) == name
    attachment(name).encode("ascii")
