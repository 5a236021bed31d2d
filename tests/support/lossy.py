"""A way to a server that is cut where a test wants it: a proxy on a free loopback port."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress


class Lossy:
    """Hands on what it gets, both ways."""

    port = 0

    def __init__(self, to: int) -> None:
        self._to = to
        self._writers: set[asyncio.StreamWriter] = set()
        self._word: bytes | None = None
        self.lost = 0

    def lose_answer_to(self, word: bytes) -> None:
        """The next thing said to the server in which this word stands arrives there; its answer does not come back."""
        self._word = word

    def cut(self) -> None:
        """All connections that there are now."""
        for writer in self._writers:
            writer.close()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, on = await asyncio.open_connection("127.0.0.1", self._to)
        cut = asyncio.Event()

        async def to_server() -> None:
            while data := await reader.read(65_536):
                if self._word is not None and self._word in data:
                    self._word = None
                    cut.set()
                on.write(data)

        async def to_client() -> None:
            while data := await there.read(65_536):
                if cut.is_set():
                    self.lost += 1
                    return
                writer.write(data)

        self._writers |= {writer, on}
        ways = {asyncio.create_task(to_server()), asyncio.create_task(to_client())}
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in ways:
                task.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            self._writers -= {writer, on}
            for end in (writer, on):
                end.close()
                with suppress(OSError):
                    await end.wait_closed()


@asynccontextmanager
async def lossy_way_to(port: int) -> AsyncIterator[Lossy]:
    lossy = Lossy(port)
    server = await asyncio.start_server(lossy.serve, "127.0.0.1", 0)
    lossy.port = server.sockets[0].getsockname()[1]
    try:
        yield lossy
    finally:
        server.close()
        lossy.cut()
        await server.wait_closed()
