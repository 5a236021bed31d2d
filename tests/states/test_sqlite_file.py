"""The file that SQLite keeps things in: how it is made, and what is said when it fails."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from halve.core.errors import OptionRefused, StoreFailed
from halve.core.models import ProductState
from halve.states.sql import SqlStates, sqlite
from tests.contract.sample import DONE, LEASE, draft, finish, known, outcome, rows, upload

ROOT = Path(__file__).parents[2]


async def test_the_folder_is_made_and_the_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    file = tmp_path / "a" / "b" / "halve.db"
    states = await SqlStates.open(f"sqlite:///{file}")
    try:
        await states.migrate()
        assert {path.name: stat.S_IMODE(path.stat().st_mode) for path in file.parent.iterdir()} == {
            "halve.db": 0o600,
            "halve.db-wal": 0o600,
            "halve.db-shm": 0o600,
        }
    finally:
        await states.close()
    assert [path.name for path in file.parent.iterdir()] == ["halve.db"], "the log is folded in at the end"


@pytest.mark.parametrize("name", ["with space.db", "ünï—cødé.db", "ha#sh.db", "a%20b.db", "semi;colon&and.db", "what?.db", "@:.db"])
async def test_the_file_may_have_an_odd_name(tmp_path: Path, name: str) -> None:
    states = await SqlStates.open(f"sqlite:///{tmp_path / name}")
    await states.migrate()
    await states.close()
    assert [path.name for path in tmp_path.iterdir()] == [name]


async def test_a_relative_url_is_below_the_working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    states = await SqlStates.open("sqlite:///data/halve.db")
    await states.close()
    assert (tmp_path / "data" / "halve.db").exists()


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:", "sqlite:///x.db?mode=ro", "sqlite:///file:x.db", "sqlite:x.db"])
async def test_a_url_that_names_no_file_is_refused(url: str) -> None:
    with pytest.raises(OptionRefused, match="HALVE_DATABASE_URL"):
        await SqlStates.open(url)


async def test_what_is_recorded_outlives_the_process(database: Path, states: SqlStates) -> None:
    request = await upload(states, 3)
    [product, *_] = await states.claim("worker", 3, lease=LEASE)
    await states.record([outcome(product, DONE)])
    await states.close()
    again = await SqlStates.open(f"sqlite:///{database}")
    await again.ready()
    assert (await known(again, request.id)).done_images == 1
    await again.close()


async def test_without_tables_it_says_to_make_them(database: Path) -> None:
    states = await SqlStates.open(f"sqlite:///{database}")
    try:
        for attempt in (states.ready, states.figures, states.to_finish, states.sweep):
            with pytest.raises(StoreFailed, match="halve init-db"):
                await attempt()
        await states.migrate()
        await states.ready()
    finally:
        await states.close()


async def test_tables_of_another_version_are_not_worked_on(database: Path, states: SqlStates) -> None:
    with sqlite3.connect(database) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    with pytest.raises(StoreFailed, match="halve init-db"):
        await states.ready()
    with pytest.raises(StoreFailed, match="newer version"):
        await states.migrate()


@pytest.mark.parametrize("replaced", [False, True])
async def test_nothing_is_written_to_a_file_that_is_not_in_its_place_any_more(
    database: Path, states: SqlStates, replaced: bool
) -> None:
    """It would be on disk, under no name that the next process looks for."""
    request = await upload(states, 1)
    database.rename(database.with_name("away.db"))
    if replaced:
        database.touch()
    for attempt in (states.ready, states.sweep, lambda: states.request(request.id), lambda: upload(states, 1)):
        with pytest.raises(StoreFailed, match="moved, deleted or replaced"):
            await attempt()
    database.with_name("away.db").rename(database)
    await states.ready()
    assert (await known(states, request.id)).total_images == 1


async def test_a_file_of_another_kind_is_left_alone(database: Path) -> None:
    database.write_bytes(b"serial,name\n" * 1000)
    # The setting means nothing to `halve run`, which has the database in its folder.
    with pytest.raises(StoreFailed, match=r"not an SQLite database\. Move it away, or, if HALVE_DATABASE_URL names it"):
        await SqlStates.open(f"sqlite:///{database}")
    assert database.read_bytes() == b"serial,name\n" * 1000


@pytest.mark.parametrize("where", ["folder", "below a file"])
async def test_a_place_that_cannot_be_is_named(tmp_path: Path, where: str) -> None:
    (tmp_path / "file").write_text("x")
    path = tmp_path if where == "folder" else tmp_path / "file" / "halve.db"
    with pytest.raises(StoreFailed, match=r"cannot be opened") as caught:
        await SqlStates.open(f"sqlite:///{path}")
    assert str(path) in str(caught.value)


async def test_a_file_whose_very_schema_is_damaged_is_said_to_be(database: Path) -> None:
    states = await SqlStates.open(f"sqlite:///{database}")
    await states.migrate()
    await states.close()
    with sqlite3.connect(database) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    database.write_bytes(database.read_bytes().replace(b"CREATE TABLE", b"CREATE \xecABLE"))
    with pytest.raises(StoreFailed, match="is damaged"):
        await SqlStates.open(f"sqlite:///{database}")


async def test_a_damaged_file_is_said_to_be(database: Path, states: SqlStates) -> None:
    request = await upload(states, 2000)
    await states.close()
    size = database.stat().st_size
    with database.open("r+b") as file:
        file.seek(size // 2)
        file.write(os.urandom(size - size // 2))
    states = await SqlStates.open(f"sqlite:///{database}")
    try:
        with pytest.raises(StoreFailed, match="damaged"):
            await states.products(request.id, limit=2000)
    finally:
        await states.close()


async def test_a_full_disk_is_said_to_be_and_leaves_nothing_half_done(states: SqlStates) -> None:
    request = draft()
    await states.create(request)
    pages = await states._runner.read(lambda tx: tx.value("PRAGMA page_count"))
    await states._runner.write(lambda tx: tx.value(f"PRAGMA max_page_count = {pages + 20}"))
    with pytest.raises(StoreFailed, match="disk is full"):
        await states.add_products(request.id, rows(5000))
    await states._runner.write(lambda tx: tx.value("PRAGMA max_page_count = 1000000"))
    await states.add_products(request.id, rows(3))
    published = await states.publish(request.id, input_key="in", total_images=3, total_rows=3, failed_rows=0, repairs=())
    assert len(await states.products(published.id)) == 3
    assert len(await states.claim("worker", 10, lease=LEASE)) == 3


async def test_who_waits_too_long_for_the_lock_is_told(database: Path, states: SqlStates, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite, "PATIENCE", 0.2)
    other = sqlite3.connect(database, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        with pytest.raises(StoreFailed, match="locked by another process"):
            await upload(states)
        assert (await states.requests(None, limit=5)).items == (), "readers do not wait"
    finally:
        other.execute("ROLLBACK")
        other.close()
    await upload(states)


async def test_who_waits_behind_others_waits_no_longer_for_that(
    database: Path, states: SqlStates, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "PATIENCE", 0.5)
    monkeypatch.setattr(sqlite, "LEAST", 0.01)
    other = sqlite3.connect(database, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        async with asyncio.timeout(2):
            said = await asyncio.gather(*(states.create(draft()) for _ in range(20)), return_exceptions=True)
    finally:
        other.execute("ROLLBACK")
        other.close()
    assert all(isinstance(one, StoreFailed) for one in said)


async def test_a_long_read_holds_up_no_writer(database: Path, states: SqlStates) -> None:
    request = await upload(states, 3)
    reader = sqlite3.connect(database, isolation_level=None)
    reader.execute("BEGIN")
    assert reader.execute("SELECT COUNT(*) FROM products").fetchone() == (3,)
    [product] = await asyncio.wait_for(states.claim("worker", 1, lease=LEASE), 5)
    await asyncio.wait_for(states.record([outcome(product, DONE)]), 5)
    assert reader.execute("SELECT SUM(done_images) FROM products").fetchone() == (0,)
    reader.close()
    assert (await known(states, request.id)).done_images == 1


async def test_a_cancelled_caller_leaves_the_connection_in_order(states: SqlStates) -> None:
    request = await upload(states, 50)
    for _ in range(20):
        task = asyncio.create_task(states.claim("worker", 1, lease=LEASE))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    await states.renew("worker", lease=LEASE)  # written behind what the last of them has left running
    leased = (await states.figures())["products.leased"]
    assert await states.void(["worker"]) == leased
    assert len(await states.claim("next", 100, lease=LEASE)) == 50
    assert not await finish(states, request.id)


KILLED = """
import asyncio, sys
from halve.states.sql import SqlStates
from tests.contract.sample import DONE, LEASE, outcome

async def main():
    states = await SqlStates.open(sys.argv[1])
    while True:
        claimed = await states.claim("doomed", 5, lease=LEASE)
        await states.record([outcome(product, DONE) for product in claimed[:-1]])
        print(len(claimed) - 1, flush=True)

asyncio.run(main())
"""


async def test_a_killed_worker_leaves_counts_that_add_up(database: Path, states: SqlStates) -> None:
    request = await upload(states, 3000)
    for _ in range(3):
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", KILLED, f"sqlite:///{database}", cwd=ROOT, stdout=subprocess.PIPE
        )
        assert process.stdout is not None
        for _ in range(20):
            await process.stdout.readline()
        process.kill()
        await process.communicate()
        products = await states.products(request.id, limit=3000)
        done = sum(product.state is ProductState.DONE for product in products)
        assert (await known(states, request.id)).done_images == done >= 80
        leased = sum(product.state is ProductState.LEASED for product in products)
        assert await states.void(["doomed"]) == leased
