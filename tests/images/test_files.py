"""The folder of images: what is in it when things go wrong, and what is not."""

from __future__ import annotations

import asyncio
import errno
import os
import stat
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from halve.core.errors import StoreFailed
from halve.images import durable
from halve.images.files import FileImages

ROOT = Path(__file__).parents[2]
KEY = "0123456789abcdef/0123456789abcdef01234567.jpg"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "data" / "images"


@pytest.fixture
async def images(folder: Path) -> AsyncIterator[FileImages]:
    images = FileImages(folder)
    yield images
    await images.close()


def below(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


async def put(images: FileImages, key: str, data: bytes | Path) -> None:
    await images.put(key, data, content_type="image/jpeg")


def run(script: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", script, *map(str, arguments)], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )


async def test_nothing_is_made_before_something_is_stored(folder: Path, images: FileImages) -> None:
    assert await images.stat(KEY) is None
    await images.delete_folder("0123456789abcdef")
    assert not folder.parent.exists()


async def test_a_folder_is_deleted_while_files_are_put_there_and_neither_fails(folder: Path, images: FileImages) -> None:
    async def put_many() -> None:
        for _ in range(30):
            await asyncio.gather(*(put(images, f"busy/{number}.jpg", b"image") for number in range(20)))

    putting = asyncio.create_task(put_many())
    while not putting.done():
        await images.delete_folder("busy")
        await asyncio.sleep(0.01)  # less, and a folder that is made is never there long enough
    await putting
    await images.delete_folder("busy")
    assert list(folder.rglob("*.jpg")) == []


async def test_keys_are_paths_and_nothing_else_is_left(folder: Path, images: FileImages) -> None:
    await put(images, KEY, b"image")
    await put(images, "output.csv", b"sheet")
    await images.ready()
    await images.close()
    assert below(folder) == ["0123456789abcdef", KEY, "output.csv"]
    assert (folder / KEY).read_bytes() == b"image"


@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
async def test_who_may_read_is_up_to_the_umask(folder: Path, images: FileImages, umask: int, mode: int) -> None:
    before = os.umask(umask)
    try:
        await put(images, KEY, b"image")
    finally:
        os.umask(before)
    assert stat.S_IMODE((folder / KEY).stat().st_mode) == mode


async def test_a_file_is_on_disk_before_it_has_its_name_and_its_name_before_put_returns(
    folder: Path, images: FileImages, monkeypatch: pytest.MonkeyPatch
) -> None:
    await put(images, KEY, b"so that folders are there")
    done: list[str] = []
    fsync, rename = os.fsync, Path.rename

    def noted_fsync(descriptor: int) -> None:
        fsync(descriptor)
        done.append("folder on disk" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "content on disk")

    def noted_rename(source: Path, target: Path) -> Path:
        done.append("named")
        return rename(source, target)

    monkeypatch.setattr(os, "fsync", noted_fsync)
    monkeypatch.setattr(Path, "rename", noted_rename)
    await put(images, KEY, b"image")
    assert done == ["content on disk", "named", "folder on disk"]


KILLED = """
import asyncio, os, sys
from pathlib import Path
from halve.images.files import FileImages

async def main():
    images = FileImages(Path(sys.argv[1]))
    async def write(writer):
        for number in range(10_000):
            size = 1 + (number * 7919) % 400_000
            await images.put(f"folder/{writer}-{number}-{size}.jpg", bytes([65 + writer]) * size, content_type="image/jpeg")
            print(".", end="", flush=True)
    await asyncio.gather(*(write(writer) for writer in range(4)))

asyncio.run(main())
"""


async def test_a_kill_leaves_whole_files_and_what_it_left_besides_is_swept(folder: Path, images: FileImages) -> None:
    for _ in range(2):
        process = await asyncio.create_subprocess_exec(sys.executable, "-c", KILLED, str(folder), cwd=ROOT, stdout=subprocess.PIPE)
        assert process.stdout is not None
        await process.stdout.readexactly(30)
        process.kill()
        await process.communicate()
    assert any((folder / ".partial").iterdir())
    names = [path.name for path in (folder / "folder").iterdir()]
    assert len(names) >= 30
    for name in names:
        writer, _, size = name.removesuffix(".jpg").split("-")
        assert (folder / "folder" / name).read_bytes() == bytes([65 + int(writer)]) * int(size)
    await put(images, KEY, b"image")
    benches = {path.name.removesuffix(".lock") for path in (folder / ".partial").iterdir()}
    assert len(benches) == 1, "only the bench of the one that lives"
    await images.close()
    assert not (folder / ".partial").exists()


async def test_the_living_are_not_swept(folder: Path, images: FileImages) -> None:
    await images.ready()
    kept = images._workshop.place()
    kept.write_bytes(b"half an image")
    others = [FileImages(folder) for _ in range(5)]
    await asyncio.gather(*(put(other, f"folder/{number}.jpg", b"x") for number, other in enumerate(others)))
    for other in others:
        await other.close()
    assert kept.exists()
    await put(images, KEY, b"image")


async def test_who_clears_the_workshop_away_stops_nobody(folder: Path, images: FileImages) -> None:
    import shutil

    await put(images, KEY, b"first")
    shutil.rmtree(folder / ".partial")
    await put(images, KEY, b"second")
    shutil.rmtree(folder)
    await put(images, KEY, b"third")
    assert (folder / KEY).read_bytes() == b"third"


async def test_processes_that_come_and_go_do_not_get_in_each_others_way(folder: Path) -> None:
    async def come_and_go(number: int) -> None:
        for round in range(20):
            images = FileImages(folder)
            await put(images, f"folder/{number}-{round}.jpg", b"x")
            await images.close()

    await asyncio.gather(*(come_and_go(number) for number in range(6)))
    assert len(below(folder)) == 1 + 6 * 20


async def test_a_place_that_cannot_be_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    images = FileImages(tmp_path / "file" / "images")
    try:
        for attempt in (images.ready(), put(images, KEY, b"x"), images.stat(KEY), anext(images.read(KEY))):
            with pytest.raises(StoreFailed, match="HALVE_STORAGE_URL") as caught:
                await attempt
            assert str(tmp_path / "file" / "images") in str(caught.value)
    finally:
        await images.close()


FULL = """
import asyncio, resource, sys
from pathlib import Path
from halve.core.errors import StoreFailed
from halve.images.files import FileImages

async def main():
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))
    images = FileImages(Path(sys.argv[1]))
    await images.put("folder/a.jpg", b"old", content_type="image/jpeg")
    for data in (bytes(3_000_000), Path(sys.argv[2])):
        try:
            await images.put("folder/a.jpg", data, content_type="image/jpeg")
        except StoreFailed as error:
            print(error)
    print([path.name for path in Path(sys.argv[1], ".partial").rglob("*") if path.is_file() and path.suffix != ".lock"])
    await images.put("folder/b.jpg", b"still works", content_type="image/jpeg")
    await images.close()

asyncio.run(main())
"""


def test_a_disk_that_takes_no_more_is_told_and_the_old_file_stays(folder: Path, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(bytes(3_000_000))
    ran = run(FULL, folder, source)
    assert ran.stderr == ""
    first, second, left = ran.stdout.splitlines()
    assert first == second
    assert first.startswith(f"The folder of images {folder} failed: File too large")
    assert left == "[]"
    assert (folder / "folder" / "a.jpg").read_bytes() == b"old"
    assert (folder / "folder" / "b.jpg").read_bytes() == b"still works"


async def test_a_file_that_grows_while_it_is_stored_is_stored_as_far_as_it_was_read(images: FileImages, tmp_path: Path) -> None:
    growing = tmp_path / "growing"
    os.mkfifo(growing)  # as small as can be when it is opened, and yet something comes

    async def write() -> None:
        await asyncio.to_thread(growing.write_bytes, b"products")

    await asyncio.gather(write(), images.put(KEY, growing, content_type="text/csv"))

    assert b"".join([piece async for piece in images.read(KEY)]) == b"products"


async def test_what_is_no_plain_file_is_nothing(folder: Path, images: FileImages) -> None:
    (folder / "0123456789abcdef" / "sub.jpg").mkdir(parents=True)
    assert await images.stat("0123456789abcdef/sub.jpg") is None
    assert await images.stat("0123456789abcdef") is None


async def test_a_folder_that_is_a_link_is_unlinked_and_what_it_leads_to_stays(
    folder: Path, images: FileImages, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "mine.jpg").write_bytes(b"mine")
    folder.mkdir(parents=True)
    (folder / "linked").symlink_to(elsewhere)
    await images.delete_folder("linked")
    assert not (folder / "linked").exists()
    assert (elsewhere / "mine.jpg").read_bytes() == b"mine"


async def test_names_that_come_close_together_are_put_on_disk_together_and_each_after_it_was_there(
    folder: Path, images: FileImages, monkeypatch: pytest.MonkeyPatch
) -> None:
    syncs: list[set[str]] = []

    def watched(path: Path) -> None:
        syncs.append({entry.name for entry in path.iterdir()})

    async def store(n: int) -> None:
        await images.put(f"shop/{n}.jpg", b"picture", content_type="image/jpeg")
        assert any(f"{n}.jpg" in seen for seen in syncs), "put returned before its name was on disk"

    monkeypatch.setattr(durable, "sync_folder", watched)
    await asyncio.gather(*(store(n) for n in range(40)))
    assert len(syncs) < 20


async def test_a_folder_that_cannot_be_put_on_disk_fails_those_who_stored_there_and_no_others(
    images: FileImages, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(path: Path) -> None:
        if path.name == "bad":
            raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(durable, "sync_folder", broken)
    names = [f"{shop}/{n}.jpg" for n in range(5) for shop in ("good", "bad")]
    ends = await asyncio.gather(
        *(images.put(name, b"picture", content_type="image/jpeg") for name in names), return_exceptions=True
    )
    for name, end in zip(names, ends, strict=True):
        assert isinstance(end, StoreFailed) if name.startswith("bad") else end is None
