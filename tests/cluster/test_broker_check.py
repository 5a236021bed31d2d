"""What `halve doctor` does with a broker, and says of it."""

from __future__ import annotations

import socket
import time
from pathlib import Path

import pytest
import redis

from halve.core.errors import StoreFailed
from halve.doors.cli.checks import State
from halve.doors.cli.checks import broker as the_doctors
from halve.engine.broker_check import try_out
from halve.settings import read_settings
from tests.support.server import free_port


@pytest.mark.parametrize("broker", ["valkey", "rabbitmq"], indirect=True)
def test_a_message_goes_there_and_back_and_leaves_nothing_behind(broker: str) -> None:
    found = try_out(broker)
    assert (found.seconds < 5, found.workers) == (True, 0)
    if broker.startswith("redis"):
        with redis.Redis.from_url(broker) as client:
            assert not [key for key in client.scan_iter() if b"doctor" in key]


@pytest.mark.parametrize("scheme", ["redis://127.0.0.1:{}/0", "amqp://guest:guest@127.0.0.1:{}//"])
def test_a_broker_that_is_not_there_is_said_to_refuse(scheme: str) -> None:
    with pytest.raises(StoreFailed, match="refused"):
        try_out(scheme.format(free_port()))


@pytest.mark.parametrize("scheme", ["redis://127.0.0.1:{}/0", "amqp://guest:guest@127.0.0.1:{}//"])
def test_a_broker_that_says_nothing_is_soon_given_up(scheme: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        began = time.monotonic()
        with pytest.raises(StoreFailed, match=r"(?i)time"):
            try_out(scheme.format(silent.getsockname()[1]))
        assert time.monotonic() - began < 15, "the doctor gives each check 20 seconds"


@pytest.mark.parametrize("broker", ["rabbitmq"], indirect=True)
@pytest.mark.parametrize(("wrong", "told"), [("guest:wrong@", "(?i)refused|login"), ("vhost", "(?i)not_allowed|vhost|not found")])
def test_what_rabbitmq_does_not_allow_is_told(broker: str, wrong: str, told: str) -> None:
    url = broker.replace("guest:guest@", wrong) if "@" in wrong else f"{broker.rstrip('/')}/no-such-vhost"
    with pytest.raises(StoreFailed, match=told):
        try_out(url)


async def test_the_doctor_publishes_and_consumes_and_thinks_of_other_machines(tmp_path: Path, valkey: str) -> None:
    state, detail = await the_doctors(read_settings(data_dir=tmp_path, broker_url=valkey))
    assert state is State.WARNING
    assert "published and consumed" in detail
    assert "HALVE_DATABASE_URL" in detail


async def test_the_doctor_misses_workers(tmp_path: Path, valkey: str) -> None:
    state, detail = await the_doctors(
        read_settings(data_dir=tmp_path, broker_url=valkey, database_url="mongodb://h/d", storage_url="s3://b")
    )
    assert state is State.WARNING
    assert "halve worker" in detail


async def test_the_doctor_names_the_setting_and_keeps_the_password(tmp_path: Path) -> None:
    state, detail = await the_doctors(read_settings(data_dir=tmp_path, broker_url=f"redis://:hunter2@127.0.0.1:{free_port()}/0"))
    assert state is State.WRONG
    assert "HALVE_BROKER_URL" in detail
    assert "hunter2" not in detail
