"""A web server that costs next to nothing: files from memory, keep-alive, a latency before each answer.

    python -m bench.origin FOLDER --latency 0.2

Prints its port. A client that is measured should not be held up by what serves it, so this is a bare protocol on uvloop.

Each URL has bytes of its own, or pictures that are the same would be compressed once: the query is in a JPEG's comment. There is
an entity tag for each, and 304 for whoever has it, but not below `/plain/`. `/bodies` tells how many bodies were sent.
"""

from __future__ import annotations

import argparse
import asyncio
from pathlib import Path
from typing import cast

import uvloop

START = b"\xff\xd8"
"""What a JPEG begins with; a comment may follow at once (ITU T.81, B.2.1 and B.2.4.5)."""


class Serving(asyncio.Protocol):
    bodies = 0

    def __init__(self, files: dict[bytes, bytes], latency: float) -> None:
        self.files = files
        self.latency = latency
        self.read = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self.read += data
        while (end := self.read.find(b"\r\n\r\n")) >= 0:
            request, self.read = self.read[:end], self.read[end + 4 :]
            if self.latency:
                asyncio.get_running_loop().call_later(self.latency, self.answer, request)
            else:
                self.answer(request)

    def answer(self, request: bytes) -> None:
        if not self.transport.is_closing():
            self.transport.writelines(self.pieces(request))

    def pieces(self, request: bytes) -> list[bytes]:
        path, _, query = request.split(b" ", 2)[1].partition(b"?")
        folder, _, name = path.rpartition(b"/")
        rest = self.files.get(name)
        if path == b"/bodies":
            told = b"%d" % Serving.bodies
            return [b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(told), told)]
        if rest is None:
            return [b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"]
        tag = b"" if folder == b"/plain" else b'ETag: "%b-%b"\r\n' % (name, query)
        if tag and tag[6:-2] in request:
            return [b"HTTP/1.1 304 Not Modified\r\n%b\r\n" % tag]
        Serving.bodies += 1
        start = START + b"\xff\xfe" + (len(query) + 2).to_bytes(2, "big") + query
        head = b"HTTP/1.1 200 OK\r\n%bContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n" % (tag, len(start) + len(rest))
        return [head, start, rest]


async def main(folder: Path, latency: float) -> None:
    files = {file.name.encode(): file.read_bytes().removeprefix(START) for file in folder.glob("*.jpg")}
    server = await asyncio.get_running_loop().create_server(lambda: Serving(files, latency), "127.0.0.1", 0, backlog=2048)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--latency", type=float, default=0.0, help="seconds")
    arguments = parser.parse_args()
    uvloop.run(main(arguments.folder, arguments.latency))
