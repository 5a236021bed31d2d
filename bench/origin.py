"""A web server that costs next to nothing: files from memory, keep-alive, a latency before each answer.

    python -m bench.origin FOLDER --latency 0.2

Prints its port. A client that is measured should not be held up by what serves it, so this is a bare protocol on uvloop.
"""

from __future__ import annotations

import argparse
import asyncio
from pathlib import Path
from typing import cast

import uvloop


class Serving(asyncio.Protocol):
    def __init__(self, answers: dict[bytes, bytes], latency: float) -> None:
        self.answers = answers
        self.latency = latency
        self.read = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self.read += data
        while (end := self.read.find(b"\r\n\r\n")) >= 0:
            request, self.read = self.read[:end], self.read[end + 4 :]
            path = request.split(b" ", 2)[1].partition(b"?")[0].lstrip(b"/")
            answer = self.answers.get(path, b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
            if self.latency:
                asyncio.get_running_loop().call_later(self.latency, self.answer, answer)
            else:
                self.answer(answer)

    def answer(self, answer: bytes) -> None:
        if not self.transport.is_closing():
            self.transport.write(answer)


async def main(folder: Path, latency: float) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n"
    answers = {file.name.encode(): head % file.stat().st_size + file.read_bytes() for file in folder.glob("*.jpg")}
    server = await asyncio.get_running_loop().create_server(lambda: Serving(answers, latency), "127.0.0.1", 0, backlog=2048)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--latency", type=float, default=0.0, help="seconds")
    arguments = parser.parse_args()
    uvloop.run(main(arguments.folder, arguments.latency))
