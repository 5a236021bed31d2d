"""E-mail out: one message over SMTP, and what the mail server's answer means (RFC 5321).

The mail server is the operator's own choice, so it is not behind the guard; private addresses are the rule there.
"""

from __future__ import annotations

import asyncio
import ssl

import aiosmtplib

from halve.core.errors import OptionRefused
from halve.core.models import Delivery
from halve.core.ports import Answer, Mail
from halve.outbound.letter import compose, one_line
from halve.outbound.mailbox import read_sender
from halve.outbound.smtp_answer import in_words, refusing
from halve.outbound.smtp_url import read_smtp_url

STEP_TIMEOUT = 30.0
"""Seconds for connecting, and for each answer of the mail server."""

TIMEOUT = 110.0
"""Seconds for all of one attempt."""

LOGIN_WANTED = (530, 534, 535, 538)
"""What a server answers to whatever it is told by somebody who has not logged in, or not encrypted before (RFC 4954, RFC 3207)."""


class SmtpMailer:
    """Implements `core.ports.Mailer`. Raises OptionRefused for an impossible URL or sender; connects only to send.

    `tls`: which certificates are trusted; default: the system's.
    """

    def __init__(self, url: str, mail_from: str, *, timeout: float = TIMEOUT, tls: ssl.SSLContext | None = None) -> None:
        self._relay = read_smtp_url(url)
        self._sender = read_sender(mail_from)
        self._timeout, self._tls = timeout, tls

    async def send(self, delivery: Delivery, mail: Mail) -> Answer:
        """Make one attempt. Never raises for what the mail server or the network does.

        `over` where the server refuses sender, recipient or message for good (5xx). Everything else is worth another try, a
        refused password and a missing one too: that is the operator's to mend, and the message is not lost meanwhile.
        """
        try:
            message = compose(delivery, mail, self._sender)
        except OptionRefused as error:
            return Answer(delivered=False, text=str(error), over=True)
        try:
            async with asyncio.timeout(self._timeout):
                _, text = await aiosmtplib.send(
                    message,
                    sender=self._sender.addr_spec,
                    recipients=[delivery.target],
                    hostname=self._relay.host,
                    port=self._relay.port,
                    username=self._relay.user,
                    password=self._relay.password,
                    use_tls=self._relay.tls,
                    start_tls=self._relay.starttls,
                    tls_context=self._trust(),
                    local_hostname=self._sender.domain,
                    timeout=min(STEP_TIMEOUT, self._timeout),
                )
        except (aiosmtplib.SMTPException, OSError) as error:
            return _refusal(error)
        return Answer(delivered=True, text=one_line(f"250 {text}", 300))

    def _trust(self) -> ssl.SSLContext:
        if self._tls is None:
            self._tls = ssl.create_default_context()
        return self._tls


def _refusal(error: Exception) -> Answer:
    answer = refusing(error)
    about_mail = isinstance(answer, aiosmtplib.SMTPRecipientRefused | aiosmtplib.SMTPSenderRefused | aiosmtplib.SMTPDataError)
    over = answer is not None and about_mail and answer.code >= 500 and answer.code not in LOGIN_WANTED
    return Answer(delivered=False, text=in_words(error), over=over)
