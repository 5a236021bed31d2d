"""Who is dead is known from the kernel, not from a clock."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from halve.core.errors import StoreFailed
from halve.engine.holder import Holder

HOLD = """
import sys, time
from pathlib import Path
from halve.engine.holder import Holder

holder = Holder(Path(sys.argv[1]))
print(holder.name, flush=True)
time.sleep(600)
"""


def start(folder: Path) -> tuple[subprocess.Popen[str], str]:
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(folder)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    return process, process.stdout.readline().strip()


def test_a_living_worker_is_not_among_the_dead_and_a_killed_one_is(tmp_path: Path) -> None:
    with Holder(tmp_path) as mine:
        process, other = start(tmp_path)
        with process:
            assert mine.the_dead() == []
            process.send_signal(signal.SIGKILL)
        assert mine.the_dead() == [other]
        mine.forget([other])
        assert mine.the_dead() == []


def test_where_no_file_can_be_the_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "workers").touch()
    with pytest.raises(StoreFailed, match=r"workers cannot be made or written to: File exists\. Set HALVE_DATA_DIR"):
        Holder(tmp_path / "workers")


def test_a_worker_that_ended_is_dead_to_the_next_and_forgotten_by_it(tmp_path: Path) -> None:
    with Holder(tmp_path) as ended:
        pass
    with Holder(tmp_path) as next_one:
        assert next_one.the_dead() == [ended.name]
        next_one.forget([ended.name])
        assert next_one.the_dead() == []


def test_two_workers_of_one_process_do_not_take_each_other_for_dead(tmp_path: Path) -> None:
    with Holder(tmp_path) as one, Holder(tmp_path) as two:
        assert one.name != two.name
        assert one.the_dead() == two.the_dead() == []
