"""Where nobody reads what `halve` says, or nothing can be written there, it still ends with the code that it earned."""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.command import COMMAND, LOOPBACK, environment, halve, rows_of, write_sheet
from tests.support.origin import Origin
from tests.support.photos import photo


@pytest.fixture
def sheet(tmp_path: Path) -> Iterator[Path]:
    with Origin() as origin:
        yield write_sheet(tmp_path / "shop.csv", [("Cup", [origin.serve("/cup.jpg", photo("coffee", quality=92))])])


def shell(script: str, *words: str | Path, cwd: Path) -> tuple[int, str]:
    """Run `halve` in a shell's script, in which it is `"$@"`; gives its exit code, which the script writes to 9, and stderr."""
    ended = subprocess.run(
        ["bash", "-c", f"exec 9>code; {script}", "-", *COMMAND, *map(str, words)],
        cwd=cwd,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return int((cwd / "code").read_text()), ended.stderr


def test_a_reader_that_has_gone_changes_no_exit_code(sheet: Path, tmp_path: Path) -> None:
    code, err = shell('("$@" 2>&1; echo $? >&9) | true', "run", sheet, *LOOPBACK, cwd=tmp_path)
    assert (code, err) == (0, "")
    assert rows_of(tmp_path / "shop-halved/output.csv")[0]["Image Errors"] == ""
    code, err = shell('("$@"; echo $? >&9) | true', "run", sheet, *LOOPBACK, "--json", cwd=tmp_path)
    assert code == 0
    assert "roken" not in err


@pytest.mark.parametrize(("closed", "form"), [("<&- >&-", ()), (">&- 2>&-", ("--json",))])
def test_closed_streams_do_no_harm(sheet: Path, tmp_path: Path, closed: str, form: tuple[str, ...]) -> None:
    code, err = shell(f'"$@" {closed}; echo $? >&9', "run", sheet, *LOOPBACK, *form, cwd=tmp_path)
    assert code == 0, err
    assert "Traceback" not in err


@pytest.mark.parametrize(
    "words", [("run", "SHEET", *LOOPBACK, "--json"), ("run", "SHEET", *LOOPBACK), ("run", "--json"), ("run", "--help")]
)
def test_an_answer_that_cannot_be_written_ends_with_3(sheet: Path, tmp_path: Path, words: tuple[str, ...]) -> None:
    code, err = shell('"$@" >/dev/full; echo $? >&9', *(word.replace("SHEET", str(sheet)) for word in words), cwd=tmp_path)
    assert code == 3, err
    assert "Standard output cannot be written to: No space left on device" in err
    assert "Errno" not in err
    assert "Traceback" not in err


@pytest.mark.parametrize("away", ["2>/dev/full", "2>&-"])
def test_where_stderr_takes_nothing_a_run_goes_its_way(sheet: Path, tmp_path: Path, away: str) -> None:
    code, _ = shell(f'"$@" {away}; echo $? >&9', "run", sheet, *LOOPBACK, cwd=tmp_path)
    assert code == 0
    assert rows_of(tmp_path / "shop-halved/output.csv")[0]["Image Errors"] == ""
    code, _ = shell(f'"$@" {away}; echo $? >&9', "run", "nowhere.csv", cwd=tmp_path)
    assert code == 2


@pytest.mark.parametrize("words", [("serve", "--port", "0"), ("worker",)])
def test_a_server_or_worker_that_cannot_say_that_it_is_up_works_all_the_same(tmp_path: Path, words: tuple[str, ...]) -> None:
    script = (
        '"$@" >/dev/full 2>said & until grep -q "Standard output cannot be written to" said; do sleep 0.1; done; kill $!; wait $!'
    )
    code, _ = shell(f"{script}; echo $? >&9", *words, cwd=tmp_path)
    said = (tmp_path / "said").read_text()
    assert code == 0, said
    assert "Errno" not in said
    assert "Traceback" not in said


def test_a_terminal_of_no_columns_is_one_that_does_not_know(tmp_path: Path) -> None:
    assert "products.csv" in halve("run", "--help", cwd=tmp_path, env={"COLUMNS": "0"}).out
    assert "nowhere.csv" in halve("run", "nowhere.csv", cwd=tmp_path, env={"COLUMNS": "0"}).err


@pytest.mark.parametrize("form", [(), ("--json",)])
@pytest.mark.parametrize("encoding", ["latin-1", "utf-8:strict", "ascii:surrogateescape"])
def test_a_stream_that_has_no_place_for_a_letter_changes_no_exit_code(
    sheet: Path, tmp_path: Path, encoding: str, form: tuple[str, ...]
) -> None:
    folder = tmp_path / os.fsdecode("靴 ".encode() + b"\xff")
    done = halve("run", sheet, "-o", folder, *LOOPBACK, *form, cwd=tmp_path, env={"PYTHONIOENCODING": encoding})
    assert done.code == 0, done
    if form:
        assert json.loads(done.out)["output_csv"] == str(folder / "output.csv")
    else:
        assert "1 of 1 image done" in done.out
