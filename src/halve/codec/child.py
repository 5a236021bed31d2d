"""The child: takes one image after the other from its parent, and gives back a smaller one or the reason why not."""

from __future__ import annotations

import gc
import os
import sys

from halve.codec import sandbox, shared, wire
from halve.codec.limits import MAX_SOURCE_BYTES, CodecLimits, out_of_memory
from halve.core.errors import HalveError
from halve.core.options import Options


def main(fd: int, parent: int, limits: CodecLimits, memory: int | None = None) -> None:
    """Serve jobs from the socket `fd` until its other end is closed. `memory`: what is shared with the parent (`shared.make`)."""
    import halve.codec.compress  # noqa: F401  # before there are limits

    ours = None if memory is None else shared.Shared(memory)
    if memory is not None:
        os.close(memory)
    sandbox.enter(limits, parent)
    gc.freeze()
    _send(fd, {"hello": os.getpid()}, b"")
    number = 0
    while (job := _receive(fd, ours, number)) is not None:
        header, data = job
        sandbox.allow_cpu(limits.cpu_seconds)
        answer, body = _answer(data, wire.job_options(header), limits)
        del data, job
        _send(fd, answer, body, ours, number)
        number += 1


def _answer(data: bytes, options: Options, limits: CodecLimits) -> tuple[dict[str, object], bytes]:
    from halve.codec.compress import compress

    try:
        done = compress(data, options, max_pixels=limits.max_pixels)
    except HalveError as error:
        return wire.failure_header(error), b""
    except MemoryError:
        return wire.failure_header(out_of_memory(), retire=True), b""
    return wire.done_header(done), done.data


def _receive(fd: int, ours: shared.Shared | None, number: int) -> tuple[dict[str, object], bytes] | None:
    prefix = _read(fd, wire.LENGTHS.size)
    if prefix is None:
        return None
    header_length, body_length = wire.lengths(prefix, max_body=MAX_SOURCE_BYTES)
    header = _read(fd, header_length)
    if ours is not None and ours.takes(body_length):
        body: bytes | None = ours.get(shared.JOBS, number, body_length)
    else:
        body = _read(fd, body_length)
    if header is None or body is None:
        return None
    return wire.header(header), body


def _read(fd: int, length: int) -> bytes | None:
    """Exactly `length` bytes, or None where the parent has gone."""
    parts = []
    while length:
        part = os.read(fd, min(length, wire.AT_ONCE))
        if not part:
            return None
        parts.append(part)
        length -= len(part)
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _send(fd: int, header: dict[str, object], body: bytes, ours: shared.Shared | None = None, number: int = 0) -> None:
    start = wire.frame(header, len(body))
    if ours is not None and ours.takes(len(body)):
        ours.put(shared.REPLIES, number, body)
        body = b""
    rest = [memoryview(start), memoryview(body)]
    while rest:
        sent = os.writev(fd, rest)
        while rest and sent >= len(rest[0]):
            sent -= len(rest.pop(0))
        if rest:
            rest[0] = rest[0][sent:]


def run(arguments: list[str]) -> None:
    """Entry of the process, see `process.command`."""
    fd, parent = int(arguments[0]), int(arguments[1])
    limits = CodecLimits(max_pixels=int(arguments[2]), memory_bytes=int(arguments[3]), cpu_seconds=int(arguments[4]))
    try:
        main(fd, parent, limits, int(arguments[5]) if arguments[5:] else None)
    except (BrokenPipeError, ConnectionResetError):
        sys.exit(0)
    except MemoryError:
        _send(fd, wire.failure_header(out_of_memory(), retire=True), b"")
        raise
    except Exception as error:
        _send(fd, {"error": "internal", "message": f"{type(error).__name__}: {error}"[:300], "retire": True}, b"")
        raise
