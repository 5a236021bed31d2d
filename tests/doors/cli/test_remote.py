"""`halve submit`, `status`, `cancel`, `retry` and `download` against a server of ours."""

import gzip
import json
import os
import re
import signal
import socket
import subprocess
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from subprocess import PIPE
from uuid import uuid4

import pytest

from tests.support.command import COMMAND, environment, halve, rows_of, serving, started, until, write_sheet
from tests.support.origin import Origin
from tests.support.photos import photo

CUP = photo("coffee", quality=92)


@pytest.fixture(scope="module")
def origin() -> Iterator[Origin]:
    with Origin() as origin:
        origin.serve("/cup.jpg", CUP)
        origin.serve("/slow.jpg", CUP, latency=20.0)
        yield origin


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serving(tmp_path_factory.mktemp("server")) as address:
        yield address


def test_submitted_and_waited_for_the_sheet_is_saved(server: str, origin: Origin, tmp_path: Path) -> None:
    sheet = write_sheet(tmp_path / "a.csv", [("Cup", [origin.url("/cup.jpg"), origin.url("/cup.jpg?2")])])
    ended = halve("submit", sheet, "--url", server, "--wait", "-o", "out.csv", "--quality", "40", cwd=tmp_path)
    assert ended.code == 0, ended
    [row] = rows_of(tmp_path / "out.csv")
    links = row["Output Image Urls"].split(", ")
    assert len(links) == 2
    assert all(link.startswith(f"{server}/image/") for link in links)
    assert "2 of 2 images done" in ended.out
    assert ended.out.splitlines()[-1] == "out.csv"


@pytest.mark.parametrize("name", ["Käse, 50% Liste.csv", 'a "b"; c.csv', "a%20b.csv", "\u06a9\u0641\u0634\u200c\u0647\u0627.csv"])
def test_the_server_knows_the_sheet_by_the_name_it_has(server: str, origin: Origin, tmp_path: Path, name: str) -> None:
    sheet = write_sheet(tmp_path / name, [("Cup", [origin.url("/cup.jpg")])])
    ended = halve("submit", sheet, "--url", server, "--wait", "--json", cwd=tmp_path)
    assert json.loads(ended.out)["filename"] == name


def test_who_stops_waiting_knows_how_to_ask_after_it(server: str, origin: Origin, tmp_path: Path) -> None:
    sheet = write_sheet(tmp_path / "a.csv", [("Slow", [origin.url("/slow.jpg?7")])])

    def said() -> str:
        return "".join(path.read_text() for path in tmp_path.glob("stderr-*"))

    with started("submit", sheet, "--url", server, "--wait", cwd=tmp_path) as submit:
        until("it waits", lambda: "0 of 1 image" in said())
        submit.send_signal(signal.SIGINT)
        assert submit.wait(timeout=20) == 130
    [way_back] = re.findall(r"^halve (status \S+ --url \S+)$", said(), re.MULTILINE)
    ended = halve(*way_back.split(), cwd=tmp_path)
    assert "under way" in ended.out, ended
    assert halve("cancel", way_back.split()[1], "--url", server, cwd=tmp_path).code == 0


def test_a_sheet_that_goes_to_stdout_is_alone_there(server: str, origin: Origin, tmp_path: Path) -> None:
    sheet = write_sheet(tmp_path / "a.csv", [("Cup", [origin.url("/cup.jpg?4")])])
    ended = halve("submit", sheet, "--url", server, "--wait", "-o", "-", cwd=tmp_path)
    assert ended.code == 0, ended
    assert [line[:8] for line in ended.out.splitlines()] == ["S. No.,P", "1,Cup,ht"]
    assert "1 of 1 image done" in ended.err
    both = halve("submit", sheet, "--url", server, "--wait", "-o", "-", "--json", cwd=tmp_path)
    assert (both.code, "--json" in both.err) == (2, True), both


def test_a_device_or_pipe_is_written_to_and_a_link_is_followed(server: str, origin: Origin, tmp_path: Path) -> None:
    """As /dev/null is, where this must never be tried: a file took its place."""
    sheet = write_sheet(tmp_path / "a.csv", [("Cup", [origin.url("/cup.jpg?5")])])
    os.mkfifo(tmp_path / "pipe")
    reader = subprocess.Popen(["cat", "pipe"], cwd=tmp_path, stdout=PIPE, text=True)
    with reader:
        assert halve("submit", sheet, "--url", server, "--wait", "-o", "pipe", cwd=tmp_path).code == 0
        assert reader.stdout is not None
        assert reader.stdout.read().startswith("S. No.,")
    assert (tmp_path / "pipe").is_fifo()
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to("file")
    assert halve("submit", sheet, "--url", server, "--wait", "-o", "link", cwd=tmp_path).code == 0
    assert (tmp_path / "link").is_symlink()
    assert rows_of(tmp_path / "file")[0]["Image Errors"] == ""


def test_a_reader_of_the_sheet_that_has_gone_changes_no_exit_code(server: str, origin: Origin, tmp_path: Path) -> None:
    sheet = write_sheet(tmp_path / "a.csv", [("Cup", [origin.url("/cup.jpg?6")])])
    with started("submit", sheet, "--url", server, "--wait", "-o", "-", cwd=tmp_path) as submit:
        assert submit.stdout is not None
        submit.stdout.close()
        submit.stdout = None
        assert submit.wait(timeout=60) == 0


@pytest.mark.parametrize("target", [".", "..", "nowhere/a.csv"])
def test_a_place_where_nothing_can_be_saved_is_told_before_anything_is_asked_for(
    origin: Origin, tmp_path: Path, target: str
) -> None:
    sheet = write_sheet(tmp_path / "a.csv", [("Cup", [origin.url("/cup.jpg?5")])])
    before = origin.hits()
    for words in (("submit", sheet, "--wait"), ("download", str(uuid4()))):
        ended = halve(*words, "--url", origin.url(""), "-o", target, cwd=tmp_path)
        assert (ended.code, "older" in ended.err) == (2, True), ended
    assert origin.hits() == before


def test_what_is_no_text_is_sent_as_well_as_it_can_be_or_refused(server: str, origin: Origin, tmp_path: Path) -> None:
    sheet = write_sheet(tmp_path / os.fsdecode(b'\xff"\n.csv'), [("Cup", [origin.url("/cup.jpg?6")])])
    ended = halve("submit", sheet, "--url", server, cwd=tmp_path)
    assert ended.code == 0, ended
    no_text = os.fsdecode(b"\xff")
    for words in (
        ("submit", sheet, "--columns", f"name={no_text}"),
        ("status", no_text),
        ("status", "x", "--api-key", "two\nlines"),
        ("status", "x", "--url", "http://shop..example"),
    ):
        ended = halve(*words, cwd=tmp_path, env={"HALVE_URL": server})
        assert (ended.code, "Traceback" in ended.err) == (2, False), ended


def test_failures_end_with_1_are_downloaded_and_retried(server: str, origin: Origin, tmp_path: Path) -> None:
    ghost = f"/{uuid4()}.jpg"
    sheet = write_sheet(tmp_path / "a.csv", [("Cup", [origin.url("/cup.jpg?3")]), ("Ghost", [origin.url(ghost)])])
    ended = halve("submit", sheet, "--url", server, "--wait", "--json", cwd=tmp_path)
    assert ended.code == 1, ended
    told = json.loads(ended.out)
    assert (told["status"], told["failed_images"]) == ("completed", 1)
    request_id = told["request_id"]
    assert halve("status", request_id, "--url", server, cwd=tmp_path).code == 1

    saved = halve("download", request_id, "--url", server, "--failed", cwd=tmp_path)
    assert saved.out.strip() == f"{request_id}-failed.csv"
    assert [row["Product Name"] for row in rows_of(tmp_path / saved.out.strip())] == ["Ghost"]
    assert halve("download", request_id, "--url", server, "--archive", "-o", "all.zip", cwd=tmp_path).code == 0
    with zipfile.ZipFile(tmp_path / "all.zip") as archive:
        assert archive.testzip() is None
        assert sum(name.endswith(".jpg") for name in archive.namelist()) == 1
    to_stdout = halve("download", request_id, "--url", server, "--input", "-o", "-", cwd=tmp_path)
    assert to_stdout.out.splitlines() == sheet.read_text().splitlines()
    with Path("/dev/full").open("w") as full:
        command = [*COMMAND, "download", request_id, "--url", server, "--input", "-o", "-"]
        unsaved = subprocess.run(command, cwd=tmp_path, env=environment(), stdout=full, stderr=PIPE, text=True, check=False)
    assert (unsaved.returncode, "Standard output cannot be written to" in unsaved.stderr) == (3, True), unsaved.stderr

    origin.serve(ghost, CUP)
    ended = halve("retry", request_id, "--url", server, "--wait", cwd=tmp_path)
    assert ended.code == 0, ended
    assert "2 of 2 images done" in ended.out
    again = halve("retry", request_id, "--url", server, cwd=tmp_path)
    assert again.code == 2, again


def test_what_is_saved_is_called_what_it_is(server: str, origin: Origin, tmp_path: Path) -> None:
    sheet = tmp_path / "a.tsv.gz"
    sheet.write_bytes(gzip.compress(f"S. No.\tProduct Name\tInput Image Urls\n1\tCup\t{origin.url('/cup.jpg?8')}\n".encode()))
    request_id = json.loads(halve("submit", sheet, "--url", server, "--wait", "--json", cwd=tmp_path).out)["request_id"]
    for words, name in (((), ".tsv"), (("--input",), "-input.tsv.gz"), (("--archive",), ".zip")):
        saved = halve("download", request_id, *words, "--url", server, cwd=tmp_path)
        assert saved.out.strip() == f"{request_id}{name}", saved
    assert (tmp_path / f"{request_id}-input.tsv.gz").read_bytes() == sheet.read_bytes()


def test_cancelled_it_stops_and_a_second_time_is_refused(server: str, origin: Origin, tmp_path: Path) -> None:
    sheet = write_sheet(tmp_path / "a.csv", [("Slow", [origin.url(f"/slow.jpg?{n}")]) for n in range(3)])
    ended = halve("submit", sheet, "--url", server, "--json", cwd=tmp_path)
    assert ended.code == 0, ended
    request_id = json.loads(ended.out)["request_id"]
    ended = halve("cancel", request_id, "--url", server, cwd=tmp_path)
    assert ended.code == 0, ended
    assert halve("cancel", request_id, "--url", server, cwd=tmp_path).code == 2
    assert json.loads(halve("status", request_id, "--url", server, "--json", cwd=tmp_path).out)["status"] == "cancelled"


def test_a_refused_sheet_shows_the_servers_findings(server: str, tmp_path: Path) -> None:
    sheet = write_sheet(tmp_path / "a.csv", [("", ["ftp://shop.example/a.jpg"]), ("Pot", [])])
    ended = halve("submit", sheet, "--url", server, cwd=tmp_path)
    assert ended.code == 2, ended
    assert "line 2" in ended.err
    assert "line 3" in ended.err


def test_what_the_server_does_not_know_or_take_ends_with_2(server: str, tmp_path: Path, origin: Origin) -> None:
    assert halve("status", str(uuid4()), "--url", server, cwd=tmp_path).code == 2
    ended = halve("status", "not-an-id", "--url", server, cwd=tmp_path)
    assert ended.code == 2
    assert "UUID" in ended.err or "id" in ended.err
    sheet = write_sheet(tmp_path / "a.csv", [("Cup", [origin.url("/cup.jpg")])])
    ended = halve("submit", sheet, "--url", server, "--max-bytes", "900%", cwd=tmp_path)
    assert ended.code == 2
    assert "--max-bytes must be" in ended.err


def test_a_server_out_of_reach_ends_with_3(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    ended = halve("status", str(uuid4()), "--url", f"http://127.0.0.1:{port}", cwd=tmp_path)
    assert ended.code == 3, ended
    assert f"http://127.0.0.1:{port} is out of reach: connection failed: refused. " in ended.err


def test_who_gives_up_does_not_wait_for_a_silent_name_server(tmp_path: Path) -> None:
    slow = "import socket, time\nsocket.getaddrinfo = lambda *_, **__: (open('asked', 'w').close(), time.sleep(60))\n"
    (tmp_path / "sitecustomize.py").write_text(slow)
    env = {"PYTHONPATH": str(tmp_path)}
    with started("status", str(uuid4()), "--url", "http://shop.example", cwd=tmp_path, env=env) as asking:
        until("the name is looked up", (tmp_path / "asked").exists)
        asking.send_signal(signal.SIGINT)
        assert asking.wait(timeout=10) == 130


def test_something_else_than_halve_is_told_from_it(tmp_path: Path, origin: Origin) -> None:
    for page in ("/status/x", "/download/x"):
        origin.serve(page, b"<html>", content_type="text/html")
        ended = halve(page.split("/")[1], "x", "--url", origin.url(""), cwd=tmp_path)
        assert ended.code == 3, ended
        assert "is it halve?" in ended.err
    assert not (tmp_path / "x.csv").exists()
    origin.raw("/status/y", b"220 mail.example.com ESMTP\r\n\r\n")
    ended = halve("status", "y", "--url", origin.url(""), cwd=tmp_path)
    assert (ended.code, "is out of reach: not a proper HTTP answer. " in ended.err) == (3, True), ended
    assert origin.hits("/status/y") == 1, "by asking again halve is not found"
    origin.raw("/status/z", b'HTTP/1.1 400 Bad Request\r\nContent-Length: 45\r\n\r\n{"errors":[{"line":"second","message":"no"}]}')
    ended = halve("status", "z", "--url", origin.url(""), cwd=tmp_path)
    assert (ended.code, "no" in ended.err) == (2, True), ended


@pytest.mark.parametrize("status", [401, 403, 404, 413])
def test_a_proxys_refusal_is_told_from_halves_own(tmp_path: Path, origin: Origin, status: int) -> None:
    """As nginx says that a sheet is too large, or that nothing is served under that path."""
    sheet = write_sheet(tmp_path / "a.csv", [("Cup", [origin.url("/cup.jpg")])])
    origin.serve("/proxy/upload", b"<html><center>nginx</center></html>", content_type="text/html", status=status)
    ended = halve("submit", sheet, "--url", origin.url("/proxy"), cwd=tmp_path)
    assert ended.code == 2, ended
    assert f"{origin.url('/proxy')} answered HTTP {status} " in ended.err
    assert "is it halve, or a proxy before it?" in ended.err
    assert "API key" not in ended.err
    assert ("--url https://user:pass@host" in ended.err) == (status == 401)


def test_where_an_address_leads_to_another_that_is_out_of_reach_that_one_is_named(tmp_path: Path, origin: Origin) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    origin.redirect("/status/z", f"http://localhost:{port}/login")
    ended = halve("status", "z", "--url", origin.url(""), cwd=tmp_path)
    assert ended.code == 3, ended
    assert f"localhost:{port}, to which {origin.url('')} leads, is out of reach: connection failed: refused. " in ended.err


def test_a_user_and_password_in_the_address_are_sent_and_shown_nowhere(tmp_path: Path, origin: Origin) -> None:
    """Basic authentication is what proxies ask for."""
    body = b'{"request_id": "w", "status": "processing", "total_images": 1}'
    origin.serve("/behind/status/w", body, content_type="application/json")
    address = origin.url("/behind").replace("://", "://ann:s%2Fcret@")
    ended = halve("status", "w", "--url", address, cwd=tmp_path)
    assert ended.code == 0, ended
    assert origin.seen("/behind/status/w")[0].headers["Authorization"] == "Basic YW5uOnMvY3JldA=="
    assert f"--url {origin.url('/behind')}" in ended.out
    nobody = halve("status", "v", "--url", address, cwd=tmp_path)
    assert nobody.code == 2, nobody
    both = halve("status", "w", "--url", address, "--api-key", "k", cwd=tmp_path)
    assert both.code == 2, both
    assert "--url has a user and a password, and there is an API key" in both.err
    assert not any("cret" in said for each in (ended, nobody, both) for said in (each.out, each.err))


def test_an_address_that_leads_to_another_is_told_from_a_refusal(server: str, tmp_path: Path, origin: Origin) -> None:
    """As most servers lead from http to https: of what was posted nothing would come there."""
    sheet = write_sheet(tmp_path / "a.csv", [("Cup", [origin.url("/cup.jpg")])])
    origin.redirect("/shop/upload", f"{server}/upload", status=301)
    ended = halve("submit", sheet, "--url", origin.url("/shop/"), cwd=tmp_path)
    assert ended.code == 2, ended
    assert f"leads elsewhere. Name that address: --url {server}." in ended.err


def test_with_keys_one_is_wanted_and_taken_from_the_environment_or_the_file(tmp_path: Path, origin: Origin) -> None:
    sheet = write_sheet(tmp_path / "a.csv", [("Cup", [origin.url("/cup.jpg")])])
    with serving(tmp_path / "data", env={"HALVE_API_KEYS": "shop:s3cret-key"}) as address:
        ended = halve("submit", sheet, "--url", address, cwd=tmp_path)
        assert ended.code == 2, ended
        assert "--api-key" in ended.err
        ended = halve("submit", sheet, "--wait", cwd=tmp_path, env={"HALVE_URL": address, "HALVE_API_KEY": "s3cret-key"})
        assert ended.code == 0, ended
        (tmp_path / ".env").write_text(f"HALVE_URL={address}\nHALVE_API_KEY=s3cret-key\n")
        ended = halve("submit", sheet, "--wait", cwd=tmp_path)
        assert ended.code == 0, ended


def test_a_restart_of_the_server_is_waited_for(tmp_path: Path) -> None:
    under_way = {"request_id": "x", "status": "processing", "total_images": 1}
    over = {**under_way, "status": "completed", "no_img_compressed": 1, "output_csv_url": "http://x/y"}
    with ExitStack() as stack:
        with Origin() as before:
            before.serve("/retry/x", json.dumps(under_way).encode(), status=202, content_type="application/json")
            before.serve("/status/x", json.dumps(under_way).encode(), content_type="application/json")
            command = stack.enter_context(started("retry", "x", "--url", before.url(""), "--wait", "--json", cwd=tmp_path))
            until("it asks how far it is", lambda: before.hits("/status/x") > 0)
        with Origin(port=before.port) as after:
            after.serve("/status/x", json.dumps(over).encode(), content_type="application/json")
            assert command.wait(timeout=30) == 0
