"""Logs: a JSON line each for machines, something to read on a terminal."""

from __future__ import annotations

import io
import json
import logging
import sys
from collections.abc import Iterator
from uuid import UUID

import pytest

from halve.core.log import Log
from halve.doors.logs import set_up_logs


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level
    root.setLevel(level)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_machines_get_one_line_of_json_with_the_facts(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logs("info")
    set_up_logs("info")  # no line twice
    Log("halve.test").warning("100 % of it\nfailed", reason="é", id=UUID(int=1))
    Log("halve.test").debug("not asked for")
    logging.getLogger("library").error("%d of %s", 3, "its own")
    ours, theirs = map(json.loads, capsys.readouterr().err.splitlines())
    assert ours.pop("timestamp").endswith("Z")
    assert ours == {"event": "100 % of it\nfailed", "level": "warning", "reason": "é", "id": repr(UUID(int=1))}
    assert (theirs["event"], theirs["level"]) == ("3 of its own", "error")


def test_an_exception_is_told_in_its_line(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logs("error")
    try:
        raise ValueError("odd")
    except ValueError:
        Log("halve.test").exception("it failed", row=7)
    [line] = map(json.loads, capsys.readouterr().err.splitlines())
    assert (line["event"], line["row"]) == ("it failed", 7)
    assert line["exception"].startswith("Traceback")
    assert line["exception"].endswith("ValueError: odd")


def test_on_a_terminal_nothing_that_it_would_obey_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", stderr := Terminal())
    monkeypatch.setenv("NO_COLOR", "1")
    set_up_logs("info")
    Log("halve.test").info("told", answer="\x1b[2Jgone", state="done")
    assert "info     told" in stderr.getvalue()
    assert stderr.getvalue().endswith(" answer='\\x1b[2Jgone' state=done\n")
    monkeypatch.delenv("NO_COLOR")
    Log("halve.test").error("told")
    assert "\x1b[31merror" in stderr.getvalue()
