"""The image store of `halve run`: what the user asked for goes to the folder itself, the copy of the sheet out of sight."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from pathlib import Path

from halve.core.ports import Adoption, Stored
from halve.doors.cli.folder import STATE
from halve.images.files import FileImages


class RunFolder:
    """An `ImageStore` of two, as a folder of images takes no hidden names: keys in `.halve` go to `state`, others to `folder`."""

    def __init__(self, folder: Path, state: Path, *, link: bool) -> None:
        """`link`: outputs of other runs that serve here again are hard links."""
        self._folder = FileImages(folder, link=link, setting=None)
        self._state = FileImages(state, setting=None)

    async def put(self, key: str, data: bytes | Path, *, content_type: str) -> str | None:
        store, key = self._home(key)
        return await store.put(key, data, content_type=content_type)

    async def stat(self, key: str) -> Stored | None:
        store, key = self._home(key)
        return await store.stat(key)

    def read(self, key: str, *, start: int = 0, length: int | None = None) -> AsyncIterator[bytes]:
        store, key = self._home(key)
        return store.read(key, start=start, length=length)

    async def adopt(self, wanted: Sequence[Adoption]) -> list[bool]:
        """Their sources are paths, of this folder or of another run's."""
        return await self._folder.adopt_files([(Path(one.source), one.key, one.digest) for one in wanted])

    async def delete_folder(self, folder: str) -> None:
        await self._folder.delete_folder(folder)

    async def ready(self) -> None:
        await self._folder.ready()
        await self._state.ready()

    async def close(self) -> None:
        await self._folder.close()
        await self._state.close()

    def _home(self, key: str) -> tuple[FileImages, str]:
        folder, _, name = key.rpartition("/")
        return (self._state, name) if folder == STATE else (self._folder, key)
