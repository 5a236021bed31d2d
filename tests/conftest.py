"""What holds for every test."""

import atexit
import os
import shutil
import signal
import tempfile
from collections.abc import Generator

import pytest
from hypothesis import HealthCheck, settings

# Whoever starts the tests in the background may hand down an ignored Ctrl-C, and the commands under test would inherit it.
signal.signal(signal.SIGINT, signal.default_int_handler)

# Whatever runs `halve` in whichever way leaves nothing in the cache of whoever runs the tests, and finds nothing there.
os.environ["XDG_CACHE_HOME"] = tempfile.mkdtemp(prefix="halve-tests-")
atexit.register(shutil.rmtree, os.environ["XDG_CACHE_HOME"], ignore_errors=True)

# A busy machine is no fault of ours, and on a fresh clone Hypothesis first makes tables of all characters.
settings.register_profile("ours", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("ours")


@pytest.hookimpl(wrapper=True, optionalhook=True)
def pytest_xdist_auto_num_workers() -> Generator[None, int, int]:
    """Three for two cores: many a test waits for a process to start or for time to pass, and leaves its core to another."""
    cores = yield
    return (3 * cores + 1) // 2


LONG = ("tests/torture/", "tests/cluster/", "tests/doors/page/")
"""Where a single test may take a while."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The long ones first, or in the end one worker has them and the others wait."""
    items.sort(key=lambda item: not item.nodeid.startswith(LONG))
