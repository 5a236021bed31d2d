"""An untested backend cannot be added."""

from __future__ import annotations

import pytest

from halve.backends import IMAGE_SCHEMES, STATE_SCHEMES
from tests.contract import backends


@pytest.mark.parametrize("scheme", STATE_SCHEMES)
def test_every_state_store_is_held_to_the_contract(scheme: str) -> None:
    assert scheme in backends.STATES, f"{scheme}:// needs its entry in tests/contract/backends.py"


@pytest.mark.parametrize("scheme", IMAGE_SCHEMES)
def test_every_image_store_is_held_to_the_contract(scheme: str) -> None:
    assert scheme in backends.IMAGES, f"{scheme}:// needs its entry in tests/contract/backends.py"


def test_no_entry_is_left_of_a_backend_that_is_gone() -> None:
    assert set(backends.STATES) <= set(STATE_SCHEMES)
    assert set(backends.IMAGES) <= set(IMAGE_SCHEMES)
