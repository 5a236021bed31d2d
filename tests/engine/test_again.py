"""What was done before is not done again, and nobody gets a picture that is out of date for it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from email.utils import formatdate
from pathlib import Path
from time import time

import pytest
from aiohttp import web

from halve.core.models import ImageResult, ImageState, Request
from halve.core.options import Options
from halve.wiring import Parts
from tests.support.codec import children
from tests.support.origin import Origin
from tests.support.photos import photo
from tests.support.shop import open_shop, sheet_of, stored, the_end, upload

PHOTO = photo("coffee", quality=92)
OTHER = photo("rocket", quality=92)


@pytest.fixture
def origin() -> Iterator[Origin]:
    with Origin() as origin:
        yield origin


def versioned(origin: Origin, path: str, data: bytes, *, etag: str = '"1"', **headers: str) -> str:
    """Those bytes under that tag, and 304 for whoever has it."""

    async def handler(request: web.Request) -> web.Response:
        if request.headers.get("If-None-Match") == etag:
            return web.Response(status=304, headers={"ETag": etag})
        return web.Response(body=data, content_type="image/jpeg", headers={"ETag": etag, **headers})

    return origin.route(path, handler)


async def done(shop: Parts, *urls: str, options: Options | None = None, owner: str = "") -> tuple[Request, list[ImageResult]]:
    """A sheet of these links, run to its end; what was recorded of each image."""
    sheet = sheet_of([(f"Product {n}", [url]) for n, url in enumerate(urls)])
    request = await the_end(shop, (await upload(shop, sheet, options=options, owner=owner)).id)
    return request, [product.results[0] for product in await shop.states.products(request.id)]


def compressed(monkeypatch: pytest.MonkeyPatch, shop: Parts) -> list[int]:
    """Sizes of what goes to the codec from now on. It goes there all the same."""
    seen: list[int] = []
    codec = shop.pipeline._maker._codec
    compress = codec.compress

    async def counting(source, options):  # type: ignore[no-untyped-def]
        seen.append(source.size)
        return await compress(source, options)

    monkeypatch.setattr(codec, "compress", counting)
    return seen


async def test_a_second_run_downloads_and_compresses_nothing(
    tmp_path: Path, origin: Origin, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = versioned(origin, "/a.jpg", PHOTO)
    async with open_shop(tmp_path) as shop:
        first, [before] = await done(shop, url)
        seen = compressed(monkeypatch, shop)
        second, [after] = await done(shop, url)
        assert seen == []
        assert [request.headers.get("If-None-Match") for request in origin.seen("/a.jpg")] == [None, '"1"']
        assert after.key != before.key
        assert (after.state, after.bytes_in, after.bytes_out) == (ImageState.DONE, len(PHOTO), before.bytes_out)
        assert await stored(shop, after.key) == await stored(shop, before.key)
        assert second.bytes_in == first.bytes_in


async def test_the_codec_gets_ready_while_an_image_is_on_its_way_and_for_no_other(tmp_path: Path, origin: Origin) -> None:
    url, released = versioned(origin, "/a.jpg", PHOTO), threading.Event()
    others = set(children())  # of servers that other tests share

    async def held_back(_: web.Request) -> web.Response:
        await asyncio.to_thread(released.wait, 20)
        return web.Response(body=OTHER, content_type="image/jpeg")

    async with open_shop(tmp_path) as shop:
        await done(shop, url)
    async with open_shop(tmp_path) as shop:
        await done(shop, url)
        assert set(children()) == others
        coming = asyncio.create_task(done(shop, origin.route("/b.jpg", held_back)))
        async with asyncio.timeout(15):
            while set(children()) == others:
                await asyncio.sleep(0.01)
        released.set()
        _, [made] = await coming
        assert made.state is ImageState.DONE


async def test_it_is_known_after_a_restart_too(tmp_path: Path, origin: Origin, monkeypatch: pytest.MonkeyPatch) -> None:
    url = versioned(origin, "/a.jpg", PHOTO)
    async with open_shop(tmp_path) as shop:
        await done(shop, url)
    async with open_shop(tmp_path) as shop:
        seen = compressed(monkeypatch, shop)
        await done(shop, url)
        assert seen == []


async def test_what_changed_is_fetched_and_compressed(tmp_path: Path, origin: Origin, monkeypatch: pytest.MonkeyPatch) -> None:
    url = versioned(origin, "/a.jpg", PHOTO)
    async with open_shop(tmp_path) as shop:
        _, [before] = await done(shop, url)
        versioned(origin, "/a.jpg", OTHER, etag='"2"')
        seen = compressed(monkeypatch, shop)
        _, [after] = await done(shop, url)
        assert seen == [len(OTHER)]
        assert await stored(shop, after.key) != await stored(shop, before.key)
        _, [again] = await done(shop, url)
        assert seen == [len(OTHER)]
        assert await stored(shop, again.key) == await stored(shop, after.key)


async def test_an_origin_without_validators_sends_the_bytes_and_they_are_recognised(
    tmp_path: Path, origin: Origin, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = origin.serve("/a.jpg", PHOTO)
    async with open_shop(tmp_path) as shop:
        _, [before] = await done(shop, url)
        seen = compressed(monkeypatch, shop)
        _, [after] = await done(shop, url)
        assert (seen, origin.hits("/a.jpg")) == ([], 2)
        assert await stored(shop, after.key) == await stored(shop, before.key)


async def test_the_same_bytes_elsewhere_are_compressed_once(
    tmp_path: Path, origin: Origin, monkeypatch: pytest.MonkeyPatch
) -> None:
    urls = [origin.serve(f"/{n}.jpg", PHOTO) for n in range(6)]
    async with open_shop(tmp_path) as shop:
        seen = compressed(monkeypatch, shop)
        request, results = await done(shop, *urls)
        assert seen == [len(PHOTO)]
        assert len({result.key for result in results}) == len(urls)
        assert len({await stored(shop, result.key) for result in results}) == 1
        assert request.bytes_in == len(urls) * len(PHOTO)


async def test_an_output_fed_back_in_is_left_alone(tmp_path: Path, origin: Origin, monkeypatch: pytest.MonkeyPatch) -> None:
    url = origin.serve("/a.jpg", PHOTO)
    async with open_shop(tmp_path) as shop:
        _, [before] = await done(shop, url)
        output = await stored(shop, before.key)
        seen = compressed(monkeypatch, shop)
        _, [after] = await done(shop, origin.serve("/back.jpg", output))
        assert seen == []
        assert (after.state, after.bytes_in, after.bytes_out) == (ImageState.KEPT, len(output), len(output))
        assert await stored(shop, after.key) == output


async def test_other_options_are_another_matter(tmp_path: Path, origin: Origin, monkeypatch: pytest.MonkeyPatch) -> None:
    url = versioned(origin, "/a.jpg", PHOTO)
    async with open_shop(tmp_path) as shop:
        _, [before] = await done(shop, url)
        seen = compressed(monkeypatch, shop)
        _, [after] = await done(shop, url, options=Options(quality=20))
        assert seen == [len(PHOTO)]
        assert after.bytes_out < before.bytes_out


async def test_nobody_profits_from_another_owner(tmp_path: Path, origin: Origin, monkeypatch: pytest.MonkeyPatch) -> None:
    url = versioned(origin, "/a.jpg", PHOTO)
    async with open_shop(tmp_path) as shop:
        await done(shop, url, owner="alice")
        seen = compressed(monkeypatch, shop)
        await done(shop, url, owner="bob")
        assert seen == [len(PHOTO)]
        assert "If-None-Match" not in origin.seen("/a.jpg")[-1].headers


async def test_what_was_erased_is_fetched_again(tmp_path: Path, origin: Origin, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where the origin has just said that nothing changed."""
    url = versioned(origin, "/a.jpg", PHOTO)
    async with open_shop(tmp_path) as shop:
        first, [before] = await done(shop, url)
        output = await stored(shop, before.key)
        await shop.images.delete_folder(first.folder)
        await shop.states.erase(first.id)
        seen = compressed(monkeypatch, shop)
        _, [after] = await done(shop, url)
        assert seen == [len(PHOTO)]
        assert await stored(shop, after.key) == output


async def test_what_was_used_again_outlives_the_request_that_made_it(tmp_path: Path, origin: Origin) -> None:
    url = versioned(origin, "/a.jpg", PHOTO)
    async with open_shop(tmp_path) as shop:
        first, [before] = await done(shop, url)
        output = await stored(shop, before.key)
        _, [after] = await done(shop, url)
        await shop.images.delete_folder(first.folder)
        assert await stored(shop, after.key) == output


async def test_an_output_that_was_changed_is_made_anew(tmp_path: Path, origin: Origin, monkeypatch: pytest.MonkeyPatch) -> None:
    url = versioned(origin, "/a.jpg", PHOTO)
    async with open_shop(tmp_path) as shop:
        _, [before] = await done(shop, url)
        output = await stored(shop, before.key)
        assert before.key is not None
        file = tmp_path / "images" / before.key
        file.write_bytes(output[:-2] + b"\0\0")
        seen = compressed(monkeypatch, shop)
        _, [after] = await done(shop, url)
        assert seen == [len(PHOTO)]
        assert await stored(shop, after.key) == output


async def test_a_picture_that_is_gone_at_the_origin_fails_though_it_is_remembered(tmp_path: Path, origin: Origin) -> None:
    url = versioned(origin, "/a.jpg", PHOTO)
    async with open_shop(tmp_path) as shop:
        await done(shop, url)
        origin.remove("/a.jpg")
        _, [after] = await done(shop, url)
        assert (after.state, after.error_code) == (ImageState.FAILED, "not_found")


async def test_a_date_serves_where_there_is_no_tag_once_it_has_settled(tmp_path: Path, origin: Origin) -> None:
    old, new = formatdate(time() - 3600, usegmt=True), formatdate(time() - 5, usegmt=True)
    urls = [
        origin.serve("/old.jpg", PHOTO, headers={"Last-Modified": old}),
        origin.serve("/new.jpg", OTHER, headers={"Last-Modified": new}),
    ]
    async with open_shop(tmp_path) as shop:
        await done(shop, *urls)
        await done(shop, *urls)
        assert origin.seen("/old.jpg")[-1].headers.get("If-Modified-Since") == old
        assert "If-Modified-Since" not in origin.seen("/new.jpg")[-1].headers


@pytest.mark.parametrize("memory", ["link", "copy", "off"])
async def test_outputs_share_a_file_or_not_as_it_is_set(tmp_path: Path, origin: Origin, memory: str) -> None:
    url = versioned(origin, "/a.jpg", PHOTO)
    async with open_shop(tmp_path, memory=memory) as shop:
        files = [tmp_path / "images" / (await done(shop, url))[1][0].key for _ in range(2)]  # type: ignore[operator]
        assert files[0].samefile(files[1]) == (memory == "link")
        assert ("If-None-Match" in origin.seen("/a.jpg")[-1].headers) == (memory != "off")
        assert files[0].read_bytes() == files[1].read_bytes()
