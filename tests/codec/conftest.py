from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from halve.codec import CodecPool, native
from tests.support.codec import leave_out_others


@pytest.fixture(scope="module", autouse=True)
def only_our_own_children_count() -> None:
    leave_out_others()


@pytest.fixture
async def pool() -> AsyncIterator[CodecPool]:
    """A pool of one child."""
    pool = CodecPool(1)
    yield pool
    await pool.close()


@pytest.fixture
def nothing_shared(monkeypatch: pytest.MonkeyPatch) -> None:
    """As where the system has no memory that can be sealed: all bodies go through the socket."""
    monkeypatch.setattr("halve.codec.shared.make", lambda: None)


@pytest.fixture(params=["coefficients", "pixels"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both ways from JPEG to JPEG, one after the other."""
    if request.param == "pixels":
        monkeypatch.setattr("halve.codec.coefficients.requantise", lambda data, **how: None)
    elif not native.available():
        pytest.skip("the requantiser was not built")
    return str(request.param)
