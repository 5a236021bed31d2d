from __future__ import annotations

import os

import pytest

from halve.codec import native


@pytest.fixture(autouse=True)
def _extension(request: pytest.FixtureRequest) -> None:
    """Without a compiler there is nothing to test, but for the tests of just that; where CI has one, its absence is a failure."""
    if native.available() or "without_extension" in request.node.name:
        return
    if os.environ.get("CI"):
        pytest.fail("the extension was not built")
    pytest.skip("the extension was not built: no C compiler at installation")
