"""What a child may do: next to nothing. Tried out from inside, in a process that gave up what children give up."""

from __future__ import annotations

import ctypes
import subprocess
import sys
from pathlib import Path

import pytest

import halve

HERE = str(Path(halve.__file__).resolve().parent.parent)


def landlock_version() -> int:
    return int(ctypes.CDLL(None).syscall(444, None, 0, 1)) if sys.platform == "linux" else 0


needs_landlock = pytest.mark.skipif(landlock_version() < 1, reason="this kernel has no Landlock")


def inside(attempt: str, *arguments: str) -> str:
    """What `attempt` printed, or the name of the exception that it ended in."""
    program = f"""
import os, sys
sys.path[:0] = [{HERE!r}]
from halve.codec import sandbox
from halve.codec.limits import CodecLimits
import socket, subprocess, signal
sandbox.enter(CodecLimits(), os.getppid())
try:
    {attempt}
except Exception as error:
    print(type(error).__name__)
"""
    ran = subprocess.run(
        [sys.executable, "-c", program, *arguments], check=False, capture_output=True, text=True, timeout=30, cwd="/"
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.strip()


@needs_landlock
def test_it_reads_nobodys_files(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("a secret")

    assert inside("print(open(sys.argv[1]).read())", str(secret)) == "PermissionError"
    assert inside("print(os.listdir(sys.argv[1]))", str(tmp_path)) == "PermissionError"


def test_it_writes_no_file(tmp_path: Path) -> None:
    assert inside("open(sys.argv[1], 'wb', 0).write(b'x')", str(tmp_path / "new")) in {"PermissionError", "OSError"}
    assert not (tmp_path / "new").exists() or (tmp_path / "new").stat().st_size == 0


@needs_landlock
def test_it_starts_no_program() -> None:
    assert inside("print(os.execv('/bin/sh', ['sh', '-c', 'echo started']))") == "PermissionError"


@pytest.mark.skipif(landlock_version() < 4, reason="this kernel's Landlock knows no network")
def test_it_connects_to_nobody() -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as server:
        port = str(server.getsockname()[1])
        assert inside("print(socket.create_connection(('127.0.0.1', int(sys.argv[1]))))", port) == "PermissionError"


@pytest.mark.skipif(landlock_version() < 6, reason="this kernel's Landlock knows no signals")
def test_it_signals_nobody() -> None:
    assert inside("os.kill(os.getppid(), signal.SIGCONT)") == "PermissionError"


def test_it_still_finds_its_code() -> None:
    assert inside("import pillow_heif, pyvips, PIL.IcoImagePlugin; print('found')") == "found"


def test_it_takes_no_more_memory_than_it_may() -> None:
    assert inside("print(len(bytearray(2 * 1024 ** 3)))") == "MemoryError"


def test_it_computes_for_as_long_as_the_system_lets_it_at_the_most() -> None:
    limit = "resource.getrlimit(resource.RLIMIT_CPU)"
    system = "import resource; resource.setrlimit(resource.RLIMIT_CPU, (60, 60))"
    assert inside(f"{system}; sandbox.allow_cpu(30); print({limit}[0] <= 35)") == "True"
    assert inside(f"{system}; sandbox.allow_cpu(120); print({limit})") == "(60, 60)"


def test_it_does_not_outlive_a_parent_that_is_gone_already() -> None:
    program = f"""
import os, sys
sys.path[:0] = [{HERE!r}]
from halve.codec import sandbox
from halve.codec.limits import CodecLimits
sandbox.enter(CodecLimits(), 1 if os.getppid() != 1 else 2)
print("lives on")
"""
    ran = subprocess.run([sys.executable, "-c", program], check=False, capture_output=True, text=True, timeout=30)

    assert (ran.returncode, ran.stdout) == (0, "")
