"""What PostgreSQL's store does beyond the contract: URLs as libpq takes them, and what is said of trouble."""

from __future__ import annotations

import secrets
import sys
from collections.abc import Iterator
from dataclasses import replace
from unittest import mock

import psycopg
import pytest

from halve.core.errors import ExtraMissing, OptionRefused, StoreFailed
from halve.states.sql.dialects import POSTGRESQL
from halve.states.sql.server import PostgresStates
from tests.contract import elsewhere
from tests.contract.sample import opened, upload
from tests.support.postgres import run_sql
from tests.support.server import free_port


@pytest.fixture
def url() -> Iterator[str]:
    with elsewhere.postgres_database() as url:
        yield url


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg", "POSTGRESQL"])
async def test_its_url_goes_by_several_names(url: str, scheme: str) -> None:
    async with opened(scheme + url[url.index(":") :]) as states:
        await states.migrate()
        await states.ready()


@pytest.mark.parametrize(
    "url",
    ["postgresql://", "postgresql://host", "postgresql:shop", "postgresql://host/shop?colour=red", "postgresql://[::1/shop",
     "postgresql://db..internal/shop"],
)  # fmt: skip
async def test_a_url_that_cannot_be_is_refused(url: str) -> None:
    with pytest.raises(OptionRefused, match="HALVE_DATABASE_URL"):
        async with opened(url):
            pass


@pytest.mark.parametrize(
    "url",
    ["postgresql://me:s3cret%zz@host/shop", "postgresql://me:s3cret@[::1/shop", "postgresql://me:my s3cret@host/shop",
     "postgresql://me:my/s3cret@host/shop", "postgresql://me:5/s3cret@host:5432/shop?sslmode=require"],
)  # fmt: skip
async def test_nor_is_its_password_told_then(url: str) -> None:
    with pytest.raises(OptionRefused) as caught:
        async with opened(url):
            pass
    assert "s3cret" not in str(caught.value)


async def test_a_missing_driver_is_named_with_its_extra() -> None:
    loaded = {name: module for name, module in sys.modules.items() if not name.startswith("halve.states.sql.server")}
    said = pytest.raises(ExtraMissing, match=r"pip install 'halve\[postgres\]'")
    with mock.patch.dict(sys.modules, loaded | {"psycopg": None}, clear=True), said:
        async with opened("postgresql://host/shop"):
            pass


async def test_without_tables_it_says_to_make_them(url: str) -> None:
    async with opened(url) as states:
        for attempt in (states.ready, lambda: upload(states, 1), lambda: states.claim("worker", 1, lease=1)):
            with pytest.raises(StoreFailed, match="halve init-db"):
                await attempt()
        await states.migrate()
        run_sql(url, "UPDATE alembic_version SET version_num = '9999'")
        with pytest.raises(StoreFailed, match="newer version"):
            await states.migrate()


async def test_a_server_that_is_not_there_is_named_without_its_password() -> None:
    async with opened(f"postgresql://me:hush@127.0.0.1:{free_port()}/shop") as states:
        with pytest.raises(StoreFailed, match="out of reach: Connection refused") as caught:
            await states.ready()
        assert "HALVE_DATABASE_URL" in str(caught.value)
        assert "hush" not in str(caught.value)


async def test_a_database_that_is_not_there_is_named(url: str) -> None:
    missing = f"halve_missing_{secrets.token_hex(4)}"
    async with opened(f"{url.partition('?')[0].rpartition('/')[0]}/{missing}") as states:
        with pytest.raises(StoreFailed, match=f"{missing} is not there: create it"):
            await states.migrate()


async def test_a_database_that_cannot_hold_every_letter_is_refused(url: str) -> None:
    """At first, and where halve made its tables before it looked: an upload would be told to come again, for ever."""
    name = f"halve_latin_{secrets.token_hex(4)}"
    latin = f"{url.partition('?')[0].rpartition('/')[0]}/{name}"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} ENCODING 'LATIN1' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'")
        try:
            async with opened(latin) as states:
                with pytest.raises(StoreFailed, match="encoding is not UTF8: make another one"):
                    await states.migrate()
                with mock.patch("halve.states.sql.server.POSTGRESQL", replace(POSTGRESQL, encoding=None)):
                    await states.migrate()
                await upload(states, 1, filename="cafe.csv")
                with pytest.raises(StoreFailed, match="encoding is not UTF8"):
                    await upload(states, 1, filename="咖啡.csv")
        finally:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.mark.parametrize("level", ["serializable", "repeatable%5C%20read"])
async def test_how_transactions_are_kept_apart_is_not_left_to_the_servers_default(url: str, level: str) -> None:
    """Under these two, work side by side would fail again and again."""
    async with opened(f"{url}%20-cdefault_transaction_isolation%3D{level}") as states:
        assert isinstance(states, PostgresStates)
        assert await states._runner.write(lambda tx: tx.value("SHOW transaction_isolation")) == "read committed"
        assert await states._runner.read(lambda tx: tx.value("SHOW transaction_isolation")) == "repeatable read"


async def test_a_limit_on_time_is_told_with_what_to_do(url: str) -> None:
    async with opened(f"{url}%20-cstatement_timeout%3D50") as states:
        assert isinstance(states, PostgresStates)
        with pytest.raises(StoreFailed, match=r"statement timeout\. Raise that limit"):
            await states._runner.read(lambda tx: tx.value("SELECT 1 FROM pg_sleep(5)"))


async def test_a_user_without_rights_is_told_which(url: str) -> None:
    """One that may not make tables, and then one that may not read them."""
    name, server = f"halve_{secrets.token_hex(4)}", psycopg.conninfo.conninfo_to_dict(url)
    theirs = f"postgresql://{name}:x@{server['host']}:{server['port']}/{server['dbname']}?{url.partition('?')[2]}"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"CREATE USER {name} PASSWORD 'x'")
        try:
            async with opened(theirs) as states, opened(url) as ours:
                with pytest.raises(StoreFailed, match=r"no schema|permission denied|init-db"):
                    await states.migrate()
                await ours.migrate()
                schema = url.rpartition("%3D")[2]
                connection.execute(f"GRANT USAGE ON SCHEMA {schema} TO {name}")
                with pytest.raises(StoreFailed, match="permission denied for table"):
                    await states.ready()
        finally:
            connection.execute(f"DROP OWNED BY {name}")
            connection.execute(f"DROP USER {name}")
