"""Servers that come as programs: started once in a run, when the first test wants one, and ended with it."""

from __future__ import annotations

import atexit
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence


class CannotStart(Exception):
    """The message is the end of what the program had to say."""


def start(
    command: Sequence[str],
    port: int,
    *,
    seconds: float = 30.0,
    ready: Callable[[], object] | None = None,
    env: Mapping[str, str] | None = None,
) -> None:
    """Start a program and wait until its loopback port accepts connections, and `ready` (if given) raises nothing any more.

    It is ended when this process ends. Raises CannotStart.
    """
    try:
        process = subprocess.Popen(command, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    except OSError as error:
        raise CannotStart(str(error)) from error
    atexit.register(_end, process)
    deadline = time.monotonic() + seconds
    while True:
        if process.poll() is not None:
            raise CannotStart(f"{command[0]} ended with exit code {process.returncode}")
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=1):
                pass
            if ready is not None:
                ready()
        except Exception as error:
            if time.monotonic() > deadline:
                raise CannotStart(f"{command[0]} does not answer after {seconds:g} s: {error}") from error
            time.sleep(0.05)
        else:
            return


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
