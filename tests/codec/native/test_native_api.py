from __future__ import annotations

import importlib
import subprocess
import sys
import threading
import time
from typing import Any

import pytest

from halve.codec import native
from tests.support.photos import photo


def test_the_answer_tells_quality_and_size() -> None:
    answer = native.requantise(photo("coffee", quality=90), quality=50)
    assert answer is not None
    assert (answer.quality, answer.width, answer.height) == (50, 600, 400)


@pytest.mark.parametrize("quality", [0, -1, 101, 1000])
def test_a_quality_off_the_scale_is_an_error(quality: int) -> None:
    with pytest.raises(ValueError, match="not from 1 to 100"):
        native.requantise(b"", quality=quality)


@pytest.mark.parametrize("bound", [0, -5])
def test_a_bound_of_nothing_is_an_error(bound: int) -> None:
    with pytest.raises(ValueError, match="not above 0"):
        native.requantise(b"", quality=50, max_bytes=bound)


def test_the_extension_checks_its_arguments_itself() -> None:
    module: Any = importlib.import_module("halve.codec.native._requantiser")

    for arguments in ((0, 0, 1, 1), (101, 0, 1, 1), (50, -1, 1, 1), (50, 0, 1, 0), (50, 0, 1, 9)):
        with pytest.raises(ValueError, match="quality must be"):
            module.requantise(b"", *arguments, False, False)
    with pytest.raises(TypeError):
        module.requantise("text", 50, 0, 1, 1, False, False)


def test_anything_that_lends_its_bytes_will_do() -> None:
    data = photo("rocket")
    assert (
        native.requantise(memoryview(data), quality=50)
        == native.requantise(bytearray(data), quality=50)
        == native.requantise(data, quality=50)
    )


def test_threads_work_side_by_side_and_alike() -> None:
    """The lock is let go of while it works: another thread counts on meanwhile."""
    data = photo("astronaut", width=3000, quality=95)
    alone = native.requantise(data, quality=50)
    ticks, stop = [0], threading.Event()

    def count() -> None:
        while not stop.is_set():
            ticks[0] += 1
            time.sleep(0.0005)

    counter = threading.Thread(target=count)
    counter.start()
    answers: list[native.Requantised | None] = []
    workers = [threading.Thread(target=lambda: answers.append(native.requantise(data, quality=50))) for _ in range(4)]
    started = ticks[0]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    stop.set()
    counter.join()
    assert answers == [alone] * 4
    assert ticks[0] > started


def test_memory_does_not_grow_with_use() -> None:
    script = (
        "import resource\n"
        "from halve.codec import native\n"
        "from tests.support.photos import photo\n"
        "files = [photo('coffee', quality=90), photo('rocket', quality=90, progressive=True), photo('rocket')[:9000]]\n"
        "def turn(): [native.requantise(f, quality=q, max_bytes=b) for f in files for q in (30, 70) for b in (None, 9000, 10)]\n"
        "for _ in range(15): turn()\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "for _ in range(50): turn()\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    assert int(done.stdout) < 2000  # kilobytes


def test_without_extension_every_answer_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(native, "_build", None)
    assert not native.available()
    assert native.requantise(photo("rocket"), quality=50) is None
    assert native.refusal(photo("rocket"), quality=50) == "the extension is not built"
