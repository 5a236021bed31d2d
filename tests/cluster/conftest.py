"""Brokers, each started when a test first wants it."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

import pytest

from tests.contract.backends import cannot_start
from tests.support.brokers import rabbitmq_url, valkey_url
from tests.support.origin import Origin
from tests.support.photos import photo
from tests.support.processes import CannotStart

_databases = itertools.cycle(range(16))


@pytest.fixture
def valkey() -> str:
    """A database of Valkey's that no other test uses at the time."""
    return f"{valkey_url()}/{next(_databases)}"


@pytest.fixture
def broker(request: pytest.FixtureRequest, valkey: str) -> str:
    """By the parameter: Valkey's URL, or RabbitMQ's."""
    if request.param == "valkey":
        return valkey
    try:
        return rabbitmq_url()
    except CannotStart as why:
        cannot_start("RabbitMQ", why)


@pytest.fixture
def origin() -> Iterator[Origin]:
    with Origin() as origin:
        origin.serve("/cup.jpg", photo("coffee", quality=90))
        origin.serve("/hook", b"thanks")
        yield origin


@pytest.fixture
def cups(origin: Origin) -> Callable[[int], list[tuple[str, list[str]]]]:
    """Rows of a sheet: so many products, each with a picture of its own."""
    return lambda count: [(f"Cup {n}", [origin.url(f"/cup.jpg?n={n}")]) for n in range(count)]
