"""The pool: images in turn, children replaced, nothing left behind."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from halve.codec import CodecLimits, CodecPool, shared
from halve.codec.process import Child
from halve.core.compressed import Compressed
from halve.core.errors import CodecCrashed, ImageFailed, StoreFailed
from halve.core.options import Options
from tests.support.codec import Held, children, options
from tests.support.photos import photo

SMALL = Held(photo("chelsea", width=64))
DEFAULT = Options()


def living() -> list[psutil.Process]:
    return [child for child in children() if child.is_running() and child.status() != psutil.STATUS_ZOMBIE]


def slow() -> Held:
    """Some seconds of work."""
    return Held(photo(width=2400))


@pytest.fixture(scope="module", autouse=True)
def uvloop_has_its_own() -> None:
    """It opens two pipes when it is first used, and keeps them."""
    with contextlib.suppress(ImportError):
        import uvloop

        uvloop.run(asyncio.sleep(0))


@pytest.fixture(autouse=True)
def nothing_is_left() -> Iterator[None]:
    before = psutil.Process().num_fds()
    yield
    assert children() == []
    assert psutil.Process().num_fds() <= before + 1  # the event loop's own may still be open


Make = Callable[..., CodecPool]


@pytest.fixture
async def make(nothing_is_left: None) -> AsyncIterator[Make]:
    """Makes pools, and closes them in the end."""
    pools: list[CodecPool] = []

    def made(children: int | None = 1, **limits: Any) -> CodecPool:
        pools.append(CodecPool(children, CodecLimits(**limits)))
        return pools[-1]

    yield made
    for pool in pools:
        await pool.close()


async def until(condition: object, seconds: float = 10.0) -> None:
    assert callable(condition)
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.005)


async def test_many_images_at_once_get_each_its_own_answer(make: Make) -> None:
    pool = make(2)
    pictures = [Held(photo("coffee", width=width)) for width in range(40, 80)]

    done = await asyncio.gather(*(pool.compress(picture, DEFAULT) for picture in pictures))

    assert [one.width for one in done] == list(range(40, 80))
    assert len(children()) == 2


async def test_the_default_is_a_child_a_core(make: Make) -> None:
    pool = make(None)
    await pool.start()
    await pool.compress(SMALL, DEFAULT)

    assert len(children()) == len(os.sched_getaffinity(0))


async def test_an_error_is_the_images_own_and_the_child_stays(pool: CodecPool) -> None:
    await pool.compress(SMALL, DEFAULT)
    before = children()

    for data, code in ((b"<html>", "not_an_image"), (SMALL.data[:500], "damaged"), (b"8BPS\0\1", "unsupported_format")):
        with pytest.raises(ImageFailed) as refusal:
            await pool.compress(Held(data), DEFAULT)
        assert refusal.value.code == code
        assert not isinstance(refusal.value, CodecCrashed)
    with pytest.raises(ImageFailed) as refusal:
        await pool.compress(SMALL, options(max_bytes="20"))

    assert refusal.value.code == "size_target"
    assert children() == before


async def test_a_killed_child_costs_its_image_and_is_replaced(pool: CodecPool) -> None:
    await pool.compress(SMALL, DEFAULT)
    (child,) = children()
    task = asyncio.create_task(pool.compress(slow(), options(format="avif")))
    await until(lambda: child.cpu_times().user > 0.3)

    child.kill()

    with pytest.raises(CodecCrashed) as crash:
        await task
    assert crash.value.code == "codec_crashed"
    assert "SIGKILL" in str(crash.value)
    assert (await pool.compress(SMALL, DEFAULT)).width == 64
    assert children() != [child]


async def test_a_child_killed_while_idle_costs_nothing(pool: CodecPool) -> None:
    await pool.compress(SMALL, DEFAULT)
    (child,) = children()
    child.kill()
    await until(lambda: child not in living())

    assert (await pool.compress(SMALL, DEFAULT)).width == 64


async def test_nor_does_one_that_is_only_just_dying(make: Make) -> None:
    """The kernel takes its time over a process with threads: until then it looks alive, and takes what it is sent."""
    pool = make(2)
    for _ in range(20):
        await asyncio.gather(*(pool.compress(SMALL, DEFAULT) for _ in range(2)))
        for child in living():
            child.kill()

        done = await asyncio.gather(*(pool.compress(SMALL, DEFAULT) for _ in range(2)))

        assert [one.width for one in done] == [64, 64]


async def test_a_child_that_hangs_is_ended_by_the_clock(make: Make) -> None:
    pool = make(wall_seconds=0.5)
    await pool.compress(SMALL, DEFAULT)
    (child,) = children()
    os.kill(child.pid, signal.SIGSTOP)

    with pytest.raises(CodecCrashed, match=r"gave up after 0\.5 s") as crash:
        await pool.compress(SMALL, DEFAULT)

    assert crash.value.code == "codec_timeout"
    assert (await pool.compress(SMALL, DEFAULT)).width == 64


async def test_an_image_that_computes_for_too_long_is_ended(make: Make) -> None:
    pool = make(cpu_seconds=1)

    with pytest.raises(ImageFailed, match="more than 1 s of computing") as failure:
        await pool.compress(Held(photo(width=4000)), options(format="avif"))

    assert failure.value.code == "codec_timeout"
    assert not isinstance(failure.value, CodecCrashed), "it would take as long again"


async def test_time_of_computing_is_counted_for_each_image_anew(make: Make) -> None:
    pool = make(cpu_seconds=1)
    picture = Held(photo("coffee"))

    for _ in range(8):  # some 0.3 s each
        await pool.compress(picture, options(format="avif"))

    assert len(children()) == 1


async def test_too_much_memory_is_an_orderly_error(make: Make) -> None:
    pool = make(memory_bytes=350_000_000)

    with pytest.raises(ImageFailed) as failure:
        await pool.compress(Held(photo(width=6000, progressive=True)), options(format="webp"))

    assert failure.value.code == "out_of_memory"
    assert (await pool.compress(SMALL, DEFAULT)).width == 64


async def test_children_are_recycled(make: Make) -> None:
    pool = make(images_per_child=3)
    seen = set()

    for _ in range(7):
        await pool.compress(SMALL, DEFAULT)
        seen |= {child.pid for child in living()}

    assert len(seen) >= 3


async def test_a_cancelled_image_leaves_no_answer_for_the_next(make: Make) -> None:
    pool = make(1)
    await pool.compress(SMALL, DEFAULT)
    (child,) = children()
    for moment in (0.0, 0.001, 0.003, 0.01, 0.05, 0.2):
        task = asyncio.create_task(pool.compress(slow(), options(format="avif")))
        await asyncio.sleep(moment)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert (await pool.compress(SMALL, DEFAULT)).width == 64
    assert child not in children()


async def test_a_cancelled_waiter_loses_its_turn_and_nobody_elses(make: Make) -> None:
    pool = make(1)
    first = asyncio.create_task(pool.compress(slow(), DEFAULT))
    waiting = [asyncio.create_task(pool.compress(SMALL, DEFAULT)) for _ in range(4)]
    await asyncio.sleep(0.01)

    waiting[0].cancel()
    waiting[2].cancel()

    done = await asyncio.gather(first, *waiting, return_exceptions=True)
    assert [isinstance(one, asyncio.CancelledError) for one in done] == [False, True, False, True, False]


async def test_images_are_served_in_the_order_they_came(make: Make) -> None:
    pool = make(1)
    served: list[int] = []

    async def one(number: int) -> None:
        await pool.compress(SMALL, DEFAULT)
        served.append(number)
        if number < 20:  # and a newcomer with every one that leaves
            tasks.append(asyncio.create_task(one(number + 100)))

    tasks = [asyncio.create_task(one(number)) for number in range(20)]
    await asyncio.gather(*tasks)
    await asyncio.gather(*tasks)

    assert served == sorted(served)


async def test_closing_ends_what_is_in_work_and_what_waits(make: Make) -> None:
    pool = make(1)
    tasks = [asyncio.create_task(pool.compress(slow(), options(format="avif"))) for _ in range(3)]
    await until(lambda: bool(children()))
    await asyncio.sleep(0.2)

    await pool.close()

    for result in await asyncio.gather(*tasks, return_exceptions=True):
        assert isinstance(result, StoreFailed)
    with pytest.raises(StoreFailed, match="closed"):
        await pool.compress(SMALL, DEFAULT)


@pytest.mark.parametrize("moment", [0.0, 0.001, 0.02, 0.1, 0.3])
async def test_cancelling_everything_and_closing_at_once_leaves_nothing(make: Make, moment: float) -> None:
    pool = make(3)
    await pool.start()
    tasks = [asyncio.create_task(pool.compress(slow(), options(format="avif"))) for _ in range(5)]
    await asyncio.sleep(moment)

    for task in tasks:
        task.cancel()
    await asyncio.gather(pool.close(), *tasks, return_exceptions=True)

    assert children() == []


async def test_closing_while_children_are_replaced_leaves_nothing(make: Make) -> None:
    pool = make(2, images_per_child=1)
    tasks = [asyncio.create_task(pool.compress(SMALL, DEFAULT)) for _ in range(12)]
    await asyncio.sleep(0.15)

    await pool.close()

    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert all(isinstance(result, StoreFailed | Compressed) for result in results)
    assert children() == []


async def test_closing_at_once_after_starting_leaves_nothing(make: Make) -> None:
    pool = make(3)
    await pool.start()
    await pool.close()

    never_started = make(3)
    await never_started.close()


async def test_children_that_do_not_start_are_a_clear_error(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("halve.codec.process._START", "raise SystemExit(3)  # halve.codec.child")
    pool = make(1)

    with pytest.raises(StoreFailed, match=r"does not start: it ended \(exit status 3\)") as failure:
        await pool.compress(SMALL, DEFAULT)

    assert failure.value.code == "codec_unavailable"


async def test_no_interpreter_is_a_clear_error(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nonexistent/python")
    pool = make(1)

    with pytest.raises(StoreFailed, match="does not start"):
        await pool.compress(SMALL, DEFAULT)


@pytest.mark.skipif(not hasattr(os, "memfd_create"), reason="nothing is shared here")
async def test_no_memory_to_share_is_a_clear_error_and_leaves_nothing(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    def none_left(fd: int) -> None:
        raise OSError(errno.ENOMEM, os.strerror(errno.ENOMEM))

    monkeypatch.setattr(shared, "Shared", none_left)
    with pytest.raises(StoreFailed, match="Cannot allocate memory"):
        await make().compress(SMALL, DEFAULT)


async def test_children_start_though_the_folder_that_all_was_started_in_was_deleted(
    make: Make, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    release = tmp_path / "release"
    release.mkdir()
    monkeypatch.chdir(release)
    release.rmdir()
    assert (await make().compress(SMALL, DEFAULT)).data


async def test_a_child_that_says_nothing_is_given_up(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("halve.codec.process._START", "import time; time.sleep(60)  # halve.codec.child")
    pool = make(start_seconds=0.2)

    with pytest.raises(StoreFailed, match=r"no hello within 0\.2 s"):
        await pool.compress(SMALL, DEFAULT)


LIES = {
    "no frame at all": "b'hello, parent, how are you?'",
    "a header of 4 GB": "b'\\xff' * 12",
    "a header that is no JSON": "struct.pack('>IQ', 3, 0) + b'abc'",
    "a header that is a list": "struct.pack('>IQ', 2, 0) + b'[]'",
    "a picture larger than the original": "struct.pack('>IQ', 2, 2 ** 40) + b'{}'",
    "a format that is none": "answer({'format': 'exe', 'width': 1, 'height': 1, 'quality': 50, 'kept': False}, b'x')",
    "a size that is none": "answer({'format': 'png', 'width': 0, 'height': -1, 'quality': 50, 'kept': False}, b'x')",
    "no picture": "answer({'format': 'png', 'width': 1, 'height': 1, 'quality': 50, 'kept': False}, b'')",
    "an error code that is a path": "answer({'error': '../../x', 'message': 'x'}, b'')",
}


@pytest.mark.parametrize("lie", LIES)
async def test_a_child_that_lies_is_an_error_and_is_replaced(make: Make, lie: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A child that was taken over by an image may say anything."""
    program = f"""
import json, os, struct, sys  # halve.codec.child
fd = int(sys.argv[2 + int(sys.argv[1])])
def answer(header, body):
    header = json.dumps(header).encode()
    return struct.pack('>IQ', len(header), len(body)) + header + body
os.write(fd, answer({{'hello': 1}}, b''))
os.read(fd, 1)
os.write(fd, {LIES[lie]})
while os.read(fd, 65536): pass
"""
    monkeypatch.setattr("halve.codec.process._START", program)
    pool = make(1)

    with pytest.raises(CodecCrashed, match="senseless answer"):
        await pool.compress(SMALL, DEFAULT)

    monkeypatch.undo()
    assert (await pool.compress(SMALL, DEFAULT)).width == 64


async def test_children_end_with_their_parent(tmp_path: Path) -> None:
    """Also where it is killed, and they are in the middle of something."""
    program = tmp_path / "parent.py"
    program.write_text(
        "import asyncio, sys\n"
        "sys.path[:0] = sys.argv[1:]\n"
        "from halve.codec import CodecPool\n"
        "from halve.core.options import Options, read_options\n"
        "from tests.support.codec import Held\n"
        "from tests.support.photos import encoded, mosaic\n"
        "async def main():\n"
        "    pool = CodecPool(2)\n"
        "    work = asyncio.create_task(pool.compress(Held(encoded(mosaic(3000, 2000))), read_options(format='avif')))\n"
        "    await pool.compress(Held(encoded(mosaic(64, 64))), Options())\n"
        "    print('ready', flush=True)\n"
        "    await work\n"
        "asyncio.run(main())\n"
    )
    root = str(Path(__file__).resolve().parents[2])
    parent = await asyncio.create_subprocess_exec(sys.executable, str(program), root, stdout=asyncio.subprocess.PIPE)
    assert parent.stdout is not None
    assert await parent.stdout.readline() == b"ready\n"
    theirs = psutil.Process(parent.pid).children()
    assert len(theirs) == 2

    parent.kill()
    await parent.wait()

    await until(lambda: not any(child.is_running() and child.status() != psutil.STATUS_ZOMBIE for child in theirs))


async def test_ctrl_c_does_not_reach_the_children(pool: CodecPool) -> None:
    await pool.compress(SMALL, DEFAULT)
    (child,) = children()

    assert os.getpgid(child.pid) != os.getpgid(0)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        os.kill(child.pid, number)

    assert (await pool.compress(SMALL, DEFAULT)).width == 64
    assert children() == [child]


async def test_what_a_child_may_do_is_little(pool: CodecPool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HALVE_WEBHOOK_SECRET", "whsec_secret")
    await pool.compress(SMALL, DEFAULT)
    (process,) = children()

    if process.pid:
        limits = Path(f"/proc/{process.pid}/limits").read_text().splitlines()
        soft = {line[:26].strip(): line[26:].split()[0] for line in limits}
        assert soft["Max address space"] == str(1024**3)
        assert soft["Max file size"] == "0"
        assert soft["Max core file size"] == "0"
        assert soft["Max cpu time"].isdigit()
        status = Path(f"/proc/{process.pid}/status").read_text()
        assert "NoNewPrivs:\t1" in status
        assert process.environ().get("HALVE_WEBHOOK_SECRET") is None
        assert process.cwd() == "/"
        assert process.num_fds() <= 6


async def test_a_child_is_a_process_like_any_other() -> None:
    child = Child(CodecLimits())
    await child.greet()

    child.kill()

    assert await child.reap() == -signal.SIGKILL


def test_it_is_no_different_on_uvloop() -> None:
    uvloop = pytest.importorskip("uvloop")

    async def story() -> None:
        pool = CodecPool(1)
        assert (await pool.compress(SMALL, DEFAULT)).width == 64
        cancelled = asyncio.create_task(pool.compress(slow(), options(format="avif")))
        await asyncio.sleep(0.1)
        cancelled.cancel()
        with pytest.raises(asyncio.CancelledError):
            await cancelled
        assert (await pool.compress(SMALL, DEFAULT)).width == 64
        cut_off = asyncio.create_task(pool.compress(slow(), options(format="avif")))
        waiting = asyncio.create_task(pool.compress(SMALL, DEFAULT))
        await asyncio.sleep(0.1)
        (child,) = living()
        child.kill()
        with pytest.raises(CodecCrashed, match="SIGKILL"):
            await cut_off
        assert (await waiting).width == 64
        last = asyncio.create_task(pool.compress(slow(), options(format="avif")))
        await asyncio.sleep(0.1)
        await pool.close()
        with pytest.raises(StoreFailed):
            await last

    uvloop.run(story())
