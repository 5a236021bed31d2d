"""What every image store promises."""

from __future__ import annotations

import asyncio
import hashlib
import os
from pathlib import Path

import pytest

from halve.backends import open_images
from halve.core.errors import NotFound
from halve.core.ports import ImageStore
from halve.settings import read_settings

MIB = 1024 * 1024
FOLDER = "0123456789abcdef"
KEY = f"{FOLDER}/0123456789abcdef01234567.jpg"
OTHER = f"{FOLDER}/76543210fedcba9876543210.webp"


async def put(images: ImageStore, key: str, data: bytes | Path, content_type: str = "image/jpeg") -> None:
    await images.put(key, data, content_type=content_type)


async def get(images: ImageStore, key: str, *, start: int = 0, length: int | None = None) -> bytes:
    return b"".join([piece async for piece in images.read(key, start=start, length=length)])


@pytest.mark.parametrize("size", [0, 1, 4096, 200_001, 3 * MIB + 17])
async def test_what_is_put_is_read(images: ImageStore, size: int) -> None:
    data = os.urandom(size)
    await put(images, KEY, data)
    assert await get(images, KEY) == data
    stored = await images.stat(KEY)
    assert stored is not None
    assert (stored.size, stored.content_type) == (size, "image/jpeg")


async def test_a_file_is_put_like_its_bytes(images: ImageStore, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(os.urandom(2 * MIB + 5))
    await put(images, KEY, source)
    assert await get(images, KEY) == source.read_bytes()
    assert source.exists()


async def test_keys_are_folder_and_name_or_a_name(images: ImageStore) -> None:
    for key, content_type in (
        ("input.csv", "text/csv"),
        (f"{FOLDER}/0123456789abcdef01234567.csv", "text/csv"),
        (f"{FOLDER}/a.webp", "image/webp"),
        (f"{FOLDER}/a.csv.gz", "application/gzip"),
        ("images/12-tröja-röd-1.jpg", "image/jpeg"),
        ("images/7_33-мяч-2.png", "image/png"),
        ("images/" + "ä" * 125 + ".jpg", "image/jpeg"),
    ):
        await put(images, key, b"bytes", content_type)
        stored = await images.stat(key)
        assert stored is not None, key
        assert stored.content_type == content_type
        assert await get(images, key) == b"bytes"


async def test_what_cannot_be_a_key_is_refused(images: ImageStore) -> None:
    for key in (
        "",
        ".",
        "..",
        "../up.jpg",
        "a/../b.jpg",
        "a/..",
        "/etc/passwd",
        "a//b.jpg",
        "a/b/c.jpg",
        "a\\b.jpg",
        ".hidden/a.jpg",
        "a/.hidden",
        "a b.jpg",
        "a\n.jpg",
        "a\0.jpg",
        "a/" + "x" * 300,
        "a/" + "ä" * 128,
        "%2e%2e/a.jpg",
        "a/b?.jpg",
        "a/\ud800.jpg",
    ):
        with pytest.raises(ValueError):
            await put(images, key, b"x")
        assert await images.stat(key) is None, key
        with pytest.raises(NotFound):
            await get(images, key)


async def test_what_cannot_be_a_folder_is_not_deleted(images: ImageStore) -> None:
    await put(images, KEY, b"x")
    for folder in ("", ".", "..", "a/b", "/", ".partial", "a b"):
        with pytest.raises(ValueError):
            await images.delete_folder(folder)
    assert await get(images, KEY) == b"x"


async def test_nothing_is_there_before_it_is_put(images: ImageStore) -> None:
    assert await images.stat(KEY) is None
    with pytest.raises(NotFound):
        await get(images, KEY)
    await put(images, KEY, b"x")
    assert await images.stat(OTHER) is None
    assert await images.stat(FOLDER) is None


async def test_the_last_one_put_wins(images: ImageStore) -> None:
    await put(images, KEY, b"first, which is longer")
    await put(images, KEY, b"second")
    assert await get(images, KEY) == b"second"


async def test_the_same_thing_may_be_put_again(images: ImageStore) -> None:
    for _ in range(2):
        await put(images, KEY, b"same")
    assert await get(images, KEY) == b"same"


async def test_entity_tags_stay_and_tell_contents_apart(images: ImageStore) -> None:
    tags = set()
    for content in (b"one!", b"two!", b"six!"):
        await put(images, KEY, content)
        first, second = await images.stat(KEY), await images.stat(KEY)
        assert first is not None
        assert first == second
        assert first.etag
        assert '"' not in first.etag
        tags.add(first.etag)
    assert len(tags) == 3


async def test_any_range_can_be_read(images: ImageStore) -> None:
    data = os.urandom(3 * MIB)
    await put(images, KEY, data)
    for start, length in (
        (0, 0),
        (0, 1),
        (5, 10),
        (0, None),
        (MIB - 1, 2),
        (100, 2 * MIB),
        (3 * MIB, None),
        (3 * MIB, 5),
        (9 * MIB, None),
        (7, 9 * MIB),
    ):
        wanted = data[start : None if length is None else start + length]
        assert await get(images, KEY, start=start, length=length) == wanted, (start, length)


async def test_pieces_are_a_mebibyte_at_the_most(images: ImageStore) -> None:
    await put(images, KEY, bytes(5 * MIB))
    sizes = [len(piece) async for piece in images.read(KEY)]
    assert sum(sizes) == 5 * MIB
    assert all(0 < size <= MIB for size in sizes)


@pytest.mark.parametrize(("start", "length"), [(-1, None), (0, -1)])
async def test_a_range_is_not_negative(images: ImageStore, start: int, length: int | None) -> None:
    await put(images, KEY, b"x")
    with pytest.raises(ValueError):
        await get(images, KEY, start=start, length=length)


async def test_a_reader_may_stop_early(images: ImageStore) -> None:
    await put(images, KEY, bytes(5 * MIB))
    pieces = images.read(KEY)
    assert await anext(pieces)
    await pieces.aclose()  # type: ignore[attr-defined]


async def test_a_folder_goes_with_all_that_is_in_it_and_nothing_else(images: ImageStore) -> None:
    for key in (KEY, OTHER, "fedcba9876543210/other.jpg", f"{FOLDER}0/other.jpg", "input.csv"):
        await put(images, key, b"x")
    await images.delete_folder(FOLDER)
    await images.delete_folder(FOLDER)
    await images.delete_folder("never-there")
    assert [await images.stat(key) for key in (KEY, OTHER)] == [None, None]
    for key in ("fedcba9876543210/other.jpg", f"{FOLDER}0/other.jpg", "input.csv"):
        assert await get(images, key) == b"x"


async def test_a_deleted_folder_can_be_filled_again(images: ImageStore) -> None:
    await put(images, KEY, b"old")
    await images.delete_folder(FOLDER)
    await put(images, KEY, b"new")
    assert await get(images, KEY) == b"new"
    assert await images.stat(OTHER) is None


async def test_many_may_put_and_read_at_once(images: ImageStore) -> None:
    contents = {f"{FOLDER}/{number}.jpg": os.urandom(50_000 + number) for number in range(40)}
    await asyncio.gather(*(put(images, key, data) for key, data in contents.items()))
    read = await asyncio.gather(*(get(images, key) for key in contents))
    assert list(read) == list(contents.values())


async def test_who_puts_the_same_key_at_once_leaves_one_of_them_whole(images: ImageStore) -> None:
    candidates = [bytes([number]) * (100_000 + number) for number in range(8)]
    await asyncio.gather(*(put(images, KEY, candidate) for candidate in candidates))
    assert await get(images, KEY) in candidates


async def test_a_reader_sees_one_content_or_the_other_while_another_writes(images: ImageStore) -> None:
    contents = {hashlib.sha256(data).digest() for data in (b"a" * 3 * MIB, b"b" * 2 * MIB)}
    await put(images, KEY, b"a" * 3 * MIB)
    readers = [asyncio.create_task(get(images, KEY)) for _ in range(4)]
    await put(images, KEY, b"b" * 2 * MIB)
    seen = {hashlib.sha256(await reader).digest() for reader in readers}
    assert seen <= contents


async def test_another_handle_sees_what_was_put(images: ImageStore, images_url: str) -> None:
    await put(images, KEY, b"bytes")
    other = open_images(read_settings(storage_url=images_url))
    try:
        assert await get(other, KEY) == b"bytes"
        assert await other.stat(KEY) == await images.stat(KEY)
        await other.delete_folder(FOLDER)
    finally:
        await other.close()
    assert await images.stat(KEY) is None


async def test_a_working_store_is_ready_and_being_ready_leaves_nothing(images: ImageStore) -> None:
    await images.ready()
    await images.ready()
    await put(images, KEY, b"x")
    await images.ready()
    assert await get(images, KEY) == b"x"
