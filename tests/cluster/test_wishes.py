"""Wishes and what they set in motion, in this process: a real broker, a real worker."""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
import redis

from halve.backends import BROKER_SCHEMES, broker_url
from halve.core.errors import ExtraMissing, OptionRefused
from halve.engine import celery
from halve.engine.broker import QUEUE, configuration
from halve.engine.threads import Threads
from halve.engine.wishes import WAITING, Wishes
from halve.settings import read_settings
from halve.wiring import open_cluster_worker
from tests.support.serving import until
from tests.support.shop import open_shop, sheet_of, the_end, upload

Cups = Callable[[int], list[tuple[str, list[str]]]]


@pytest.fixture
def queue(valkey: str) -> Iterator[Callable[[], int]]:
    """How many wishes are waiting."""
    with redis.Redis.from_url(valkey) as client:
        yield lambda: int(client.llen(QUEUE))


def test_many_askings_make_few_wishes(valkey: str, queue: Callable[[], int]) -> None:
    wishes = Wishes(valkey)
    try:
        until(lambda: queue() >= 1)
        for _ in range(50):
            wishes.send()
            time.sleep(0.01)
        until(lambda: queue() == WAITING)
        time.sleep(0.1)
        assert queue() == WAITING
    finally:
        wishes.close()


def test_a_broker_that_was_emptied_is_wished_to_again(valkey: str, queue: Callable[[], int]) -> None:
    wishes = Wishes(valkey)
    try:
        until(lambda: queue() >= 1)
        with redis.Redis.from_url(valkey) as client:
            client.flushdb()
        until(lambda: queue() >= 1, seconds=5)
    finally:
        wishes.close()


async def test_a_worker_of_a_cluster_claims_what_it_is_asked_to_and_no_more(tmp_path: Path, cups: Cups) -> None:
    begun: list[int] = []
    async with open_shop(tmp_path, worker=False, in_flight=8) as shop, open_cluster_worker(shop, on_due=lambda: None) as worker:
        assert await worker.stint(10) == 0
        request = await upload(shop, sheet_of(cups(25)))
        await asyncio.sleep(0.7)
        figures = await shop.states.figures()
        assert (figures["products.ready"], figures["products.leased"]) == (25, 0)
        assert await worker.stint(10, lambda: begun.append(1)) in range(10, 13)
        assert begun == [1]
        done = [await worker.stint(10), await worker.stint(1000)]
        assert (await the_end(shop, request.id)).done_images == 25
        assert sum(done) in range(13, 16)
        assert await worker.stint(10, lambda: begun.append(2)) == 0
        assert begun == [1]


async def test_what_becomes_due_is_told(tmp_path: Path, cups: Cups) -> None:
    told = asyncio.Event()
    async with open_shop(tmp_path, worker=False) as shop, open_cluster_worker(shop, on_due=told.set):
        await upload(shop, sheet_of(cups(1)))
        assert await shop.states.claim("somebody who vanishes", 1, lease=0.2)
        async with asyncio.timeout(5):
            await told.wait()
        assert (await shop.states.figures())["products.ready"] == 1


async def test_stints_end_when_the_worker_does(tmp_path: Path, cups: Cups) -> None:
    async with open_shop(tmp_path, worker=False, in_flight=1) as shop:
        await upload(shop, sheet_of(cups(3)))
        async with open_cluster_worker(shop, on_due=lambda: None, grace=0.0) as worker:
            stints = [asyncio.create_task(worker.stint(100)) for _ in range(3)]
            await asyncio.sleep(0.05)
            worker.stop()
            async with asyncio.timeout(5):
                await asyncio.gather(*stints)
                assert await worker.stint(100) == 0


@pytest.mark.parametrize(
    ("given", "known"),
    [
        ("redis://h/3", "redis://h/3"),
        ("valkey://:p@h:1", "redis://:p@h:1"),
        ("valkeys://h", "rediss://h"),
        ("AMQP://u:p@h/v", "amqp://u:p@h/v"),
        ("amqps://h", "amqps://h"),
    ],
)
def test_every_scheme_is_one_that_celery_knows(given: str, known: str) -> None:
    assert broker_url(read_settings(broker_url=given)) == known


@pytest.mark.parametrize("url", ["kafka://h", "redis://", "localhost:6379", "sqs://h"])
def test_another_broker_is_refused_with_those_there_are(url: str) -> None:
    with pytest.raises(OptionRefused, match="amqps://") as refused:
        broker_url(read_settings(broker_url=url))
    assert refused.value.field == "HALVE_BROKER_URL"
    assert all(f"{scheme}://" in str(refused.value) for scheme in BROKER_SCHEMES)


def test_certificates_are_checked_unless_the_url_says_otherwise() -> None:
    assert configuration("rediss://h")["broker_use_ssl"]["ssl_cert_reqs"] == 2
    assert configuration("amqps://h")["broker_use_ssl"] == {"cert_reqs": 2, "server_hostname": "h"}
    assert configuration("rediss://h?ssl_cert_reqs=none")["broker_use_ssl"] is None
    assert configuration("redis://h")["broker_use_ssl"] is None


@pytest.mark.parametrize("pool", ["gevent", "eventlet"])
def test_green_pools_are_refused_in_a_sentence(pool: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        celery.begin(SimpleNamespace(pool_cls=pool))
    assert ended.value.code == 2
    assert "-P threads" in capsys.readouterr().err


def test_an_extra_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "celery", None)
    with pytest.raises(ExtraMissing, match=r"pip install 'halve\[celery\]'"):
        broker_url(read_settings(broker_url="redis://h"))


def test_the_pool_grows_and_shrinks_as_autoscaling_asks() -> None:
    pool = Threads(0)  # as `--autoscale=5` begins
    try:
        pool.grow(5)
        assert pool.num_processes == 5
        pool.shrink(9)
        assert pool.num_processes == 0
        together = threading.Barrier(3, timeout=5)
        waiting = [pool.executor.submit(together.wait) for _ in range(3)]  # as many as there are messages
        assert sorted(one.result(timeout=5) for one in waiting) == [0, 1, 2]
    finally:
        pool.on_stop()
