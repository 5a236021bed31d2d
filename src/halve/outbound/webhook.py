"""Webhooks out: one signed POST behind the guard, and what the receiver's answer means (Standard Webhooks 1.0.0)."""

from __future__ import annotations

import asyncio
import ssl
import time

from halve.core.models import Delivery
from halve.core.ports import Answer
from halve.core.visible import legible
from halve.outbound.client import Client, Response
from halve.outbound.connecting import Resolver
from halve.outbound.faults import fault
from halve.outbound.guard import Guard
from halve.outbound.http_fault import CutShort, HttpFault
from halve.outbound.retry_after import retry_after
from halve.outbound.schedule import RETRY_SCHEDULE
from halve.outbound.signing import read_secrets, sign
from halve.outbound.urls import BadURL, Target, read_url

TIMEOUT = 20.0
"""Seconds for one attempt, from the look-up of the name to the end of the answer."""

ANSWER_BYTES = 300
"""How much of the receiver's answer is kept."""

LONGEST_RETRY_AFTER = RETRY_SCHEDULE[-1]


class HttpWebhooks:
    """Implements `core.ports.WebhookSender`. Made in a running loop.

    `secret` is one, or several separated by spaces, which sign side by side. Raises OptionRefused for an impossible one.
    """

    def __init__(
        self,
        guard: Guard,
        secret: str,
        *,
        timeout: float = TIMEOUT,
        resolver: Resolver | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        read_secrets(secret)
        self._secret, self._timeout = secret, timeout
        self._client = Client(guard, accept="*/*", resolver=resolver, tls=tls)

    async def send(self, delivery: Delivery, body: bytes) -> Answer:
        """Make one attempt. `body` is JSON. Never raises for what the receiver or the network does."""
        try:
            target = read_url(delivery.target)
        except BadURL as error:
            return Answer(delivered=False, text=f"bad URL: {error}", over=True)
        try:
            async with asyncio.timeout(self._timeout):
                return await self._post(target, delivery, body)
        except TimeoutError:
            return Answer(delivered=False, text=f"no answer within {self._timeout:g} s")

    async def close(self) -> None:
        await self._client.close()

    async def _post(self, target: Target, delivery: Delivery, body: bytes) -> Answer:
        now = int(time.time())
        headers = {
            "Content-Type": "application/json",
            "webhook-id": str(delivery.id),
            "webhook-timestamp": str(now),
            "webhook-signature": sign(self._secret, str(delivery.id), now, body),
        }
        if target.authorization:
            headers["Authorization"] = target.authorization
        try:
            async with await self._client.post(target.url, headers, body) as response:
                return await _answer(response)
        except (HttpFault, OSError) as error:
            failed = fault(error, target.host)
            return Answer(delivered=False, text=str(failed))


async def _answer(response: Response) -> Answer:
    text = f"{response.status} {_printable(await _beginning(response))}".strip()
    if 200 <= response.status < 300:
        return Answer(delivered=True, text=text)
    if 300 <= response.status < 400:
        text = f"{response.status}, a redirect: webhooks do not follow them, give the address that it leads to"
    wait = retry_after(response.headers, longest=LONGEST_RETRY_AFTER)
    return Answer(delivered=False, text=text, over=response.status == 410, retry_after=wait)


async def _beginning(response: Response) -> bytes:
    """The first bytes of the body; the status has been given, so whatever happens to the rest does not matter."""
    found = b""
    try:
        async with asyncio.timeout(2):
            while len(found) < ANSWER_BYTES and (piece := await response.piece()):
                found += piece
    except (CutShort, TimeoutError):
        pass
    return found[:ANSWER_BYTES]


def _printable(body: bytes) -> str:
    words = " ".join(body.decode("utf-8", "replace").split())
    return legible(words, "")
