"""The remote commands without their words: ask a server, follow a request to its end, save what it hands out."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

from halve.core.errors import HalveError, StoreFailed
from halve.doors.cli.endings import Interrupted
from halve.doors.cli.progress import progress
from halve.doors.cli.standing import over, standing_of, tell_way_back
from halve.doors.cli.terminal import STDOUT, err, nobody_reads, unwritable
from halve.outbound.remote import RemoteServer

T = TypeVar("T")

FIRST_PAUSE, LONGEST_PAUSE = 0.2, 2.0
"""Seconds between looks at a request that is followed: the first one, and what it grows to."""


def submit(
    url: str, api_key: str | None, sheet: Path, fields: dict[str, str], *, wait: bool, output: Path | None
) -> tuple[dict[str, Any], Path | None]:
    """Upload; with `wait` follow it, and save the output sheet to `output`. Returns what the server said last."""
    if output is not None:
        _check(output)

    async def work() -> tuple[dict[str, Any], Path | None]:
        async with RemoteServer(url, api_key) as server:
            body = await server.upload(sheet, fields)
            if wait:
                tell_way_back(err(), body, url)  # whoever stops waiting needs it
                body = await _followed(server, str(body["request_id"]))
                if output is not None:
                    await _saved(server, "download", str(body["request_id"]), "", output)
            return body, output

    return _run(work())


def ask(url: str, api_key: str | None, what: str, request_id: str, *, wait: bool = False) -> dict[str, Any]:
    """`status`, `cancel` or `retry`; with `wait` follow it then. Returns what the server said last."""

    async def work() -> dict[str, Any]:
        async with RemoteServer(url, api_key) as server:
            call = {"status": server.status, "cancel": server.cancel, "retry": server.retry}[what]
            body = await call(request_id)
            return await _followed(server, request_id) if wait else body

    return _run(work())


def save(url: str, api_key: str | None, request_id: str, *, kind: str, part: str, target: Path | None) -> Path:
    """Save a file of the request; a file appears when it is whole. `-` is stdout; None: named for the request. Returns it."""
    if target is not None:
        _check(target)

    async def work() -> Path:
        async with RemoteServer(url, api_key) as server:
            return await _saved(server, kind, request_id, part, target)

    return _run(work())


def _run(work: Coroutine[Any, Any, T]) -> T:
    try:
        return asyncio.run(work)
    except KeyboardInterrupt:
        raise Interrupted("What is on the server goes on there.") from None


async def _followed(server: RemoteServer, request_id: str) -> dict[str, Any]:
    pause = FIRST_PAUSE
    with progress() as display:
        while True:
            body = await server.status(request_id)
            display(standing_of(body))
            if over(body):
                return body
            await asyncio.sleep(pause)
            pause = min(pause * 1.5, LONGEST_PAUSE)


def _check(target: Path) -> None:
    """HalveError for a place where no file can come to be, before anything is waited for."""
    if target == STDOUT:
        return
    if target.is_dir():
        raise HalveError(f"{target} is a folder; name a file in it with -o.", code="not_a_file")
    if not target.parent.is_dir():
        raise HalveError(f"There is no folder {target.parent}; name another file with -o.", code="not_a_folder")


async def _saved(server: RemoteServer, kind: str, request_id: str, part: str, target: Path | None) -> Path:
    async with server.open(kind, request_id, part) as (pieces, suffix):
        if target is None:
            target = Path(f"{Path(request_id).name}{part and '-'}{part}{suffix or '.csv'}")
        if target == STDOUT:
            async for piece in pieces:
                try:
                    sys.stdout.buffer.write(piece)
                    sys.stdout.flush()
                except OSError as error:
                    nobody_reads(sys.stdout)
                    if isinstance(error, BrokenPipeError):
                        break
                    raise unwritable(error) from error
            return target
        try:
            with _written(target) as file:
                async for piece in pieces:
                    file.write(piece)
        except OSError as error:
            raise StoreFailed(f"{target} cannot be written: {error.strerror}.") from error
    return target


@contextmanager
def _written(target: Path) -> Iterator[BinaryIO]:
    """A file that appears under its name when it is whole. What is no file, such as /dev/null or a pipe, is written to as it is:
    the rename would put a file in its place.
    """
    if target.exists() and not target.is_file():
        with target.open("wb") as file:
            yield file
        return
    target = Path(os.path.realpath(target))  # what a link leads to is replaced, not the link, unless it leads to itself
    temporary = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        with temporary.open("wb") as file:
            yield file
        temporary.replace(target)
    finally:
        with suppress(OSError):
            temporary.unlink()
