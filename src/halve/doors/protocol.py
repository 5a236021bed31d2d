"""uvicorn's HTTP/1.1, with manners of our own towards what is no request, or takes for ever to become one, or to be answered.

What comes before a request is understood never reaches the application, so its errors are made here: problems, as all others are.
"""

from __future__ import annotations

import asyncio
import re
import sys

import h11
from starlette.requests import Request as HttpRequest
from uvicorn.protocols.http.h11_impl import STATUS_PHRASES, H11Protocol

from halve.doors.api.headers import ALWAYS
from halve.doors.api.problems import Problem, answer

HEAD_BYTES = 65_536
"""Bytes that the head of a request may have."""

HEAD_WITHIN = 20.0
"""Seconds within which the head of a request must have come. A connection that never ends its head would stay open for ever."""

TAKEN_WITHIN = 300.0
"""Seconds within which some of an answer must be taken. Who never reads it would keep its place, among archives say, for ever."""

LINGER = 2.0
"""Seconds for which what still comes is thrown away after a refusal. A connection closed at once is reset, and the answer lost."""

_ABSOLUTE = re.compile(rb"https?://([^/?]*)(/?[^?]*)(.*)", re.IGNORECASE)


class _Connection(h11.Connection):
    """h11's, with what else RFC 9112 asks of a server."""

    def next_event(self) -> h11.Event | type[h11.NEED_DATA] | type[h11.PAUSED]:
        waiting = len(self.trailing_data[0]) if self.their_state is h11.IDLE else 0
        event = super().next_event()
        if not isinstance(event, h11.Request):
            return event
        if waiting - len(self.trailing_data[0]) > HEAD_BYTES:  # h11 minds only heads of which the end has not come yet
            raise h11.RemoteProtocolError("its head is too large", error_status_hint=431)
        told = dict(event.headers)
        if b"transfer-encoding" in told and (b"content-length" in told or event.http_version < b"1.1"):
            # 6.1: what is before us may have seen another end of this body, and so other requests behind it.
            raise h11.RemoteProtocolError("it is not clear where its body ends")
        if absolute := _ABSOLUTE.fullmatch(event.target):  # 3.2.2: as proxies are asked, and any server may be
            host, path, query = absolute.groups()
            headers = [(b"Host", host), *((name, value) for name, value in event.headers if name != b"host")]
            return h11.Request(method=event.method, target=(path or b"/") + query, headers=headers, http_version=event.http_version)
        return event


class CarefulHttp(H11Protocol):
    _clock: asyncio.TimerHandle | None = None
    _taken: asyncio.TimerHandle | None = None
    _refused = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.conn = _Connection(h11.SERVER, HEAD_BYTES)
        self._mind_the_head()

    def data_received(self, data: bytes) -> None:
        if not self._refused:
            super().data_received(data)
            self._mind_the_head()

    def eof_received(self) -> bool:  # type: ignore[override]
        """Whether to keep the connection though nothing more will come: until a request that is all there has its answer.

        Whoever goes while the answer comes is taken to be gone: there is no telling, and a stream would go on for nobody.
        """
        waits = self.cycle is not None and not self.cycle.more_body and not self.cycle.response_started and not self._refused
        if waits and self.conn.their_state in (h11.DONE, h11.MUST_CLOSE) and not self.conn.trailing_data[0]:
            self.conn.receive_data(b"")
            self.conn.next_event()  # they are known to have closed, so the connection is closed after the answer
        return waits

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_the_clock()
        self._stop_waiting()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._taken = self.loop.call_later(TAKEN_WITHIN, self.transport.abort)

    def resume_writing(self) -> None:
        self._stop_waiting()
        super().resume_writing()

    def _stop_waiting(self) -> None:
        if self._taken is not None:
            self._taken.cancel()
            self._taken = None

    def _should_upgrade(self) -> bool:
        """Never, and that is no cause for a warning: clients as common as Java's ask for HTTP/2 with each new connection."""
        return False

    def send_400_response(self, msg: str) -> None:
        error = sys.exception()
        if isinstance(error, h11.RemoteProtocolError) and error.error_status_hint == 431:
            detail = f"The head of this request is larger than the {HEAD_BYTES:,} bytes that are taken here."
            self._refuse(Problem(431, "head_too_large", detail))
        else:
            self._refuse(Problem(400, "malformed_http", f"This is no HTTP request: {error}."))

    def _mind_the_head(self) -> None:
        """Between requests uvicorn minds the time itself, until the first byte of the next one."""
        if self._refused:
            return
        if self.conn.their_state is not h11.IDLE or self.transport.is_closing():
            self._stop_the_clock()
        elif self._clock is None:
            self._clock = self.loop.call_later(HEAD_WITHIN, self._too_slow)

    def _stop_the_clock(self) -> None:
        if self._clock is not None:
            self._clock.cancel()
            self._clock = None

    def _too_slow(self) -> None:
        self._refuse(Problem(408, "timeout", f"The head of a request did not come within {HEAD_WITHIN:g} s."))

    def _refuse(self, problem: Problem) -> None:
        if self.transport.is_closing():
            return
        self._refused = True
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            self._tell(problem)
        if self.cycle is not None:
            self.cycle.disconnected = True  # or the application, which may have begun, would answer once more
            self.cycle.message_event.set()
        self.transport.write_eof()
        self._stop_the_clock()
        self._clock = self.loop.call_later(LINGER, self.transport.close)

    def _tell(self, problem: Problem) -> None:
        told = answer(HttpRequest({"type": "http", "path": "", "headers": []}), problem)
        always = [(name.encode(), value.encode()) for name, value in ALWAYS.items()]
        headers = [*self.server_state.default_headers, *told.raw_headers, *always, (b"connection", b"close")]
        asked_for_a_head = self.conn.our_state is h11.SEND_RESPONSE and self.scope is not None and self.scope["method"] == "HEAD"
        for event in (
            h11.Response(status_code=told.status_code, headers=headers, reason=STATUS_PHRASES[problem.status]),
            h11.Data(data=b"" if asked_for_a_head else bytes(told.body)),
            h11.EndOfMessage(),
        ):
            self.transport.write(self.conn.send(event) or b"")
