from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from halve.states.sql import SqlStates


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "halve.db"


@pytest.fixture
async def states(database: Path) -> AsyncIterator[SqlStates]:
    states = await SqlStates.open(f"sqlite:///{database}")
    await states.migrate()
    yield states
    await states.close()
