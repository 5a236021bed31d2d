"""`halve run`: what it writes, what it says, and with which code it ends."""

import asyncio
import gzip
import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event

import pytest
from aiohttp import web

from tests.support.command import COMMAND, LOOPBACK, environment, halve, rows_of, started, until, write_sheet
from tests.support.origin import Origin
from tests.support.photos import photo

CUP = photo("coffee", quality=92)
ROCKET = photo("rocket", quality=92)

JSON_KEYS = {
    "request_id",
    "status",
    "total_images",
    "done_images",
    "failed_images",
    "bytes_in",
    "bytes_out",
    "seconds",
    "output_csv",
}


@pytest.fixture
def origin() -> Iterator[Origin]:
    with Origin() as origin:
        origin.serve("/cup.jpg", CUP)
        origin.serve("/rocket.jpg", ROCKET)
        yield origin


@pytest.fixture
def sheet(tmp_path: Path, origin: Origin) -> Path:
    return write_sheet(
        tmp_path / "shop.csv",
        [("Cup", [origin.url("/cup.jpg"), origin.url("/rocket.jpg")]), ("Röhre", [origin.url("/rocket.jpg")])],
    )


def many(path: Path, origin: Origin, count: int) -> Path:
    """A sheet of that many products, of one image each, all URLs different."""
    return write_sheet(path, [(f"Cup {n}", [origin.url(f"/cup.jpg?n={n}")]) for n in range(count)])


def visible(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir() if not path.name.startswith(".")}


def test_a_sheet_comes_back_with_paths_to_lighter_images(sheet: Path, tmp_path: Path) -> None:
    ended = halve("run", sheet, *LOOPBACK, cwd=tmp_path)
    assert ended.code == 0, ended
    folder = tmp_path / "shop-halved"
    assert visible(folder) == {"output.csv", "images"}
    assert (folder / "output.csv").read_text().splitlines()[0] == (
        "S. No.,Product Name,Input Image Urls,Output Image Urls,Image Errors"
    )
    cup, tube = rows_of(folder / "output.csv")
    paths = [folder / path for path in cup["Output Image Urls"].split(", ")]
    assert [path.read_bytes()[:3] for path in paths] == [b"\xff\xd8\xff"] * 2
    assert paths[0].stat().st_size < len(CUP) * 0.7
    assert [path.name for path in paths] == ["1-cup-1.jpg", "1-cup-2.jpg"]
    assert tube["Output Image Urls"] == "images/2-röhre-1.jpg"
    assert ended.out.splitlines()[-1] == str(folder / "output.csv")
    assert "3 of 3 images done" in ended.out
    assert "\x1b" not in ended.out + ended.err


def test_any_name_of_a_sheet_does_for_the_folder_beside_it(sheet: Path, tmp_path: Path) -> None:
    odd = sheet.rename(tmp_path / "a?b=100% [bold] #1.csv")
    assert halve("run", odd, *LOOPBACK, cwd=tmp_path).code == 0
    assert visible(tmp_path) == {odd.name, "a?b=100% [bold] #1-halved"}
    assert visible(tmp_path / "a?b=100% [bold] #1-halved") == {"output.csv", "images"}


def test_names_of_files_need_not_be_text(sheet: Path, tmp_path: Path) -> None:
    named = sheet.rename(tmp_path / os.fsdecode(b"\xfc\xff\nshop.csv"))
    folder = tmp_path / os.fsdecode(b"\xfcber")
    for _ in range(2):
        ended = halve("run", named, "-o", folder, *LOOPBACK, cwd=tmp_path, env={"PYTHONIOENCODING": "utf-8:strict"})
        assert ended.code == 0, ended
    assert "had ended before" in ended.err


def test_json_is_one_object_and_nothing_else_on_stdout(sheet: Path, tmp_path: Path) -> None:
    ended = halve("run", sheet, *LOOPBACK, "--json", "-o", "out", cwd=tmp_path)
    told = json.loads(ended.out)
    assert set(told) == JSON_KEYS
    assert (told["status"], told["total_images"], told["done_images"], told["failed_images"]) == ("completed", 3, 3, 0)
    assert told["bytes_in"] == len(CUP) + 2 * len(ROCKET)
    assert told["bytes_out"] == sum(path.stat().st_size for path in (tmp_path / "out/images").iterdir())
    assert Path(told["output_csv"]) == tmp_path / "out/output.csv"
    assert (tmp_path / "out/output.csv").is_file()


def test_an_empty_folder_is_one_that_was_not_given(sheet: Path, tmp_path: Path) -> None:
    ended = halve("run", sheet, *LOOPBACK, "-o", "", cwd=tmp_path)
    assert ended.code == 0, ended
    assert visible(tmp_path) == {"shop.csv", "shop-halved"}


def test_a_gzipped_sheet_loses_both_endings_in_the_folders_name(sheet: Path, tmp_path: Path) -> None:
    packed = tmp_path / "packed.csv.gz"
    packed.write_bytes(gzip.compress(sheet.read_bytes()))
    assert halve("run", packed, *LOOPBACK, cwd=tmp_path).code == 0
    assert len(rows_of(tmp_path / "packed-halved/output.csv")) == 2


def test_a_failed_image_ends_with_1_and_a_sheet_that_can_be_run_again(tmp_path: Path, origin: Origin) -> None:
    sheet = write_sheet(tmp_path / "a.csv", [("Cup", [origin.url("/cup.jpg")]), ("Ghost", [origin.url("/ghost.jpg")])])
    ended = halve("run", sheet, *LOOPBACK, cwd=tmp_path)
    assert ended.code == 1, ended
    assert "Ghost, image 1: not found (404)" in ended.err
    folder = tmp_path / "a-halved"
    assert rows_of(folder / "output.csv")[1]["Image Errors"] == "1: not found (404)"
    assert [row["Product Name"] for row in rows_of(folder / "failed.csv")] == ["Ghost"]
    ended = halve("run", folder / "failed.csv", "-o", folder, "--fresh", *LOOPBACK, cwd=tmp_path)
    assert ended.code == 2, "it would remove its own sheet"

    origin.serve("/ghost.jpg", ROCKET)
    ended = halve("run", folder / "failed.csv", *LOOPBACK, cwd=tmp_path)
    assert ended.code == 0, ended

    ended = halve("run", sheet, *LOOPBACK, "--retry-failed", cwd=tmp_path)
    assert ended.code == 0, ended
    assert origin.hits("/cup.jpg") == 1
    assert rows_of(folder / "output.csv")[1]["Image Errors"] == ""
    assert not (folder / "failed.csv").exists()


def test_base_url_stands_before_every_path(sheet: Path, tmp_path: Path) -> None:
    assert halve("run", sheet, *LOOPBACK, "--base-url", "https://cdn.example.com/p/", cwd=tmp_path).code == 0
    cup, tube = rows_of(tmp_path / "shop-halved/output.csv")
    assert cup["Output Image Urls"].startswith("https://cdn.example.com/p/images/1-cup-1.jpg, https://")
    assert tube["Output Image Urls"] == "https://cdn.example.com/p/images/2-r%C3%B6hre-1.jpg", "a URL, where a path has the letter"
    assert (tmp_path / "shop-halved/images/2-röhre-1.jpg").is_file()


def test_a_base_url_that_the_sheet_has_no_letters_for_is_a_url_in_it_all_the_same(tmp_path: Path, origin: Origin) -> None:
    sheet = tmp_path / "shop.csv"
    sheet.write_bytes(f"id,name,images\n1,Röhre,{origin.url('/cup.jpg')}\n".encode("cp1252"))
    assert halve("run", sheet, *LOOPBACK, "--base-url", "https://cdn.example.com/ő", cwd=tmp_path).code == 0
    written = (tmp_path / "shop-halved/output.csv").read_text("cp1252")
    assert written.endswith(",https://cdn.example.com/%C5%91/images/1-r%C3%B6hre-1.jpg,\n")


def test_private_addresses_are_not_fetched_from_unless_allowed(sheet: Path, tmp_path: Path, origin: Origin) -> None:
    ended = halve("run", sheet, cwd=tmp_path)
    assert ended.code == 1, ended
    assert origin.hits() == 0
    assert "address not allowed: 127.0.0.1" in ended.err
    assert "--allow-private 127.0.0.1" in ended.err


def test_who_follows_the_hint_to_allow_a_private_address_gets_there(sheet: Path, tmp_path: Path) -> None:
    ended = halve("run", sheet, cwd=tmp_path)
    [hint] = [line for line in ended.err.splitlines() if "--allow-private" in line]
    assert hint.endswith("run again with --allow-private 127.0.0.1 --retry-failed.")

    half_followed = halve("run", sheet, "--allow-private", "127.0.0.1", cwd=tmp_path)
    assert half_followed.code == 1, half_followed
    assert "had ended before" in half_followed.err
    assert "nothing was left to do" not in half_followed.err
    assert "--retry-failed" in half_followed.err

    followed = halve("run", sheet, "--allow-private", "127.0.0.1", "--retry-failed", cwd=tmp_path)
    assert followed.code == 0, followed
    assert "--retry-failed" not in followed.err


def test_a_hint_is_given_only_where_it_helps(tmp_path: Path, origin: Origin) -> None:
    leaflet = origin.serve("/leaflet.jpg", b"%PDF-1.7\n" + bytes(1_000))
    login = origin.serve("/login.jpg", b"<!doctype html><title>Log in</title>" + bytes(1_000))
    metadata = "http://169.254.169.254/latest/a.jpg"
    sheet = write_sheet(tmp_path / "a.csv", [("Cup", ["http://127.0.0.1:9/a.jpg", metadata, leaflet])])
    ended = halve("run", sheet, *LOOPBACK, cwd=tmp_path)
    assert "address not allowed: port 9\n" in ended.err
    assert "address not allowed: 169.254.169.254\n" in ended.err
    assert "a PDF document, not an image\n" in ended.err
    assert "--allow-private" not in ended.err
    assert "login" not in ended.err

    ended = halve("run", write_sheet(tmp_path / "b.csv", [("Cup", [login])]), *LOOPBACK, cwd=tmp_path)
    assert "is often a login" in ended.err
    assert "--retry-failed" in ended.err, "what it hints at is of no use without"


def test_a_refused_sheet_lists_all_findings_fetches_nothing_and_leaves_nothing(tmp_path: Path, origin: Origin) -> None:
    sheet = write_sheet(tmp_path / "a.csv", [("Cup", [origin.url("/cup.jpg")]), ("", ["ftp://x/y.jpg"]), ("Pot", [])])
    ended = halve("run", sheet, *LOOPBACK, cwd=tmp_path)
    assert ended.code == 2, ended
    assert "line 3" in ended.err
    assert "line 4" in ended.err
    assert ended.out == ""
    ended = halve("run", sheet, *LOOPBACK, "--json", cwd=tmp_path)
    assert ended.code == 2
    findings = json.loads(ended.out)["error"]["errors"]
    assert {finding["line"] for finding in findings} == {3, 4}
    assert all(set(finding) == {"line", "column", "code", "message"} for finding in findings)
    assert origin.hits() == 0
    assert not (tmp_path / "a-halved").exists()

    ended = halve("run", sheet, *LOOPBACK, "--mode", "lenient", cwd=tmp_path)
    assert ended.code == 1, ended
    assert "2 rows left out" in ended.out
    assert "mend those that were left out" in ended.out
    assert len(rows_of(tmp_path / "a-halved/failed.csv")) == 2


def test_options_that_are_refused_leave_nothing_and_take_nothing_of_a_run_before(sheet: Path, tmp_path: Path) -> None:
    def refused() -> None:
        assert halve("run", sheet, "--columns", "name=Image Errors", cwd=tmp_path).code == 2

    sheet.write_text(sheet.read_text().replace("Input Image Urls", "Input Image Urls,Image Errors", 1))
    folder = tmp_path / "shop-halved"
    refused()
    assert not folder.exists()
    assert halve("run", sheet, *LOOPBACK, cwd=tmp_path).code == 0
    left = sorted(folder.rglob("*"))
    refused()
    assert sorted(folder.rglob("*")) == left


def test_settings_of_a_servers_notifications_are_no_business_of_a_run(sheet: Path, tmp_path: Path) -> None:
    """Refused in the middle, they cost what an earlier run had made, with --fresh."""
    theirs = {"HALVE_WEBHOOK_SECRET": "whsec_short", "HALVE_SMTP_URL": "smtp://", "HALVE_MAIL_FROM": "nobody"}
    ended = halve("run", sheet, *LOOPBACK, cwd=tmp_path, env=theirs)
    assert ended.code == 0, ended


def test_a_refused_sheet_leaves_no_folder_above_the_one_named_either(tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    sheet = write_sheet(tmp_path / "a.csv", [("", ["http://a.test/1.jpg"])])
    for folder in ("new/deep/out", "here/out"):
        assert halve("run", sheet, "-o", folder, cwd=tmp_path).code == 2
    assert visible(tmp_path) == {"a.csv", "here"}
    assert visible(tmp_path / "here") == set()


def test_however_many_findings_there_are_a_file_of_them_has_each_with_its_code(tmp_path: Path) -> None:
    ended = halve("run", write_sheet(tmp_path / "a.csv", [("Cup", [])] * 300), cwd=tmp_path)
    assert ended.code == 2
    lines = ended.err.splitlines()[1:]
    assert [line.partition(",")[0] for line in lines] == [f"  line {number}" for number in range(2, 302)]
    assert all(line.endswith("(no_url)") for line in lines)


def test_a_dry_run_says_what_would_be_done_and_writes_nothing(sheet: Path, tmp_path: Path, origin: Origin) -> None:
    ended = halve("run", sheet, "--dry-run", cwd=tmp_path)
    assert ended.code == 0, ended
    assert "3 images of 2 products" in ended.out
    told = json.loads(halve("run", sheet, "--dry-run", "--json", cwd=tmp_path).out)
    assert (told["total_rows"], told["total_images"], told["findings"]) == (2, 3, [])
    bad = write_sheet(tmp_path / "bad.csv", [("", [origin.url("/cup.jpg")])])
    assert halve("run", bad, "--dry-run", cwd=tmp_path).code == 2
    assert visible(tmp_path) == {"shop.csv", "bad.csv"}
    assert origin.hits() == 0


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--quality", "0"), "1 to 100"),
        (("--max-bytes", "much"), "50%"),
        (("--format", "tga"), "webp"),
        (("--max-size", "-1"), "65535"),
        (("--mode", "loose"), "lenient"),
        (("--columns", "price=Price"), "serial"),
        (("--base-url", "cdn"), "https://"),
        (("--base-url", "https://cdn.example.com/?"), "without blanks, ? and #"),
        (("--allow-private", "home"), "127.0.0.0/8"),
        (("--concurrency", "0"), "--concurrency"),
        (("--colour",), "colour"),
    ],
)
def test_an_impossible_option_ends_with_2_and_says_what_is_possible(
    sheet: Path, tmp_path: Path, words: tuple[str, ...], says: str
) -> None:
    ended = halve("run", sheet, *words, cwd=tmp_path)
    assert ended.code == 2, ended
    assert says in ended.err
    assert words[0] in ended.err, "by the name under which it was given"
    assert visible(tmp_path) == {"shop.csv"}


@pytest.mark.parametrize("words", [(), ("a.csv", "--concurrency", "0"), ("a.csv", "--colour")])
def test_a_command_line_that_is_not_understood_is_an_object_too_where_one_was_asked_for(
    tmp_path: Path, words: tuple[str, ...]
) -> None:
    ended = halve("run", *words, "--json", cwd=tmp_path)
    assert ended.code == 2, ended
    error = json.loads(ended.out)["error"]
    assert error["code"] == "usage"
    assert error["message"].rstrip(".") in " ".join(ended.err.replace("│", " ").split())
    assert halve("run", *words, cwd=tmp_path).out == ""


def test_a_sheet_that_is_not_there_ends_with_2(tmp_path: Path) -> None:
    ended = halve("run", "nowhere.csv", cwd=tmp_path)
    assert (ended.code, ended.out) == (2, "")
    assert "nowhere.csv" in ended.err
    assert "folder" in halve("run", tmp_path, cwd=tmp_path).err
    unnameable = halve("run", f"{'n' * 300}.csv", cwd=tmp_path)
    assert unnameable.code == 2, unnameable
    assert "cannot be read: File name too long." in unnameable.err


def test_an_address_is_no_sheet_and_what_to_do_is_told(tmp_path: Path) -> None:
    ended = halve("run", "https://docs.example/spreadsheets/d/1/export?format=csv", cwd=tmp_path)
    assert ended.code == 2, ended
    assert "A sheet on the web has to be downloaded first" in ended.err


@pytest.mark.parametrize("sheet", ["/dev/zero", "pipe", "-"])
def test_what_never_ends_or_can_be_read_but_once_is_no_sheet(tmp_path: Path, sheet: str) -> None:
    os.mkfifo(tmp_path / "pipe")
    ended = halve("run", sheet, "-o", "out", cwd=tmp_path, timeout=20)
    assert ended.code == 2, ended
    assert "save it" in ended.err
    assert not (tmp_path / "out").exists()


def test_a_sheet_that_is_still_being_written_is_refused_and_nothing_of_it_is_left(tmp_path: Path, origin: Origin) -> None:
    sheet, over = tmp_path / "products.csv", Event()
    sheet.write_text("id,name,images\n" + f"1,Shoe,{origin.url('/a.jpg')}\n" * 5_000)

    def write_on() -> None:
        with sheet.open("a") as file:
            while not over.wait(0.005):
                file.write(f"2,Hat,{origin.url('/b.jpg')}\n")
                file.flush()

    with ThreadPoolExecutor(1) as pool:
        pool.submit(write_on)
        try:
            ended = halve("run", sheet, *LOOPBACK, cwd=tmp_path)
        finally:
            over.set()
    assert (ended.code, origin.hits()) == (2, 0), ended
    assert "changed while it was read" in ended.err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["products.csv"]


def test_a_second_ctrl_c_ends_with_130_too(tmp_path: Path, origin: Origin) -> None:
    sheet = many(tmp_path / "a.csv", origin, 40)
    origin.latency = 1.0
    with started("run", sheet, *LOOPBACK, cwd=tmp_path) as run:
        until("it is at work", lambda: origin.hits() > 0)
        for _ in range(40):
            run.send_signal(signal.SIGINT)
            if run.poll() is not None:
                break
            time.sleep(0.05)
        assert run.wait(timeout=20) == 130


def test_ctrl_c_while_it_is_still_being_loaded_ends_with_130_and_without_a_word(tmp_path: Path) -> None:
    (tmp_path / "typer.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGINT)")  # the first heavy import
    ended = halve("--version", cwd=tmp_path, env={"PYTHONPATH": str(tmp_path)})
    assert (ended.code, ended.err) == (130, ""), ended


def test_sigterm_before_the_work_begins_ends_with_130_too(sheet: Path, tmp_path: Path) -> None:
    (tmp_path / "uvloop.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGTERM)")  # the last heavy import
    ended = halve("run", sheet, "--json", cwd=tmp_path, env={"PYTHONPATH": str(tmp_path)})
    assert (ended.code, json.loads(ended.out)["error"]["code"]) == (130, "interrupted"), ended


def test_a_file_where_the_folder_should_be_is_named(sheet: Path, tmp_path: Path) -> None:
    ended = halve("run", sheet, "-o", sheet, cwd=tmp_path)
    assert ended.code == 2, ended
    assert f"{sheet} is in the way" in ended.err


def test_a_finished_run_is_not_done_again_and_other_options_are_refused(sheet: Path, tmp_path: Path, origin: Origin) -> None:
    first = halve("run", sheet, *LOOPBACK, "--json", cwd=tmp_path)
    hits = origin.hits()
    again = halve("run", sheet, *LOOPBACK, "--json", cwd=tmp_path)
    assert again.code == first.code == 0, again
    one, two = json.loads(first.out), json.loads(again.out)
    assert one | {"seconds": 0} == two | {"seconds": 0}
    assert "nothing was left to do" in halve("run", sheet, *LOOPBACK, cwd=tmp_path).err

    other = halve("run", sheet, *LOOPBACK, "--quality", "70", cwd=tmp_path)
    assert other.code == 2
    assert "quality not given, not 70" in other.err
    assert "--fresh" in other.err
    assert origin.hits() == hits

    sheet.write_text(sheet.read_text() + f"3,Pot,{origin.url('/cup.jpg')}\n")
    other = halve("run", sheet, *LOOPBACK, cwd=tmp_path)
    assert other.code == 2
    assert "another sheet" in other.err
    mine, old = (tmp_path / "shop-halved/images" / name for name in ("holiday.jpg", "7-cup-1.png"))
    for path in (mine, old):
        path.write_bytes(b"precious")
    fresh = halve("run", sheet, *LOOPBACK, "--fresh", "--quality", "70", cwd=tmp_path)
    assert fresh.code == 0, fresh
    assert (mine.exists(), old.exists()) == (True, False), "what halve made is removed, and nothing else"
    assert len(rows_of(tmp_path / "shop-halved/output.csv")) == 3


def test_a_sheet_that_is_refused_removes_nothing_even_with_fresh(sheet: Path, tmp_path: Path) -> None:
    assert halve("run", sheet, *LOOPBACK, cwd=tmp_path).code == 0
    before = (tmp_path / "shop-halved/output.csv").read_bytes()
    sheet.write_text(sheet.read_text() + "3,Pot,ftp://a.test/pot.jpg\n")
    ended = halve("run", sheet, *LOOPBACK, "--fresh", cwd=tmp_path)
    assert ended.code == 2, ended
    assert (tmp_path / "shop-halved/output.csv").read_bytes() == before
    assert len(list((tmp_path / "shop-halved/images").iterdir())) == 3


def test_a_default_said_aloud_is_no_other_option(sheet: Path, tmp_path: Path) -> None:
    assert halve("run", sheet, *LOOPBACK, cwd=tmp_path).code == 0
    assert halve("run", sheet, *LOOPBACK, "--quality", "50", "--format", "keep", cwd=tmp_path).code == 0


@pytest.mark.parametrize("name", ["output.csv", "failed.csv"])
def test_a_sheet_that_was_moved_away_is_written_anew(name: str, tmp_path: Path, origin: Origin) -> None:
    sheet = write_sheet(tmp_path / "a.csv", [("Cup", [origin.url("/cup.jpg")]), ("Ghost", [origin.url("/ghost.jpg")])])
    assert halve("run", sheet, *LOOPBACK, cwd=tmp_path).code == 1
    moved, hits = tmp_path / "a-halved" / name, origin.hits()
    written = moved.read_bytes()
    moved.unlink()
    assert halve("run", sheet, *LOOPBACK, cwd=tmp_path).code == 1
    assert (moved.read_bytes(), origin.hits()) == (written, hits)


def test_a_folder_whose_state_was_removed_is_not_called_a_strangers_and_can_be_started_over(sheet: Path, tmp_path: Path) -> None:
    assert halve("run", sheet, *LOOPBACK, cwd=tmp_path).code == 0
    folder = tmp_path / "shop-halved"
    written = (folder / "output.csv").read_bytes()
    shutil.rmtree(folder / ".halve")
    ended = halve("run", sheet, *LOOPBACK, cwd=tmp_path)
    assert ended.code == 2, ended
    assert "something else" not in ended.err
    assert "has output.csv and images, and no .halve" in ended.err
    assert "--fresh" in ended.err
    assert not (folder / ".halve").exists()

    (folder / "images/holiday.jpg").write_bytes(b"precious")
    ended = halve("run", sheet, *LOOPBACK, "--fresh", cwd=tmp_path)
    assert ended.code == 2, ended
    assert "--fresh" not in ended.err
    assert (folder / "images/holiday.jpg").read_bytes() == b"precious"

    (folder / "images/holiday.jpg").unlink()
    ended = halve("run", sheet, *LOOPBACK, "--fresh", cwd=tmp_path)
    assert ended.code == 0, ended
    assert (folder / "output.csv").read_bytes() == written


@pytest.mark.parametrize("memory", ["link", "off"])
def test_images_that_were_taken_away_are_made_again(sheet: Path, tmp_path: Path, origin: Origin, memory: str) -> None:
    env = {"HALVE_MEMORY": memory}
    first = halve("run", sheet, *LOOPBACK, "--json", cwd=tmp_path, env=env)
    folder, hits = tmp_path / "shop-halved", origin.hits()
    written = {path.name: path.read_bytes() for path in (folder / "images").iterdir()}
    (folder / "images/1-cup-2.jpg").unlink()
    one = halve("run", sheet, *LOOPBACK, cwd=tmp_path, env=env)
    assert one.code == 0, one
    assert "1 image of this run was gone" in one.err
    assert "3 of 3 images done" in one.out
    assert origin.hits() - hits <= 2, "the others are left alone"

    for path in (folder / "images").iterdir():
        path.unlink()
    (folder / "images").rmdir()
    all_of_them = halve("run", sheet, *LOOPBACK, "--json", cwd=tmp_path, env=env)
    assert all_of_them.code == 0, all_of_them
    assert json.loads(all_of_them.out) | {"seconds": 0} == json.loads(first.out) | {"seconds": 0}
    assert {path.name: path.read_bytes() for path in (folder / "images").iterdir()} == written
    assert "nothing was left to do" in halve("run", sheet, *LOOPBACK, cwd=tmp_path, env=env).err


def test_an_image_that_was_taken_away_and_cannot_be_had_any_more_is_a_failure(tmp_path: Path, origin: Origin) -> None:
    sheet = write_sheet(tmp_path / "a.csv", [("Cup", [origin.url("/cup.jpg")]), ("Rocket", [origin.url("/rocket.jpg")])])
    assert halve("run", sheet, *LOOPBACK, cwd=tmp_path).code == 0
    origin.route("/cup.jpg", gone)
    (tmp_path / "a-halved/images/1-cup-1.jpg").unlink()
    ended = halve("run", sheet, *LOOPBACK, cwd=tmp_path)
    assert ended.code == 1, ended
    assert "1 of 2 images done, 1 failed" in ended.out
    cup, rocket = rows_of(tmp_path / "a-halved/output.csv")
    assert (cup["Output Image Urls"], rocket["Output Image Urls"]) == ("", "images/2-rocket-1.jpg")


def test_an_interrupted_run_whose_images_were_taken_away_makes_them_again(tmp_path: Path, origin: Origin) -> None:
    sheet = many(tmp_path / "a.csv", origin, 40)
    origin.latency = 0.2
    images = tmp_path / "a-halved/images"
    with started("run", sheet, *LOOPBACK, cwd=tmp_path, env={"HALVE_PER_HOST": "4"}) as run:
        until("some images are there", lambda: len(list(images.glob("*.jpg"))) >= 8)
        run.send_signal(signal.SIGINT)
        run.wait()
    for path in images.iterdir():
        path.unlink()
    origin.latency = 0.0
    ended = halve("run", sheet, *LOOPBACK, cwd=tmp_path)
    assert ended.code == 0, ended
    assert all((images.parent / row["Output Image Urls"]).is_file() for row in rows_of(images.parent / "output.csv"))


async def gone(_: web.Request) -> web.Response:
    return web.Response(status=410)


def test_files_of_somebody_else_are_never_overwritten(sheet: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/output.csv").write_text("precious")
    for words in ((), ("--fresh",)):
        ended = halve("run", sheet, *LOOPBACK, "-o", "mine", *words, cwd=tmp_path)
        assert ended.code == 2, ended
    assert (tmp_path / "mine/output.csv").read_text() == "precious"
    assert list((tmp_path / "mine").iterdir()) == [tmp_path / "mine/output.csv"]


def test_a_sheet_that_a_run_in_the_folder_writes_is_refused_and_this_folder_is_not_called_the_one_above(
    sheet: Path, tmp_path: Path
) -> None:
    ours = sheet.rename(tmp_path / "output.csv")
    before = ours.read_bytes()
    for words in ((), ("--fresh",)):
        ended = halve("run", "output.csv", "-o", ".", *LOOPBACK, *words, cwd=tmp_path)
        assert ended.code == 2, ended
        assert "A run in . writes output.csv itself." in ended.err
        assert " .." not in ended.err
    assert ours.read_bytes() == before


def test_killed_it_goes_on_where_it_was(tmp_path: Path, origin: Origin) -> None:
    sheet = many(tmp_path / "a.csv", origin, 60)
    origin.latency = 0.15
    folder = tmp_path / "out"
    with started("run", sheet, "-o", folder, *LOOPBACK, cwd=tmp_path, env={"HALVE_PER_HOST": "4"}) as run:
        until("some images are there", lambda: len(list((folder / "images").glob("*.jpg"))) >= 12 if folder.exists() else False)
        run.kill()
        run.wait()
    assert not (folder / "output.csv").exists()
    before = origin.hits()
    origin.latency = 0.0
    ended = halve("run", sheet, "-o", folder, *LOOPBACK, "--json", cwd=tmp_path)
    assert ended.code == 0, ended
    told = json.loads(ended.out)
    assert (told["done_images"], told["bytes_in"]) == (60, 60 * len(CUP))
    assert "Going on:" in ended.err
    assert origin.hits() - before < 60
    assert len(rows_of(folder / "output.csv")) == 60
    assert visible(folder) == {"output.csv", "images"}


def test_ctrl_c_ends_it_soon_with_130_and_says_how_to_go_on(tmp_path: Path, origin: Origin) -> None:
    sheet = many(tmp_path / "a.csv", origin, 40)
    origin.latency = 0.3
    env = {"HALVE_PER_HOST": "2"}
    with started("run", sheet, *LOOPBACK, "--json", cwd=tmp_path, env=env) as run:
        until("some were fetched", lambda: origin.hits() > 6)
        began = time.monotonic()
        run.send_signal(signal.SIGINT)
        out, _ = run.communicate(timeout=20)
        assert run.returncode == 130
        assert time.monotonic() - began < 8
    assert json.loads(out)["error"]["code"] == "interrupted"
    assert any("Run the same command again" in path.read_text() for path in tmp_path.glob("stderr-*"))
    origin.latency = 0.0
    ended = halve("run", sheet, *LOOPBACK, cwd=tmp_path)
    assert ended.code == 0, ended
    assert len(rows_of(tmp_path / "a-halved/output.csv")) == 40


def test_a_second_run_in_the_same_folder_is_turned_away(tmp_path: Path, origin: Origin) -> None:
    sheet = many(tmp_path / "a.csv", origin, 4)
    held = Event()

    async def hold(_: web.Request) -> web.Response:
        while not held.is_set():
            await asyncio.sleep(0.05)
        return web.Response(body=CUP, content_type="image/jpeg")

    origin.route("/cup.jpg", hold)
    with started("run", sheet, *LOOPBACK, cwd=tmp_path) as run:
        until("the first is at work", lambda: origin.hits() > 0)
        for words in ((), ("--fresh",)):
            ended = halve("run", sheet, *LOOPBACK, *words, cwd=tmp_path)
            assert ended.code == 2, ended
            assert "Another run is at work" in ended.err
        held.set()
        assert run.wait(timeout=30) == 0


def test_a_disk_that_is_full_ends_with_3_and_nothing_is_lost(tmp_path: Path, origin: Origin) -> None:
    origin.serve("/big.jpg", photo(width=2400, quality=95))
    sheet = write_sheet(tmp_path / "a.csv", [("Cup", [origin.url("/cup.jpg")]), ("Big", [origin.url("/big.jpg")])])

    command = subprocess.run(
        ["bash", "-c", 'ulimit -S -f 390; exec "$@"', "-", *COMMAND, "run", str(sheet), *LOOPBACK, "--quality", "90"],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert command.returncode == 3, command.stderr
    assert "run the same command again" in command.stderr
    assert "HALVE_STORAGE_URL" not in command.stderr, "-o names the folder, and another one would begin anew"
    ended = halve("run", sheet, *LOOPBACK, "--quality", "90", cwd=tmp_path)
    assert ended.code == 0, ended


def test_a_sheet_whose_name_leaves_no_room_for_its_folders_is_told_to_name_one(sheet: Path, tmp_path: Path) -> None:
    named = sheet.rename(tmp_path / f"{'n' * 250}.csv")
    ended = halve("run", named, *LOOPBACK, cwd=tmp_path)
    assert ended.code == 3, ended
    assert "cannot be written to: File name too long. Choose another folder with -o." in ended.err
    ended = halve("run", named, *LOOPBACK, "--fresh", cwd=tmp_path)
    assert ended.code == 3, ended
    assert "n-halved: File name too long." in ended.err


def test_a_folder_that_is_a_link_to_itself_ends_with_3(sheet: Path, tmp_path: Path) -> None:
    (tmp_path / "out").symlink_to("out")
    ended = halve("run", sheet, *LOOPBACK, "-o", "out", cwd=tmp_path)
    assert ended.code == 3, ended
    assert ended.err == "halve: out cannot be written to: Too many levels of symbolic links. Choose another folder with -o.\n"


def test_a_folder_that_cannot_be_made_ends_with_3(sheet: Path, tmp_path: Path) -> None:
    ended = halve("run", sheet, *LOOPBACK, "-o", "/proc/nowhere", cwd=tmp_path)
    assert ended.code == 3, ended
    assert "-o" in ended.err
