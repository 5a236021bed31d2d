"""One child, seen from its parent: a process, a socket to talk over, and memory that both see."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import halve
from halve.codec import shared, wire
from halve.codec.limits import CodecLimits

_ENVIRONMENT = {
    "LC_ALL": "C.UTF-8",
    "VIPS_BLOCK_UNTRUSTED": "1",  # loaders that were not hardened against hostile files stay shut
    "VIPS_CONCURRENCY": "1",  # images run side by side, so threads within one only cost
    "VIPS_DISC_THRESHOLD": "8g",  # a child may write no file
    "MALLOC_ARENA_MAX": "2",  # an arena a thread reserves 64 MB of address space
    "MALLOC_MMAP_THRESHOLD_": str(16 << 20),  # memory that every image needs anew is kept, up to the next line's measure:
    "MALLOC_TRIM_THRESHOLD_": str(32 << 20),  # asking the kernel each time took a fifth of the CPU of a 2 megapixel JPEG
    "OMP_NUM_THREADS": "1",
}
_PASSED_ON = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SYSTEMROOT")  # what an interpreter may need to start at all
_START = (
    "import sys; n = int(sys.argv[1]); sys.path[:] = sys.argv[2:2 + n]; from halve.codec.child import run; run(sys.argv[2 + n:])"
)


class Gone(Exception):
    """The child is not there any more; the message says how it ended."""


class Unread(Gone):
    """So it is, and it went without having read all that it was sent."""


class Child:
    """A started child. `kill` is immediate; `reap` must follow it, or the process stays a zombie and the socket open.

    `given`: images that it was given, if only in part; `sent`: those that it was given whole; `images`: those that it has answered.
    `spoilt`: something in its pipe is not to be answered, so it must not get that far.
    """

    def __init__(self, limits: CodecLimits) -> None:
        """Start a process. Takes a few milliseconds; `greet` waits until it is ready."""
        self.given, self.sent, self.images, self.spoilt = 0, 0, 0, False
        self.socket, theirs = socket.socketpair()
        self._shared: shared.Shared | None = None
        memory = shared.make()
        try:
            if memory is not None:
                self._shared = shared.Shared(memory)
            self.socket.setblocking(False)
            for end in (self.socket, theirs):
                with contextlib.suppress(OSError):  # Linux gives as much as it allows, others all or nothing
                    end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, wire.AT_ONCE)
            self.process = subprocess.Popen(  # noqa: S603  # our own interpreter, our own code
                command(theirs.fileno(), memory, limits),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=(theirs.fileno(),) if memory is None else (theirs.fileno(), memory),
                env=_ENVIRONMENT | {name: os.environ[name] for name in _PASSED_ON if name in os.environ},
                cwd="/",
                start_new_session=True,  # Ctrl-C is for the parent alone
            )
        except BaseException:
            self._close()
            raise
        finally:
            theirs.close()
            if memory is not None:
                os.close(memory)

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def alive(self) -> bool:
        """Whether there is somebody to talk to. Who dies hangs up a moment before that can be seen of the process."""
        return self.process.poll() is None and not self._hung_up()

    @property
    def busy(self) -> bool:
        """Whether it has one image, and nothing else in its pipe."""
        return self.sent == self.images + 1

    async def greet(self) -> None:
        """Wait for its hello. Raises Gone, BadFrame, or whatever kept it from starting, as Gone."""
        header, _ = await self.receive(max_body=0)
        if "hello" not in header:
            raise Gone(str(header.get("message")))

    async def send(self, header: dict[str, object], body: bytes) -> None:
        """One frame. Raises Unread."""
        start = wire.frame(header, len(body))
        if self._shared is not None and self._shared.takes(len(body)):
            self._shared.put(shared.JOBS, self.given, body)
            body = b""
        self.given += 1
        try:
            try:
                sent = self.socket.sendmsg((start, body))  # nearly always all of it, and the child is woken once
            except BlockingIOError:
                sent = 0
            for part in (start, body):
                if sent < len(part):
                    await asyncio.get_running_loop().sock_sendall(self.socket, memoryview(part)[sent:])
                sent = max(0, sent - len(part))
        except OSError as error:
            raise Unread(str(error)) from None
        self.sent += 1

    async def receive(self, *, max_body: int) -> tuple[dict[str, object], bytes]:
        """One frame. Raises Gone at end of file, Unread where Linux says so, BadFrame where it lies."""
        header_length, body_length = wire.lengths(await self._read(wire.LENGTHS.size), max_body=max_body)
        header = wire.header(await self._read(header_length))
        if self._shared is not None and self._shared.takes(body_length):
            return header, self._shared.get(shared.REPLIES, self.images, body_length)
        return header, await self._read(body_length)

    async def _read(self, length: int) -> bytes:
        loop = asyncio.get_running_loop()
        parts = []
        while length:
            try:
                part = await loop.sock_recv(self.socket, min(length, wire.AT_ONCE))
            except ConnectionResetError as error:  # unix(7) sockets reset whoever is hung up on with bytes left to read
                raise Unread(str(error)) from None
            except OSError as error:
                raise Gone(str(error)) from None
            if not part:
                raise Gone("it ended")
            parts.append(part)
            length -= len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def _hung_up(self) -> bool:
        try:
            return not self.socket.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        except BlockingIOError:
            return False
        except OSError:
            return True

    def kill(self) -> None:
        """End it at once, whatever it is doing; also where it is stopped."""
        if self.process.poll() is None:
            self.process.kill()

    async def reap(self) -> int:
        """Hang up, and wait until the process is gone. Returns its exit status, negative for a signal. Repeatable.

        An idle child ends by itself when its parent hangs up; one that does not within a second is killed. Whoever still
        waits for an answer gets Gone.
        """
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)  # closing it at once would leave a waiting reader asleep
        waited, wait = 0.0, 0.0
        while (status := self.process.poll()) is None or waited == 0.0:
            await asyncio.sleep(wait)
            waited += wait or 0.001
            wait = min(max(wait * 2, 0.001), 0.05)
            if waited > 1.0:
                self.kill()
        self._close()
        return status

    def _close(self) -> None:
        self.socket.close()
        if self._shared is not None:
            self._shared.close()


def how_it_ended(status: int) -> str:
    """An exit status as words: `SIGSEGV`, `exit status 1`."""
    if status >= 0:
        return f"exit status {status}"
    try:
        return signal.Signals(-status).name
    except ValueError:
        return f"signal {-status}"


def command(fd: int, memory: int | None, limits: CodecLimits) -> list[str]:
    """The command that starts a child on socket `fd`: this interpreter, isolated, with our own import path and nothing else.
    `memory`: the descriptor of what is shared with it, if there is such.

    The working directory is left out of that path: pictures and secrets may be there.
    """
    here, working = str(Path(halve.__file__).resolve().parent.parent), _working_folder()
    path = list(dict.fromkeys([here, *(entry for entry in sys.path if entry not in ("", working))]))
    start = [sys.executable, "-I", "-S", "-c", _START, str(len(path)), *path]
    told = (fd, os.getpid(), limits.max_pixels, limits.memory_bytes, limits.cpu_seconds, *(() if memory is None else (memory,)))
    return [*start, *map(str, told)]


def _working_folder() -> str:
    """Empty where it was deleted, by the next release of the shop say: then there is nothing in it."""
    try:
        return str(Path.cwd())
    except OSError:
        return ""
