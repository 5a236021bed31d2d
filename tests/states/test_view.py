"""`SELECT * FROM image_requests WHERE request_id = '…'`: what people with a shell see of requests, and what they do not."""

from __future__ import annotations

import json
import secrets
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import psycopg
import pytest

from halve.core.models import ProductState
from halve.core.ports import StateStore
from tests.contract import elsewhere
from tests.contract.sample import DONE, FAILED, LEASE, PENDING, draft, finish, opened, outcome, rows, upload

COLUMNS = ["id", "request_id", "status", "product_name", "input_urls", "output_urls", "webhook_url"]


@dataclass
class Shell:
    """A store, and a shell beside it."""

    states: StateStore
    ask: Callable[[str], list[dict[str, Any]]]

    def of(self, request_id: object) -> list[dict[str, Any]]:
        return self.ask(f"SELECT * FROM image_requests WHERE request_id = '{request_id}' ORDER BY id")


@contextmanager
def _sqlite(folder: Path) -> Iterator[tuple[str, Callable[[str], list[dict[str, Any]]]]]:
    def ask(statement: str) -> list[dict[str, Any]]:
        with closing(sqlite3.connect(folder / "halve.db")) as shell:
            shell.row_factory = sqlite3.Row
            rows = [dict(row) for row in shell.execute(statement)]
        for row in rows:  # lists are text there
            row["input_urls"] = json.loads(row["input_urls"])
            row["output_urls"] = row["output_urls"] and json.loads(row["output_urls"])
        return rows

    yield f"sqlite:///{folder}/halve.db", ask


@contextmanager
def _postgresql(folder: Path) -> Iterator[tuple[str, Callable[[str], list[dict[str, Any]]]]]:
    def ask(statement: str) -> list[dict[str, Any]]:
        with psycopg.connect(url, row_factory=psycopg.rows.dict_row) as shell:
            return shell.execute(statement).fetchall()

    with elsewhere.postgres_database() as url:
        yield url, ask


@pytest.fixture(params=[_sqlite, _postgresql])
async def shell(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Shell]:
    with request.param(tmp_path) as (url, ask):
        async with opened(url) as states:
            await states.migrate()
            yield Shell(states, ask)


async def test_a_row_is_a_product_with_the_columns_of_the_documents(shell: Shell) -> None:
    request = await upload(shell.states, 3, 2, webhook_url="https://shop.test/hook")
    await upload(shell.states, 1)
    seen = shell.of(request.id)
    assert [list(row) for row in seen] == [COLUMNS] * 3
    assert [row["product_name"] for row in seen] == ["Product 1", "Product 2", "Product 3"]
    assert {(row["request_id"], row["status"], row["webhook_url"]) for row in seen} == {
        (str(request.id), "pending", "https://shop.test/hook")
    }
    assert seen[0]["input_urls"] == ["https://shop.test/1/0.jpg", "https://shop.test/1/1.jpg"]
    assert seen[0]["output_urls"] is None
    assert len({row["id"] for row in seen}) == 3
    assert all(isinstance(row["id"], int) for row in seen)


async def test_links_are_those_of_the_output_sheet_in_the_order_of_the_input(shell: Shell) -> None:
    request = await upload(shell.states, 2, 2)
    first, second = await shell.states.claim("worker", 2, lease=LEASE)
    assert [row["status"] for row in shell.of(request.id)] == ["processing"] * 2
    await shell.states.record([outcome(first, FAILED, DONE), outcome(second, PENDING, DONE, state=ProductState.WAITING, delay=9)])
    assert [row["output_urls"] for row in shell.of(request.id)] == [[None, DONE.url]] * 2
    await shell.states.sweep()
    await shell.states.cancel(request.id)
    assert {row["status"] for row in shell.of(request.id)} == {"cancelled"}
    assert await finish(shell.states, request.id)
    assert await shell.states.retry(request.id)
    assert {row["status"] for row in shell.of(request.id)} == {"processing"}


async def test_drafts_and_what_was_erased_are_not_seen(shell: Shell) -> None:
    unpublished = draft()
    await shell.states.create(unpublished)
    await shell.states.add_products(unpublished.id, rows(3))
    erased = await upload(shell.states, 3)
    await shell.states.erase(erased.id)
    assert shell.ask("SELECT * FROM image_requests") == []


async def test_text_of_any_kind_is_shown_as_it_is(shell: Shell) -> None:
    odd = 'Cup "ünï" \\ 😀\n\x01'
    begun = draft()
    await shell.states.create(begun)
    [row] = rows(1)
    await shell.states.add_products(begun.id, [replace(row, product_name=odd, input_urls=(f"https://shop.test/{odd}",))])
    await shell.states.publish(begun.id, input_key="k", total_images=1, total_rows=1, failed_rows=0, repairs=())
    [seen] = shell.of(begun.id)
    assert (seen["product_name"], seen["input_urls"]) == (odd, [f"https://shop.test/{odd}"])


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE image_requests SET status = 'completed'",
        "DELETE FROM image_requests",
        "INSERT INTO image_requests (request_id, status) VALUES ('r', 'pending')",
    ],
)
async def test_nothing_is_written_through_it(shell: Shell, statement: str) -> None:
    await upload(shell.states, 1)
    with pytest.raises((sqlite3.OperationalError, psycopg.Error), match=r"view"):
        shell.ask(statement)


async def test_whoever_may_read_it_alone_sees_no_secret() -> None:
    """A user of PostgreSQL for a report: the view, and nothing behind it."""
    with elsewhere.postgres_database() as url:
        async with opened(url) as states:
            await states.migrate()
            request = await upload(states, 1)
            await states.secret("webhook", lambda: "whsec_x")
        name, schema = f"reader_{secrets.token_hex(4)}", url.rpartition("%3D")[2]
        with psycopg.connect(url, autocommit=True) as shell:
            shell.execute(f"CREATE USER {name}")
            try:
                shell.execute(f"GRANT USAGE ON SCHEMA {schema} TO {name}")
                shell.execute(f"GRANT SELECT ON image_requests TO {name}")
                shell.execute(f"SET ROLE {name}")
                assert shell.execute("SELECT request_id FROM image_requests").fetchall() == [(str(request.id),)]
                for table in ("secrets", "requests", "products"):
                    with pytest.raises(psycopg.errors.InsufficientPrivilege):
                        shell.execute(f"SELECT * FROM {table}")
            finally:
                shell.execute("RESET ROLE")
                shell.execute(f"DROP OWNED BY {name}")
                shell.execute(f"DROP USER {name}")
