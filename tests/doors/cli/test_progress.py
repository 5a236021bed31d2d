"""What is seen while it runs: a bar on a terminal, plain lines elsewhere, colours only where they are wanted."""

import os
import pty
import re
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from halve.doors.cli.terminal import printable, saved, span
from tests.support.command import COMMAND, LOOPBACK, environment, halve, write_sheet
from tests.support.origin import Origin
from tests.support.photos import photo

COLOUR = re.compile(r"\x1b\[[\d;]*[1-9][\d;]*m")


@pytest.fixture
def sheet(tmp_path: Path) -> Iterator[Path]:
    with Origin(latency=0.2) as origin:
        origin.serve("/cup.jpg", photo("coffee", quality=92))
        yield write_sheet(tmp_path / "a.csv", [(f"[red]Cup {n}", [origin.url(f"/cup.jpg?{n}")]) for n in range(6)])


def on_a_terminal(*words: str | Path, cwd: Path, **env: str) -> str:
    """What a command shows on a terminal."""
    ours, theirs = pty.openpty()
    seen = bytearray()

    def read() -> None:
        try:
            while piece := os.read(ours, 4096):
                seen.extend(piece)
        except OSError:  # the other end is closed
            pass

    reader = threading.Thread(target=read)
    reader.start()
    settings = environment({"TERM": "xterm-256color", "COLUMNS": "100", **env})
    done = subprocess.run([*COMMAND, *map(str, words)], cwd=cwd, env=settings, stdout=theirs, stderr=theirs, check=False)
    os.close(theirs)
    reader.join(timeout=10)
    os.close(ours)
    assert done.returncode in (0, 2), seen.decode()
    return seen.decode()


def test_a_terminal_sees_a_bar(sheet: Path, tmp_path: Path) -> None:
    seen = on_a_terminal("run", sheet, *LOOPBACK, cwd=tmp_path)
    assert "6/6" in seen
    assert "saved" in seen
    assert "━" in seen
    assert COLOUR.search(seen)


def test_a_path_is_not_broken(sheet: Path, tmp_path: Path) -> None:
    folder = tmp_path / ("n" * 120)
    assert f"{folder}/output.csv\r\n" in on_a_terminal("run", sheet, *LOOPBACK, "-o", folder, cwd=tmp_path)


def test_no_color_is_honoured(sheet: Path, tmp_path: Path) -> None:
    seen = on_a_terminal("run", sheet, *LOOPBACK, cwd=tmp_path, NO_COLOR="1")
    assert "6/6" in seen
    assert not COLOUR.search(seen)


def test_elsewhere_there_are_lines_without_any_escape(sheet: Path, tmp_path: Path) -> None:
    ended = halve("run", sheet, *LOOPBACK, cwd=tmp_path)
    lines = ended.err.splitlines()
    assert lines[0] == "0 of 6 images"
    assert re.fullmatch(r"6 of 6 images, .*\d+ kB saved", lines[-1])
    assert "\x1b" not in ended.err


def test_what_a_sheet_says_is_shown_as_it_is_and_cannot_command_the_terminal(tmp_path: Path) -> None:
    evil = 'S. No.,Product Name,Input Image Urls\n1,,"ftp://x/\x1b]0;owned\x07[bold]y.jpg"\n'
    (tmp_path / "a.csv").write_text(evil)
    seen = on_a_terminal("run", "a.csv", cwd=tmp_path, NO_COLOR="1")
    assert "\x1b]0;" not in seen
    assert "\x07" not in seen
    assert "line" in seen
    assert not (tmp_path / "a-halved").exists()


def test_what_joins_letters_is_shown_and_what_a_terminal_obeys_is_not() -> None:
    assert printable("\u06a9\u0641\u0634\u200c\u0647\u0627 \x1b[1m \u202e") == "\u06a9\u0641\u0634\u200c\u0647\u0627 �[1m �"


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.04, "0.0 s"), (9.94, "9.9 s"), (59.4, "59 s"), (59.6, "1 min 00 s"), (3599.6, "1 h 00 min")]
)
def test_spans_are_said_in_the_unit_that_fits(seconds: float, words: str) -> None:
    assert span(seconds) == words


def test_nothing_is_saved_where_nothing_was_done() -> None:
    assert saved(0, 0) == ""
    assert saved(2_000_000, 500_000) == "2 MB → 500 kB, 75 % less"
