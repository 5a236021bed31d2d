"""What is wrong with an answer, or keeps one from coming, where it is not an OSError."""

from __future__ import annotations


class HttpFault(Exception):
    """The base of the others."""


class TooSlow(HttpFault):
    """No connection came about in the time that it may take."""


class NoAnswer(HttpFault):
    """The server hung up without a word."""


class KeptTooLong(NoAnswer):
    """A connection that had served before ended, or had something else to say, before it gave an answer. A question that may be
    repeated is repeated over another one (RFC 9112, section 9.3.1).
    """


class BadAnswer(HttpFault):
    """What came is no HTTP, or has a head beyond all bounds."""


class CutShort(HttpFault):
    """A body ended before its end, or is not framed as its head says."""
