"""A connection that is kept from one request to the next, and what may have come over it meanwhile.

The HTTP client's own takes whatever arrives first for the answer to the next question. An origin that once sends an answer too many
would be one behind from then on, and each link would be given the picture of the one before.
"""

from __future__ import annotations

import asyncio
import re
from typing import Any

import aiohttp
from aiohttp.client_proto import ResponseHandler
from aiohttp.http import HttpProcessingError

_END_OF_HEAD = re.compile(rb"\n\r?\n")


class KeptTooLong(aiohttp.ServerDisconnectedError):
    """A connection that had served before ended, or had something else to say, before it gave an answer. A question that may be
    repeated is repeated over another one (RFC 9112, section 9.3.1).
    """


class Connection(ResponseHandler):
    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop)
        self._questions = 0
        self._answering = False

    def set_response_params(self, **params: Any) -> None:
        """Called before each request."""
        self._questions += 1
        self._answering = False
        super().set_response_params(**params)

    def is_connected(self) -> bool:
        """Asked before a connection is used again: not one over which something came that nobody had asked for."""
        return super().is_connected() and not self.should_close

    def data_received(self, data: bytes) -> None:
        """The head of an answer is handed on by itself. Bytes beyond a body's stated length, which browsers pass over too, are an
        error to the parser, and an error takes along everything that was handed on with it.
        """
        if not self._answering and (blank := _END_OF_HEAD.search(data)):
            super().data_received(data[: blank.end()])
            if blank.end() == len(data):
                return
            data = data[blank.end() :]
        super().data_received(data)  # nothing at all, too: so the parser is told to go on after a pause

    def feed_data(self, data: Any, size: int = 0) -> None:
        """Called with each head."""
        self._answering = True
        super().feed_data(data, size)

    def set_exception(self, exc: BaseException, *cause: BaseException) -> None:
        """Called where the connection ends, and where what came is no HTTP; the latter is news for whoever reads the body, too."""
        if self._questions > 1 and not self._answering:
            exc = KeptTooLong()
        super().set_exception(exc, *cause)
        body = self._payload
        if isinstance(exc, HttpProcessingError) and body is not None and not body.is_eof():
            body.set_exception(aiohttp.ClientPayloadError("the body is not framed as its head says"))
