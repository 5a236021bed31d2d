"""How one image is made: fetch → compress → store; and what of that is spared where it was made before.

In the order of what they spare: an origin that still has the version fetched before sends nothing; bytes that were compressed
before are not compressed again. In both cases an output that is there already is stored once more, under the name of its new place,
so that each request has its own and can be erased by itself.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from halve.core.digests import digest_of
from halve.core.errors import NotFound
from halve.core.gathered import Gathered
from halve.core.links import Links
from halve.core.memory import Made, Memory
from halve.core.models import ImageResult, ImageState, Product, Request
from halve.core.naming import content_type, image_key
from halve.core.once import Once
from halve.core.ports import Adopting, Adoption, Codec, Fetched, Fetcher, ImageStore

ADOPTED_AT_ONCE = 64
"""Outputs stored once more with one call."""

CONTENTS_REMEMBERED = 2_000
"""Bodies whose outcome is known without asking, so that those which are the same and come together are compressed once. Of those
that come later, the memory knows.
"""


@dataclass(frozen=True, slots=True)
class Task:
    """One image: a place (from 1) of a product, and what was recorded of it before."""

    request: Request
    product: Product
    place: int
    before: ImageResult

    @property
    def url(self) -> str:
        return self.product.input_urls[self.place - 1]

    def key(self, format: str) -> str:
        return image_key(self.request, self.product, self.place, format)


class Maker:
    """`memory` None: everything is fetched and compressed."""

    def __init__(self, *, images: ImageStore, fetcher: Fetcher, codec: Codec, links: Links, memory: Memory | None) -> None:
        self._images = images
        self._fetcher = fetcher
        self._codec = codec
        self._links = links
        self._memory = memory
        self._adopting = Gathered(images.adopt, most=ADOPTED_AT_ONCE) if isinstance(images, Adopting) else None
        self._contents: Once[tuple[Made, str | None]] = Once(CONTENTS_REMEMBERED)

    async def make(self, task: Task) -> ImageResult:
        """Raises ImageFailed, StoreFailed."""
        if self._memory is None:
            await self._codec.start()  # in the background, while the first image is on its way
            async with self._fetcher.fetch(task.url) as body:
                return self._result(task, *await self._compressed(task, body))
        known = await self._memory.link(task.request, task.url)
        if known is not None:
            async with self._fetcher.fetch_if_changed(task.url, known.validators) as changed:
                if changed is not None:
                    return await self._from(task, changed, self._memory)
            result = await self._once_more(task, known.made)
            if result is not None:
                moved = self._memory.moved(known.made, task.key(known.made.format))
                if moved is not None:
                    self._memory.learn_content(task.request, moved)
                    self._memory.learn_link(task.request, task.url, moved, known.validators)
                return result
        await self._codec.start()
        async with self._fetcher.fetch(task.url) as body:
            return await self._from(task, body, self._memory)

    async def _from(self, task: Task, body: Fetched, memory: Memory) -> ImageResult:
        """A body has come: recognise or compress it, and remember both it and its link."""
        made = await memory.content(task.request, body.digest)
        result = None if made is None else await self._once_more(task, made)
        if made is None or result is None:
            made, result = await self._shared(task, body)
            memory.learn_content(task.request, made)
        elif (moved := memory.moved(made, task.key(made.format))) is not None:
            made = moved
            memory.learn_content(task.request, made)
        memory.learn_link(task.request, task.url, made, body.validators)
        return result

    async def _shared(self, task: Task, body: Fetched) -> tuple[Made, ImageResult]:
        """Compressed now, or at this moment for another place with the same content."""
        alike = (task.request.owner, task.request.options, body.digest)
        (made, link), own = await self._contents.get(alike, lambda: self._compressed(task, body))
        result = self._result(task, made, link) if own else await self._once_more(task, made)
        if result is None:  # its output is gone already
            made, link = await self._compressed(task, body)
            result = self._result(task, made, link)
        return made, result

    async def _compressed(self, task: Task, body: Fetched) -> tuple[Made, str | None]:
        """Compress and store; the output, and its link where the store has one of its own."""
        small = await self._codec.compress(body, task.request.options)
        key = task.key(small.format)
        link = await self._images.put(key, small.data, content_type=content_type(key))
        made = Made(
            address=self._memory.address(key) if self._memory else key,
            digest=digest_of(small.data) if self._memory else "",
            source=body.digest,
            kept=small.kept,
            bytes_in=body.size,
            bytes_out=len(small.data),
            width=small.width,
            height=small.height,
            format=small.format,
            quality=small.quality,
        )
        return made, link

    async def _once_more(self, task: Task, made: Made) -> ImageResult | None:
        """Store an output that is there already under this task's name too; None where it is gone, or is another by now."""
        key = task.key(made.format)
        adoption = Adoption(key, made.address, made.digest)
        if self._adopting is not None:
            return self._result(task, made, None) if await self._adopting.ask(adoption) else None
        data = await self._stored(made.address)
        if data is None or digest_of(data) != made.digest:
            return None
        return self._result(task, made, await self._images.put(key, data, content_type=content_type(key)))

    async def copied(self, task: Task, made: ImageResult) -> ImageResult | None:
        """The same link stood elsewhere in the sheet: what was made there, under this place's own name; None where it is gone."""
        assert made.key is not None
        assert made.format is not None
        key = task.key(made.format)
        if key == made.key:
            return made
        data = await self._stored(made.key)
        if data is None:
            return None
        link = await self._images.put(key, data, content_type=content_type(key))
        return replace(made, key=key, url=link or self._links.image(task.request, key))

    async def _stored(self, key: str) -> bytes | None:
        """An output; None where it is not there, or was erased while it was being looked for."""
        try:
            return b"".join([piece async for piece in self._images.read(key)])
        except NotFound:
            return None

    def _result(self, task: Task, made: Made, link: str | None) -> ImageResult:
        key = task.key(made.format)
        return ImageResult(
            state=ImageState.KEPT if made.kept else ImageState.DONE,
            round=task.product.round,
            attempts=task.before.attempts + 1,
            crashes=task.before.crashes,
            key=key,
            url=link or self._links.image(task.request, key),
            bytes_in=made.bytes_in,
            bytes_out=made.bytes_out,
            width=made.width,
            height=made.height,
            format=made.format,
            quality=made.quality,
        )
