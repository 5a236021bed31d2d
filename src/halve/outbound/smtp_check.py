"""Can mail be handed in? Says hello to the mail server, encrypts and logs in as for a real mail, and leaves without one."""

from __future__ import annotations

import ssl

import aiosmtplib

from halve.core.errors import StoreFailed
from halve.outbound.mailbox import read_sender
from halve.outbound.smtp_answer import in_words
from halve.outbound.smtp_url import read_smtp_url

TIMEOUT = 10.0
"""Seconds for connecting, and for each answer."""


async def greet(url: str, mail_from: str, *, tls: ssl.SSLContext | None = None) -> str:
    """How the mail server was reached, such as `mail.example.com:587, encrypted, logged in`. Raises OptionRefused, StoreFailed."""
    relay = read_smtp_url(url)
    client = aiosmtplib.SMTP(
        hostname=relay.host,
        port=relay.port,
        username=relay.user,
        password=relay.password,
        use_tls=relay.tls,
        start_tls=relay.starttls,
        tls_context=tls or ssl.create_default_context(),
        local_hostname=read_sender(mail_from).domain,
        timeout=TIMEOUT,
    )
    try:
        async with client:  # connects, encrypts, logs in
            await client.noop()  # says hello as a mail would: EHLO, or HELO to a server that knows no other
            encrypted = client.get_transport_info("sslcontext") is not None
    except (aiosmtplib.SMTPException, OSError, ValueError) as error:
        raise StoreFailed(f"{relay.host}:{relay.port}: {in_words(error).rstrip('.')}. HALVE_SMTP_URL names it") from error
    words = [f"{relay.host}:{relay.port}", "encrypted" if encrypted else "not encrypted"]
    return ", ".join([*words, "logged in"] if relay.user else words)
