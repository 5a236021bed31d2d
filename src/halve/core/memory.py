"""What was fetched and compressed before, so that it need not be again. A hint and no truth: it can be lost at any time.

Three things are remembered of every image, each under an opaque key, until they expire:

- its **link**: what the origin said of the version that came from there, so that it can be asked whether that is still the one;
- its **content**: what these very bytes were made into;
- the **output**: that these bytes were made here, and need not be made smaller again.

All of them lead to an output that is stored somewhere. Whoever follows one compares the output's hash, and fetches and compresses
as usual where it is gone or another: what is remembered may be out of date, what is handed out may not.

A key is a hash over the owner, the options, the codec's version and the link or content, so nobody profits from another's
pictures, or finds out by the clock that they were here; and who reads the keys learns nothing from them.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, fields, replace
from functools import lru_cache
from operator import attrgetter
from typing import Any, Protocol

from halve.core.compact import compact
from halve.core.errors import StoreFailed
from halve.core.gathered import Gathered
from halve.core.log import Log
from halve.core.models import Request
from halve.core.options import Options
from halve.core.ports import Validators

log = Log(__name__)

DAY = 86_400.0

WRITE_EVERY = 0.5
"""Seconds for which what was learnt gathers before it is written."""

AT_ONCE = 500
"""Keys that are recalled or remembered with one call."""

MOMENT = 0.02
"""Seconds for which the question after a body waits for others, where bodies come so close upon one another: a trip to the shelf
is much of what remembering costs, and many share one.
"""

LONGEST = 1_000
"""Characters of a value; what would be longer (a path, an entity tag) is not remembered."""

_SHAPE = "3"
"""Of keys and values; another number forgets everything that was remembered under this one."""


class Shelf(Protocol):
    """The part of a StateStore that this needs."""

    async def recall(self, keys: Sequence[str]) -> dict[str, str]: ...

    async def remember(self, entries: Mapping[str, str], *, seconds: float) -> None: ...


@dataclass(frozen=True, slots=True)
class Made:
    """A stored output: where it is (`address`), the digest (`core.digests`) of itself (`digest`) and of what it was made of
    (`source`), and what an ImageResult says of it. `since`: seconds since 1970 when it was stored there.
    """

    address: str
    digest: str
    source: str
    kept: bool
    bytes_in: int
    bytes_out: int
    width: int
    height: int
    format: str
    quality: int | None
    since: int = field(default_factory=lambda: round(time.time()))


@dataclass(frozen=True, slots=True)
class Known:
    """A link that was fetched before: what it was made into then, and how to ask whether it has changed."""

    made: Made
    validators: Validators


MADE = len(fields(Made))
"""Entries of a value that are a Made; of a link, its validators follow."""


class Memory:
    """Used in one event loop. `days`: how long a thing is remembered that is not met again. `codec`: the version of what
    compresses. `address`: the key of an output → where it can be found later on.
    """

    def __init__(self, shelf: Shelf, *, days: float, codec: str, address: Callable[[str], str] = str, look: bool = True) -> None:
        self._shelf = shelf
        self._seconds = days * DAY
        self._codec = codec
        self.address = address
        self._look = look
        self._links = Gathered(self._recall, most=AT_ONCE)  # those of one claim come at once
        self._contents = Gathered(self._recall, most=AT_ONCE, moment=MOMENT)
        self._learnt: dict[str, str] = {}
        self._writing: asyncio.Task[None] | None = None

    async def link(self, request: Request, url: str) -> Known | None:
        """What is known of a link."""
        found = await self._found(self._key("link", request, url), self._links)
        return None if found is None else _known(found)

    async def content(self, request: Request, digest: str) -> Made | None:
        """What bytes with that digest were made into; the bytes themselves where they are an output of ours."""
        found = await self._found(self._key("content", request, digest), self._contents)
        return None if found is None else _made(found)

    def learn_link(self, request: Request, url: str, made: Made, validators: Validators | None) -> None:
        """From now on, this link led to that. Without validators nothing is remembered, for there is nothing to ask by."""
        if validators is not None:
            self._learn(self._key("link", request, url), (*_of_made(made), *_of_validators(validators)))

    def learn_content(self, request: Request, made: Made) -> None:
        """From now on, such bytes are made into that; and what they were made into is as small as it gets."""
        self._learn(self._key("content", request, made.source), _of_made(made))
        if made.digest != made.source:
            output = replace(made, source=made.digest, kept=True, bytes_in=made.bytes_out)
            self._learn(self._key("content", request, made.digest), _of_made(output))

    def moved(self, made: Made, key: str) -> Made | None:
        """The same output where it was stored just now, if that is to be learnt: an address may be erased when its request is, and
        the newest one lasts longest; but not every output need be learnt anew every time.
        """
        return replace(made, address=self.address(key), since=round(time.time())) if time.time() - made.since > DAY else None

    async def close(self) -> None:
        """Write what was learnt last."""
        if self._writing is not None:
            self._writing.cancel()
            with suppress(asyncio.CancelledError):
                await self._writing
        await self._write()

    def _key(self, kind: str, request: Request, what: str) -> str:
        hashed = _scope(kind, self._codec, request.owner, request.options).copy()
        hashed.update(what.encode(errors="surrogatepass"))
        return hashed.hexdigest()

    # ── recalling ─────────────────────────────────────────────────────────────────────────────────────────────────────

    async def _found(self, key: str, shelf: Gathered[str, str | None]) -> list[Any] | None:
        value = self._learnt.get(key) or (await shelf.ask(key) if self._look else None)
        if value is None:
            return None
        with suppress(ValueError):
            found = json.loads(value)
            if isinstance(found, list):
                return found
        return None

    async def _recall(self, keys: Sequence[str]) -> list[str | None]:
        try:
            found = await self._shelf.recall(keys)
        except StoreFailed as error:
            log.warning("nothing recalled", reason=str(error))
            found = {}
        return [found.get(key) for key in keys]

    # ── remembering ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _learn(self, key: str, value: tuple[Any, ...]) -> None:
        text = compact(value)
        if len(text) <= LONGEST:
            self._learnt[key] = text
            if self._writing is None:
                self._writing = asyncio.create_task(self._write_soon())

    async def _write_soon(self) -> None:
        while self._learnt:
            await asyncio.sleep(WRITE_EVERY)
            await self._write()
        self._writing = None

    async def _write(self) -> None:
        learnt = list(self._learnt.items())
        for start in range(0, len(learnt), AT_ONCE):
            part = dict(learnt[start : start + AT_ONCE])
            try:
                await self._shelf.remember(part, seconds=self._seconds)
            except StoreFailed as error:
                log.warning("nothing remembered", reason=str(error))
            for key, value in part.items():
                if self._learnt.get(key) == value:
                    del self._learnt[key]


@lru_cache(256)
def _scope(kind: str, codec: str, owner: str, options: Options) -> hashlib._Hash:
    """The beginning of a key's hash, the same for all images of a request."""
    parts = json.dumps([_SHAPE, kind, codec, owner, options.words()], sort_keys=True)
    return hashlib.sha256(parts.encode(errors="surrogatepass"))


_of_made = attrgetter(*(column.name for column in fields(Made)))
_of_validators = attrgetter(*(column.name for column in fields(Validators)))
"""Their columns, in order."""


def _made(found: list[Any]) -> Made | None:
    try:
        return Made(*found[:MADE])
    except TypeError:
        return None


def _known(found: list[Any]) -> Known | None:
    made = _made(found)
    try:
        return None if made is None else Known(made, Validators(*found[MADE:]))
    except TypeError:
        return None
