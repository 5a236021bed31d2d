"""Servers that tests of the HTTP door share: one that only takes sheets in, and one that works on them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.support.origin import Origin
from tests.support.photos import photo
from tests.support.serving import hand_in, serving, the_end
from tests.support.shop import sheet_of


@pytest.fixture(scope="session")
def origin() -> Iterator[Origin]:
    with Origin() as origin:
        for name in ("astronaut", "chelsea", "coffee"):
            origin.serve(f"/{name}.jpg", photo(name, width=240))
        yield origin


@pytest.fixture(scope="session")
def idle(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server without a worker: what is handed in stays as it is."""
    with serving(tmp_path_factory.mktemp("idle"), worker=False, max_upload_bytes=50_000) as base:
        yield base


@pytest.fixture(scope="session")
def busy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server with a worker."""
    with serving(tmp_path_factory.mktemp("busy"), fetch_retries=0) as base:
        yield base


@pytest.fixture
def sheet(origin: Origin) -> bytes:
    """Two products, three pictures, all of them there."""
    return sheet_of([("Mug", [origin.url("/coffee.jpg"), origin.url("/chelsea.jpg")]), ("Suit", [origin.url("/astronaut.jpg")])])


@dataclass(frozen=True, slots=True)
class Done:
    """A request that is over, on a server: the second picture of its first product was not there."""

    base: str
    id: str
    sheet: bytes
    status: dict[str, Any]


@pytest.fixture(scope="session")
def done(busy: str, origin: Origin) -> Done:
    sheet = sheet_of(
        [
            ("Mug", [origin.url("/coffee.jpg"), origin.url("/gone.jpg")]),
            ("Suit", [origin.url("/astronaut.jpg")]),
            ('Cät, "big"', [origin.url("/chelsea.jpg")]),
        ]
    )
    request_id = hand_in(busy, sheet, name="Früh jahr.csv").json()["request_id"]
    return Done(busy, request_id, sheet, the_end(busy, request_id))
