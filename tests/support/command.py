"""`halve` as its users run it: a process of its own, in a folder of its own, with nothing set but what the test sets."""

from __future__ import annotations

import csv
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

COMMAND = [sys.executable, "-m", "halve"]

CELERY = [sys.executable, "-m", "celery", "-A", "halve.engine.celery", "worker"]

LOOPBACK = ("--allow-private", "127.0.0.0/8")

PATIENCE = 60.0


@dataclass(frozen=True)
class Ended:
    code: int
    out: str
    err: str

    def __str__(self) -> str:
        return f"exit code {self.code}\n── stdout ──\n{self.out}\n── stderr ──\n{self.err}"


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment without anything that would set `halve` or colour its output, and without the machine's certificate
    authorities: to read them takes longer than most commands, and nothing here reaches further than loopback.
    """
    kept = {
        name: value
        for name, value in os.environ.items()
        if not re.match(r"HALVE_|DATABASE_URL|PROCESSED_|COLUMNS|NO_COLOR|FORCE_|PYTHONDONTWRITEBYTECODE", name)
    }
    return {**kept, "TERM": "dumb", "SSL_CERT_FILE": os.devnull, **(extra or {})}


def _with_cache(env: Mapping[str, str] | None, cwd: Path) -> dict[str, str]:
    """Runs in one folder know of one another, and of no others: not of those of other tests, or of whoever runs the tests."""
    return environment({"HALVE_CACHE_DIR": str(cwd.with_name(f"{cwd.name}-cache")), **(env or {})})


def halve(*words: str | Path, cwd: Path, env: Mapping[str, str] | None = None, timeout: float = PATIENCE) -> Ended:
    """Run a command to its end."""
    done = subprocess.run(
        [*COMMAND, *map(str, words)],
        cwd=cwd,
        env=_with_cache(env, cwd),
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    return Ended(done.returncode, done.stdout, done.stderr)


@contextmanager
def started(
    *words: str | Path, cwd: Path, env: Mapping[str, str] | None = None, program: Sequence[str] = tuple(COMMAND)
) -> Iterator[subprocess.Popen[str]]:
    """A command that runs meanwhile, its stderr in `stderr-…` of `cwd`; killed in the end if it still runs."""
    with (cwd / f"stderr-{time.monotonic_ns()}").open("w") as errors:
        command = [*program, *map(str, words)]
        process = subprocess.Popen(
            command, cwd=cwd, env=_with_cache(env, cwd), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors, text=True
        )
        with process:
            try:
                yield process
            finally:
                if process.poll() is None:
                    process.kill()


@contextmanager
def serving(data: Path, *words: str, env: Mapping[str, str] | None = None) -> Iterator[str]:
    """`halve serve` on a free port, with loopback allowed; gives its address, and stops it by SIGTERM."""
    settings = {"HALVE_ALLOW_PRIVATE": "127.0.0.0/8", **(env or {})}
    data.mkdir(parents=True, exist_ok=True)
    with started("serve", "--port", "0", "--data", data, *words, cwd=data, env=settings) as server:
        yield address_of(server)
        server.send_signal(signal.SIGTERM)
        assert server.wait(timeout=20) == 0


def address_of(server: subprocess.Popen[str]) -> str:
    """What the server says that it serves on."""
    assert server.stdout is not None
    line = server.stdout.readline()
    found = re.search(r"http://\S+", line)
    assert found, f"no address in {line!r}"
    return found[0]


def write_sheet(path: Path, products: Sequence[tuple[str, Sequence[str]]]) -> Path:
    """A sheet of products and their image URLs, serials from 1."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["S. No.", "Product Name", "Input Image Urls"])
        writer.writerows([number, name, ", ".join(urls)] for number, (name, urls) in enumerate(products, start=1))
    return path


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def until(what: str, met: Callable[[], object], *, timeout: float = PATIENCE) -> None:
    """Wait until `met()` is true."""
    end = time.monotonic() + timeout
    while not met():
        assert time.monotonic() < end, f"waited {timeout:.0f} s in vain: {what}"
        time.sleep(0.02)
