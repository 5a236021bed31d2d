"""A host that keeps failing is left alone for a while; everyone else does not notice."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import replace

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from halve.core.errors import ImageFailed, Postponed
from halve.outbound import hosts as manners
from halve.outbound.fetch import FetchLimits, HttpFetcher
from halve.outbound.guard import Guard
from halve.outbound.hosts import Hosts, Patience
from tests.outbound.conftest import LOOPBACK, TRUST
from tests.support.origin import Origin

JPEG = b"\xff\xd8\xff\xe0" + bytes(600)

SHORT = Patience(failures=6, span=0.0, rest=0.3, longest=0.5, verdict=0.5, longest_moment=0.0)

Get = Callable[[str], Coroutine[None, None, ImageFailed | None]]


@pytest.fixture
async def get(limits: FetchLimits) -> AsyncIterator[Get]:
    fetcher = HttpFetcher(Guard([LOOPBACK]), replace(limits, per_host=8), tls=TRUST, patience=SHORT)

    async def get(url: str) -> ImageFailed | None:
        try:
            async with fetcher.fetch(url):
                return None
        except ImageFailed as error:
            return error

    yield get
    await fetcher.close()


async def fail(get: Get, url: str, times: int) -> None:
    for _ in range(times):
        assert await get(url) is not None


async def test_a_host_that_keeps_failing_is_left_alone(origin: Origin, get: Get) -> None:
    url = origin.status("/a.jpg", 503)
    await fail(get, url, 6)
    error = await get(url)
    assert error is not None
    assert (error.code, error.transient) == ("server_error", True)
    assert str(error) == "server error (503), host left alone for a while"
    assert error.retry_after is not None
    assert 0 < error.retry_after <= 1
    assert origin.hits() == 6


async def test_it_is_asked_again_after_a_rest_and_is_back_when_it_answers(origin: Origin, get: Get) -> None:
    url = origin.flaky("/a.jpg", JPEG, failures=6)
    await fail(get, url, 7)
    await asyncio.sleep(0.35)
    assert await asyncio.gather(*(get(url) for _ in range(8))) == [None] * 8
    assert origin.hits() == 6 + 8


async def test_one_is_sent_ahead_and_if_it_fails_the_others_stay_at_home(origin: Origin, get: Get) -> None:
    url = origin.status("/a.jpg", 500)
    await fail(get, url, 6)
    await asyncio.sleep(0.35)
    errors = await asyncio.gather(*(get(url) for _ in range(8)))
    assert all(error is not None and error.transient for error in errors)
    assert origin.hits() == 6 + 1


async def test_a_scout_that_is_cancelled_lets_another_go(origin: Origin, get: Get) -> None:
    url = origin.status("/a.jpg", 500)
    await fail(get, url, 6)
    origin.slow_headers("/a.jpg", JPEG, 5)
    await asyncio.sleep(0.35)
    scout = asyncio.create_task(get(url))
    await asyncio.sleep(0.1)
    scout.cancel()
    with pytest.raises(asyncio.CancelledError):
        await scout
    origin.serve("/a.jpg", JPEG)
    assert await get(url) is None


async def test_nobody_waits_for_long_for_a_scout_that_hangs(origin: Origin, get: Get) -> None:
    url = origin.status("/a.jpg", 500)
    await fail(get, url, 6)
    origin.slow_headers("/a.jpg", JPEG, 1.2)
    await asyncio.sleep(0.35)
    scout = asyncio.create_task(get(url))
    await asyncio.sleep(0.05)
    started = time.monotonic()
    assert await get(url) is not None
    assert time.monotonic() - started < 0.9
    assert await scout is None


async def test_other_hosts_are_not_touched(origin: Origin, get: Get) -> None:
    with Origin() as other:
        await fail(get, origin.status("/a.jpg", 503), 8)
        assert await get(other.serve("/a.jpg", JPEG)) is None


async def test_dead_urls_among_good_ones_do_no_harm(origin: Origin, get: Get) -> None:
    good, dead = origin.serve("/a.jpg", JPEG), origin.status("/b.jpg", 500)
    for _ in range(10):
        await fail(get, dead, 3)
        assert await get(good) is None


async def test_missing_images_say_nothing_against_a_host(origin: Origin, get: Get) -> None:
    await fail(get, origin.url("/missing.jpg"), 20)
    await fail(get, origin.login("/login.jpg"), 20)
    assert await get(origin.serve("/a.jpg", JPEG)) is None
    assert origin.hits() == 41


async def test_a_streak_must_have_lasted(origin: Origin, limits: FetchLimits) -> None:
    """A server that refuses every first attempt, as some do on purpose, is no dead host."""
    fetcher = HttpFetcher(Guard([LOOPBACK]), limits, tls=TRUST)
    urls = [origin.flaky(f"/{number}.jpg", JPEG, failures=1, status=503) for number in range(100)]

    async def get(url: str) -> str | None:
        try:
            async with fetcher.fetch(url):
                return None
        except ImageFailed as error:
            return error.code

    assert await asyncio.gather(*map(get, urls)) == ["server_error"] * 100
    assert await asyncio.gather(*map(get, urls)) == [None] * 100
    await fetcher.close()


async def test_what_the_host_asks_for_is_how_long_it_rests(origin: Origin, get: Get) -> None:
    url = origin.status("/a.jpg", 429, {"Retry-After": "60"})
    await fail(get, url, 6)
    error = await get(url)
    assert error is not None
    assert error.code == "rate_limited"
    assert error.retry_after == pytest.approx(60, abs=2)


async def test_a_host_that_is_asked_too_much_is_asked_less_and_gives_every_picture(origin: Origin, limits: FetchLimits) -> None:
    now = refused = 0

    async def two_at_once(_: web.Request) -> web.Response:
        nonlocal now, refused
        now += 1
        try:
            await asyncio.sleep(0.02)
            if now > 2:
                refused += 1
                return web.Response(status=429)
            return web.Response(body=JPEG)
        finally:
            now -= 1

    url = origin.route("/a.jpg", two_at_once)
    fetcher = HttpFetcher(Guard([LOOPBACK]), replace(limits, per_host=8), tls=TRUST, patience=Patience(moment=0.05, regain=1000))
    left = 60
    for _ in range(4):  # what was refused is asked for again, as a run does, three times at most
        ends = await asyncio.gather(*(_fetched(fetcher, url) for _ in range(left)))
        left = ends.count(False)
    await fetcher.close()
    assert left == 0
    assert refused < 15


async def _fetched(fetcher: HttpFetcher, url: str) -> bool:
    try:
        async with fetcher.fetch(url):
            return True
    except ImageFailed:
        return False


async def test_places_that_were_taken_from_a_host_come_back_with_its_answers() -> None:
    hosts = Hosts(3, Patience(moment=0.0, regain=2))

    async def ask(error: ImageFailed | None = None) -> None:
        async with hosts.turn("a"):
            if error is not None:
                raise error

    for _ in range(5):
        with pytest.raises(ImageFailed):
            await ask(ImageFailed("too many requests (429)", code="rate_limited", transient=True))
    assert hosts._hosts["a"].slots._value == 1, "one it always has"
    for _ in range(2):
        await ask()
    assert hosts._hosts["a"].slots._value == 2
    for _ in range(2):
        await ask()
    assert len(hosts) == 0


async def test_nobody_waits_for_long_at_a_host_that_lacks_places() -> None:
    hosts = Hosts(2, Patience(moment=0.0, queue=0.05))
    with pytest.raises(ImageFailed):
        async with hosts.turn("a"):
            raise ImageFailed("too many requests (429)", code="rate_limited", transient=True)
    async with hosts.turn("a"):
        with pytest.raises(Postponed):
            async with hosts.turn("a"):
                pass
    assert hosts._hosts["a"].users == 0


async def test_rests_grow_while_it_goes_on_and_have_an_end() -> None:
    hosts = Hosts(1, Patience(failures=1, span=0, rest=0.1, longest=0.3))
    rests = []
    for _ in range(5):
        with pytest.raises(ImageFailed):
            async with hosts.turn("a"):
                raise ImageFailed("x", transient=True)
        until = hosts._hosts["a"].resting_until
        assert until is not None
        rests.append(until - asyncio.get_running_loop().time())
        await asyncio.sleep(max(rests[-1], 0) + 0.005)
    assert rests == pytest.approx([0.1, 0.2, 0.3, 0.3, 0.3], abs=0.05)


async def test_a_timeout_weighs_as_much_as_two_failures() -> None:
    hosts = Hosts(1, Patience(failures=4, span=0))
    for _ in range(2):
        with pytest.raises(ImageFailed):
            async with hosts.turn("a"):
                raise ImageFailed("no answer", code="timeout", transient=True)
    with pytest.raises(ImageFailed, match="left alone"):
        async with hosts.turn("a"):
            pass


async def test_hosts_are_remembered_within_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(manners, "REMEMBERED", 10)
    hosts = Hosts(2)
    async with hosts.turn("busy"):
        for number in range(50):
            async with hosts.turn(f"good{number}"):
                pass
            with pytest.raises(ImageFailed):
                async with hosts.turn(f"bad{number}"):
                    raise ImageFailed("x", transient=True)
        assert len(hosts) <= 11
        assert "busy" in hosts._hosts
    assert "busy" not in hosts._hosts


async def test_a_turn_that_is_given_up_while_waiting_frees_nothing_it_did_not_have() -> None:
    hosts = Hosts(1)

    async def wait() -> None:
        async with hosts.turn("a"):
            await asyncio.sleep(60)

    async with hosts.turn("a"):
        waiting = asyncio.create_task(wait())
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        assert hosts._hosts["a"].users == 1
        assert hosts._hosts["a"].slots.locked()
    assert len(hosts) == 0


@given(st.lists(st.sampled_from(["good", "missing", "broken", "too many", "cancelled", "disk"]), max_size=60), st.integers(1, 3))
def test_whatever_happens_all_places_are_free_in_the_end(ends: list[str], per_host: int) -> None:
    async def play() -> None:
        hosts = Hosts(per_host, Patience(failures=3, span=0, rest=0.0, longest=0.0, verdict=0.01, moment=0.0))
        peak = now = 0

        async def one(end: str) -> None:
            nonlocal now, peak
            async with hosts.turn("a"):
                now += 1
                peak = max(peak, now)
                await asyncio.sleep(0)
                now -= 1
                if end == "broken":
                    raise ImageFailed("broken", transient=True)
                if end == "too many":
                    raise ImageFailed("too many", code="rate_limited", transient=True)
                if end == "missing":
                    raise ImageFailed("missing")
                if end == "cancelled":
                    raise asyncio.CancelledError
                if end == "disk":
                    raise OSError(28, "disk full")

        await asyncio.gather(*(one(end) for end in ends), return_exceptions=True)
        assert peak <= per_host
        async with hosts.turn("b"):
            pass
        host = hosts._hosts.get("a")
        assert host is None or (host.users == 0 and host.ahead is None and host.slots._value + host.withheld == per_host)

    asyncio.run(play())
