from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.sheets import Sheets


@pytest.fixture
def sheets(tmp_path: Path) -> Sheets:
    return Sheets(tmp_path)
