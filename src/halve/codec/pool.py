"""The pool: a fixed number of children, each with one image at work, and a fair queue before them."""

from __future__ import annotations

import asyncio
import os
import signal

from halve.codec import wire
from halve.codec.limits import MAX_SOURCE_BYTES, CodecLimits, out_of_memory
from halve.codec.process import Child, Gone, Unread, how_it_ended
from halve.codec.slot import Slot, closed
from halve.codec.turns import Turns
from halve.core.compressed import Compressed
from halve.core.errors import CodecCrashed, ImageFailed
from halve.core.options import Format, Options
from halve.core.ports import Body

_REWRITTEN = 64  # bytes by which an original with a crippled EXIF block may grow when its orientation is written anew

BRIEF = 2_000_000
"""Bytes up to which a JPEG that stays one is taken to be brief: some hundredths of a second of work. For longer work, waiting for
the parent in between costs next to nothing.
"""


def default_children() -> int:
    """As many as there are cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class _NotBegun(CodecCrashed):
    """The child died while idle, too late for that to be seen before: no image's fault, unless the next one does so too."""

    def __init__(self, how: str) -> None:
        super().__init__(f"the codec ended before it had read it ({how})")


class CodecPool:
    """Compresses images in isolated children; implements `core.ports.Codec`. Belongs to the event loop that it is used in.

    Images wait their turn in the order they came. A child that dies, hangs or lies costs the one image it has at work and is
    replaced; a cancelled call kills its child, so that no late answer can be taken for another image's. An image that was handed
    to a child that did not live to begin with it is handed to the next, and knows nothing of it.
    """

    def __init__(self, children: int | None = None, limits: CodecLimits | None = None) -> None:
        """`children`: how many images are worked on at once; None: one a core."""
        self._limits = limits or CodecLimits()
        self._children = children or default_children()
        self._slots: list[Slot] = []
        self._turns = Turns(self._slots)
        self._closed = False

    async def start(self) -> None:
        """Have all children started in the background. Calling it is optional, and repeatable. StoreFailed after `close`."""
        if self._closed:
            raise closed()
        if not self._slots:
            self._slots += [Slot(self._limits) for _ in range(self._children)]
        for slot in self._slots:
            slot.warm()

    async def close(self) -> None:
        """End all children, whatever they are doing, and wait until they are gone. Those who wait get StoreFailed. Repeatable."""
        self._closed = True
        self._turns.close()
        await asyncio.gather(*(slot.close() for slot in self._slots))

    async def compress(self, source: Body, options: Options) -> Compressed:
        """Compress one image. Raises ImageFailed; CodecCrashed where the child died, hung or lied over it; StoreFailed where
        no child can be started.
        """
        if source.size > MAX_SOURCE_BYTES:
            raise ImageFailed(f"larger than {MAX_SOURCE_BYTES // 1_000_000} MB, the most that is decoded", code="too_large")
        if not self._slots:
            await self.start()
        slot = await self._turns.next(brief=_is_brief(source, options))
        try:
            answer = await self._through(slot, source.read(), options)
        finally:
            self._turns.over(slot)
        if isinstance(answer, wire.Failure):
            raise ImageFailed(answer.message, code=answer.code)
        return answer

    async def _through(self, slot: Slot, data: bytes, options: Options) -> Compressed | wire.Failure:
        """Handed ahead if another is at work; then at work itself."""
        async with slot.door:
            ahead = slot.present if slot.at_work.locked() else None
            try:
                if ahead is not None and not await _handed_ahead(ahead, data, options):
                    ahead = None
                await slot.at_work.acquire()
            except BaseException:
                if ahead is not None:
                    slot.spoil(ahead)
                raise
        try:
            try:
                if ahead is not None and ahead is slot.present:
                    return await self._ask(slot, ahead, data, options, sent=True)
                return await self._ask(slot, await slot.child(), data, options, sent=False)
            except _NotBegun:
                return await self._ask(slot, await slot.child(), data, options, sent=False)
        finally:
            slot.at_work.release()

    async def _ask(self, slot: Slot, child: Child, data: bytes, options: Options, *, sent: bool) -> Compressed | wire.Failure:
        try:
            async with asyncio.timeout(self._limits.wall_seconds):
                if not sent:
                    await child.send(wire.job_header(options), data)
                header, body = await child.receive(max_body=len(data) + _REWRITTEN)
            answer = wire.reply(header, body)
        except TimeoutError:
            slot.replace(child, kill=True)
            raise CodecCrashed(f"gave up after {self._limits.wall_seconds:g} s", code="codec_timeout") from None
        except (Gone, wire.BadFrame) as error:
            if self._closed:
                raise closed() from None
            gone = isinstance(error, Gone)
            slot.replace(child, kill=not gone)
            if not gone:
                raise CodecCrashed("the codec gave a senseless answer") from None
            status = await child.reap()
            not_begun = isinstance(error, Unread) and child.given == child.images + 1
            raise _NotBegun(how_it_ended(status)) if not_begun else self._crashed(status) from None
        except BaseException:
            slot.replace(child, kill=True)
            raise
        child.images += 1
        if child.spoilt or (isinstance(answer, wire.Failure) and answer.retire):
            slot.replace(child, kill=True)
        elif child.images >= self._limits.images_per_child:
            slot.replace(child, kill=False)
        return answer

    def _crashed(self, status: int) -> ImageFailed:
        """What the exit status of a child says about the image that it held: what it would do again is no crash."""
        if -status == signal.SIGXCPU:
            return ImageFailed(f"takes more than {self._limits.cpu_seconds} s of computing", code="codec_timeout")
        if -status == signal.SIGTRAP:  # how GLib ends a process that it cannot get memory for
            return out_of_memory()
        return CodecCrashed(f"the codec crashed over it ({how_it_ended(status)})")


def _is_brief(source: Body, options: Options) -> bool:
    plain = options.quality != "auto" and not options.max_bytes and options.format in (Format.KEEP, Format.JPEG)
    return plain and source.size <= BRIEF and source.read().startswith(b"\xff\xd8\xff")


async def _handed_ahead(child: Child, data: bytes, options: Options) -> bool:
    """Whether it lies in the child's pipe now, whole. A child that is gone is for the image that it has at work to tell of."""
    if child.spoilt or not child.busy:
        return False
    try:
        await child.send(wire.job_header(options), data)
    except Gone:
        return False
    return True
