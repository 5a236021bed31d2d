"""One connection: a question is asked over it and answered, and then perhaps another one.

Whatever comes beside the answers is taken for none. Bytes behind one, or before the next question, are the end of the connection,
and a question that they are in the way of is asked over another.
"""

from __future__ import annotations

import asyncio
from typing import cast

from halve.outbound.http_fault import BadAnswer, CutShort, KeptTooLong, NoAnswer
from halve.outbound.message import Message

BUFFER = 2**19
"""Bytes of a body that wait to be taken before no more are read, until half of them are."""


class Connection(asyncio.Protocol):
    """Made by `connecting.Connector`. `message`: the answer to the latest question, or what came before the first."""

    def __init__(self) -> None:
        self.message = Message()
        self._transport: asyncio.Transport | None = None
        self._wire: asyncio.Transport | None = None
        self._questions = 0
        self._error: Exception | None = None
        self._paused = False
        self._waiter: asyncio.Future[None] | None = None

    @property
    def reusable(self) -> bool:
        """Whether another question may be asked: the last one was answered whole, and nothing came or went since."""
        transport, message = self._transport, self.message
        answered = message.over and message.clean and not message.waiting and not self._paused
        return answered and transport is not None and not transport.is_closing()

    async def ask(self, question: bytes) -> Message:
        """Send a request, wait for the head of its answer. Raises HttpFault, OSError."""
        assert self._transport is not None
        if self._questions:
            self.message = Message()  # before the first, a server may have answered already that it is too busy
        message = self.message
        self._questions += 1
        if not self._transport.is_closing():
            self._transport.write(question)
        while not message.begun:
            if self._error is not None:
                raise KeptTooLong if self._questions > 1 else self._error
            await self._news()
        return message

    async def piece(self) -> bytes:
        """The next bytes of the answer's body; none at its end. Raises CutShort."""
        message = self.message
        while not message.waiting and not message.over:
            if self._error is not None:
                raise CutShort
            await self._news()
        piece = message.take()
        if self._paused and message.waiting <= BUFFER // 2 and (wire := self._wire) is not None and not wire.is_closing():
            self._paused = False
            wire.resume_reading()
        return piece

    def secured(self, tls: asyncio.Transport) -> None:
        """TLS was put over the transport that it was made with. Reading is paused below it: what a paused TLS transport has in hand
        when the server hangs up, uvloop throws away.
        """
        self._transport = tls

    def close(self) -> None:
        """At once. Repeatable."""
        if self._transport is not None:
            self._transport.abort()

    async def _news(self) -> None:
        self._waiter = asyncio.get_running_loop().create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    # ── called by the event loop ──────────────────────────────────────────────────────────────────────────────────────

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = self._wire = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        message, wire = self.message, self._wire
        assert wire is not None
        try:
            message.feed(data)
        except BadAnswer as error:
            self._ended(error)
        if message.over and not message.clean:
            self.close()
        elif message.waiting > BUFFER and not message.over and not self._paused:
            self._paused = True
            wire.pause_reading()
        self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        if exc is None:
            self.message.hung_up()
        self._ended(exc or NoAnswer())

    def _ended(self, error: Exception) -> None:
        self._error = self._error or error
        self.close()
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
