"""What a mail server answered, or what kept it from answering, in one line: for whoever waits for a mail, and for the operator."""

from __future__ import annotations

import aiosmtplib

from halve.outbound.letter import one_line


def refusing(error: Exception) -> aiosmtplib.SMTPResponseException | None:
    """The answer by which the server refused, where that is what went wrong. (What is no SMTP has the code -1 in the library.)"""
    if isinstance(error, aiosmtplib.SMTPRecipientsRefused) and error.recipients:
        error = error.recipients[0]
    return error if isinstance(error, aiosmtplib.SMTPResponseException) and error.code > 0 else None


def in_words(error: Exception) -> str:
    answer = refusing(error)
    if answer is not None:
        return one_line(f"{answer.code} {answer.message}", 300)
    if isinstance(error, TimeoutError):
        return "the mail server does not answer in time"
    reason = error.message if isinstance(error, aiosmtplib.SMTPException) else error
    return one_line(f"the mail server cannot be used: {reason}", 300)
