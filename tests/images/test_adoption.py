"""What is in a folder of images already, stored once more."""

from __future__ import annotations

import errno
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from halve.core.digests import digest_of
from halve.core.ports import Adoption
from halve.images.files import FileImages

HERE, THERE = "0123456789abcdef/a.jpg", "fedcba9876543210/b.jpg"
DATA = b"\xff\xd8 a picture" * 1000
DIGEST = digest_of(DATA)


@pytest.fixture(params=["link", "copy"])
async def images(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[FileImages]:
    images = FileImages(tmp_path, link=request.param == "link")
    await images.put(HERE, DATA, content_type="image/jpeg")
    yield images
    await images.close()


async def adopt(images: FileImages, *, key: str = THERE, source: str = HERE, digest: str = DIGEST) -> bool:
    [well] = await images.adopt([Adoption(key, source, digest)])
    return well


async def test_both_are_there_and_go_by_themselves(images: FileImages, tmp_path: Path) -> None:
    assert await adopt(images)
    assert await adopt(images), "doing it again does no harm"
    await images.delete_folder(HERE.partition("/")[0])
    assert (tmp_path / THERE).read_bytes() == DATA
    assert [path.name for path in (tmp_path / ".partial").rglob("*") if path.is_file() and path.suffix != ".lock"] == []


async def test_what_was_there_under_the_name_is_replaced(images: FileImages, tmp_path: Path) -> None:
    await images.put(THERE, b"another", content_type="image/jpeg")
    assert await adopt(images)
    assert (tmp_path / THERE).read_bytes() == DATA


async def test_what_is_stored_anew_under_one_name_leaves_the_other(images: FileImages, tmp_path: Path) -> None:
    assert await adopt(images)
    await images.put(HERE, b"another", content_type="image/jpeg")
    assert (tmp_path / THERE).read_bytes() == DATA


async def test_a_source_that_is_gone_or_another_is_not_adopted(images: FileImages, tmp_path: Path) -> None:
    assert not await adopt(images, source="0123456789abcdef/gone.jpg")
    assert not await adopt(images, digest=digest_of(b"another"))
    (tmp_path / HERE).with_name("link.jpg").symlink_to(tmp_path / HERE)
    assert not await adopt(images, source="0123456789abcdef/link.jpg")
    assert not (tmp_path / THERE).exists()


@pytest.mark.parametrize("mode", [0o600, 0o666])
async def test_who_may_read_it_is_as_of_any_new_file(images: FileImages, tmp_path: Path, mode: int) -> None:
    """A link to what another umask made could not be served by a web server, or be read by all where nobody was to."""
    usual = (tmp_path / HERE).stat().st_mode
    (tmp_path / HERE).chmod(mode)
    assert await adopt(images)
    assert (tmp_path / THERE).stat().st_mode == usual
    assert (tmp_path / THERE).read_bytes() == DATA
    assert (tmp_path / HERE).stat().st_mode & 0o777 == mode


async def test_many_at_once_each_have_their_answer(images: FileImages) -> None:
    wanted = [Adoption(f"fedcba9876543210/{n}.jpg", HERE, DIGEST if n % 3 else "0" * 64) for n in range(20)]
    assert await images.adopt(wanted) == [bool(n % 3) for n in range(20)]


async def test_where_there_are_no_links_a_copy_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As between two disks."""

    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))

    images = FileImages(tmp_path)
    await images.put(HERE, DATA, content_type="image/jpeg")
    monkeypatch.setattr(os, "link", refuse)
    assert await adopt(images)
    assert (tmp_path / THERE).read_bytes() == DATA
    assert not (tmp_path / THERE).samefile(tmp_path / HERE)
    await images.close()
