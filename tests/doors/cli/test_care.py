"""`halve doctor` and `halve init-db`."""

import json
import re
import socket
import sqlite3
import subprocess
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Sink
from aiosmtpd.smtp import SMTP

from tests.contract import elsewhere
from tests.support.command import COMMAND, environment, halve


@pytest.fixture
def mail_server() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = int(free.getsockname()[1])
    controller = Controller(Sink(), hostname="127.0.0.1", port=port)
    controller.start()
    try:
        yield port
    finally:
        controller.stop()


def test_all_is_well_out_of_the_box(tmp_path: Path) -> None:
    ended = halve("doctor", cwd=tmp_path)
    assert ended.code == 0, ended
    assert ended.out.splitlines()[-1] == "All is well."
    assert all(line[0] in "✓!" for line in ended.out.splitlines()[:-1])
    told = json.loads(halve("doctor", "--json", cwd=tmp_path).out)
    assert told["well"] is True
    assert {check["name"] for check in told["checks"]} >= {"database", "image store", "codec", "e-mail"}


def test_what_is_wrong_is_named_with_the_setting_that_mends_it(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    env = {
        "HALVE_DATA_DIR": "/proc/nowhere",
        "HALVE_STORAGE_URL": "/proc/nowhere",
        "HALVE_DATABASE_URL": "oracle://x",
        "HALVE_SMTP_URL": f"smtp://127.0.0.1:{port}",
        "HALVE_MAIL_FROM": "halve@example.com",
        "HALVE_WEBHOOK_SECRET": "a secret of another form",
        "HALVE_HOST": "0.0.0.0",
        "HALVE_ALLOW_PRIVATE": "0.0.0.0/0",
    }
    ended = halve("doctor", cwd=tmp_path, env=env)
    assert ended.code == 1, ended
    lines = {line[2:].partition(":")[0]: line for line in ended.out.splitlines()}
    for name, setting in (
        ("data folder", "HALVE_DATA_DIR"),
        ("image store", "HALVE_STORAGE_URL"),
        ("database", "HALVE_DATABASE_URL"),
        ("e-mail", "HALVE_SMTP_URL"),
        ("webhooks", "HALVE_WEBHOOK_SECRET"),
    ):
        assert lines[name].startswith("✗")
        assert setting in lines[name]
    assert "another form" not in ended.out
    for name, setting in (("API keys", "HALVE_API_KEYS"), ("private addresses", "HALVE_ALLOW_PRIVATE")):
        assert lines[name].startswith("!")
        assert setting in lines[name]
    assert lines["codec"].startswith("✓")


@pytest.mark.parametrize(
    ("check", "name", "value"),
    [
        ("database", "HALVE_DATABASE_URL", "sqlite:////proc/nowhere.db"),
        ("database", "DATABASE_URL", "sqlite:////proc/nowhere.db"),
        ("database", "DATABASE_URL", "mysql://shop@db.example/shop"),
        ("database", "DATABASE_URL", "postgresql://127.0.0.1:1/shop"),
        ("image store", "PROCESSED_IMAGES_DIR", "/proc/nowhere"),
        ("image store", "PROCESSED_IMAGES_DIR", "s4://bucket"),
    ],
)
def test_a_setting_is_called_by_the_name_under_which_it_is_set(tmp_path: Path, check: str, name: str, value: str) -> None:
    """DATABASE_URL may be there for another program: who never wrote HALVE_DATABASE_URL looks in vain for it."""
    ended = halve("doctor", cwd=tmp_path, env={name: value})
    assert ended.code == 1, ended
    [line] = [line for line in ended.out.splitlines() if line.startswith(f"✗ {check}:")]
    assert re.findall(r"[A-Z]+(?:_[A-Z]+)+", line) == [name], line


def test_a_command_too_names_the_setting_as_it_is_set(tmp_path: Path) -> None:
    ended = halve("init-db", cwd=tmp_path, env={"DATABASE_URL": "mysql://shop@db.example/shop"})
    assert ended.code == 2, ended
    assert ended.err.startswith("halve: DATABASE_URL begins with mysql://"), ended.err


def test_a_setting_that_is_misspelt_is_told_with_the_one_that_is_meant(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("HALVE_MAX_RWOS=5\nHALVE_PORT=8001\n")
    ended = halve("doctor", cwd=tmp_path, env={"HALVE_COLOUR_OF_THE_SKY": "blue", "HALVE_API_KEY": "k"})
    assert ended.code == 0, ended
    [line] = [line for line in ended.out.splitlines() if line[2:].startswith("settings:")]
    assert line == ("! settings: not known, and of no effect: HALVE_COLOUR_OF_THE_SKY, HALVE_MAX_RWOS (is HALVE_MAX_ROWS meant?)")


def test_the_mail_server_is_greeted_and_no_mail_is_sent(tmp_path: Path, mail_server: int) -> None:
    env = {"HALVE_SMTP_URL": f"smtp://127.0.0.1:{mail_server}", "HALVE_MAIL_FROM": "halve@example.com"}
    ended = halve("doctor", cwd=tmp_path, env=env)
    assert ended.code == 0, ended
    assert f"✓ e-mail: 127.0.0.1:{mail_server}, not encrypted" in ended.out


@pytest.mark.parametrize(
    ("greeting", "told"),
    [
        (b"554 no service here\r\n", "554 no service here"),
        (b"HTTP/1.1 400 Bad Request\r\n", "the mail server cannot be used: Malformed SMTP response line: HTTP/1.1 400 Bad Request"),
    ],
)
def test_what_a_mail_server_says_is_told_as_it_said_it(tmp_path: Path, greeting: bytes, told: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        answering = threading.Thread(target=lambda: server.accept()[0].sendall(greeting))
        answering.start()
        ended = halve("doctor", cwd=tmp_path, env={"HALVE_SMTP_URL": f"smtp://127.0.0.1:{port}", "HALVE_MAIL_FROM": "a@b.example"})
        answering.join()
    assert ended.code == 1, ended
    assert f"✗ e-mail: 127.0.0.1:{port}: {told}. HALVE_SMTP_URL names it" in ended.out.splitlines()


def test_a_mail_server_is_greeted_as_for_a_mail(tmp_path: Path) -> None:
    """One of the old kind takes mails, for it is told HELO; and it hears the sender's domain."""
    heard: list[str] = []

    class Old(SMTP):
        async def smtp_EHLO(self, hostname: str) -> None:
            await self.push("502 command not implemented")

        async def smtp_HELO(self, hostname: str) -> None:
            heard.append(hostname)
            await super().smtp_HELO(hostname)

    class Controlled(Controller):
        def factory(self) -> SMTP:
            return Old(self.handler)

    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    controller = Controlled(Sink(), hostname="127.0.0.1", port=port)
    controller.start()
    try:
        env = {"HALVE_SMTP_URL": f"smtp://127.0.0.1:{port}", "HALVE_MAIL_FROM": "halve@shop.example"}
        ended = halve("doctor", cwd=tmp_path, env=env)
    finally:
        controller.stop()
    assert ended.code == 0, ended
    assert heard == ["shop.example"]


def test_the_database_is_made_and_may_be_made_again(tmp_path: Path) -> None:
    for _ in range(2):
        ended = halve("init-db", cwd=tmp_path, env={"HALVE_DATABASE_URL": f"sqlite:///{tmp_path}/shop.db"})
        assert ended.code == 0, ended
        assert f" sqlite:///{tmp_path}/shop.db." in ended.out, "with all of its slashes"
    with closing(sqlite3.connect(tmp_path / "shop.db")) as database:
        names = {name for (name,) in database.execute("select name from sqlite_master where type = 'table'")}
    assert {"requests", "products", "deliveries"} <= names
    assert [path.name for path in tmp_path.iterdir()] == ["shop.db"], "no data folder, which such a database does not need"


def test_a_scheme_in_large_letters_is_the_same_to_the_doctor(tmp_path: Path) -> None:
    ended = halve("doctor", cwd=tmp_path, env={"HALVE_DATABASE_URL": f"SQLite:///{tmp_path}/shop.db"})
    assert ended.code == 0, ended


def test_passwords_are_not_shown() -> None:
    from halve.doors.cli.terminal import without_password

    assert without_password("postgresql://shop:s3cret@db.example/halve") == "postgresql://shop:…@db.example/halve"
    assert without_password("postgresql://db.example/halve?password=s3cret&sslmode=require") == (
        "postgresql://db.example/halve?password=…&sslmode=require"
    )
    assert without_password("sqlite:////srv/halve.db") == "sqlite:////srv/halve.db"
    for password in ("pass[word", "pass/word", "p@ss", "?#"):  # unescaped, and taken by some databases all the same
        assert without_password(f"postgresql://shop:{password}@db/halve") == "postgresql://shop:…@db/halve"
    assert without_password("redis://:s3cret@127.0.0.1:6379/0") == "redis://:…@127.0.0.1:6379/0"
    assert without_password("redis://127.0.0.1:6379/0") == "redis://127.0.0.1:6379/0"


def test_postgresql_is_made_ready_and_looked_after(tmp_path: Path) -> None:
    with elsewhere.postgres_database() as url:
        env = {"HALVE_DATABASE_URL": url}
        ended = halve("doctor", cwd=tmp_path, env=env)
        assert ended.code == 1, ended
        assert "halve init-db" in ended.out
        for _ in range(2):
            assert halve("init-db", cwd=tmp_path, env=env).code == 0
        ended = halve("doctor", cwd=tmp_path, env=env)
        assert ended.code == 0, ended
        [line] = [line for line in ended.out.splitlines() if line.startswith("✓ database:")]
        assert "written, read and erased" in line


@pytest.mark.parametrize(("limit", "told"), [("-S", "up to "), ("", "400, and ")])
def test_as_many_files_are_opened_as_the_user_may_open(tmp_path: Path, limit: str, told: str) -> None:
    script = f'ulimit {limit} -n 400; exec "$@"'
    command = ["sh", "-c", script, "sh", *COMMAND, "doctor", "--json"]
    done = subprocess.run(command, cwd=tmp_path, env=environment(), capture_output=True, text=True, check=False)
    checks = {check["name"]: check["detail"] for check in json.loads(done.stdout)["checks"]}
    assert checks["open files"].startswith(told)
