"""Where somebody wants to be told: e-mail addresses and webhook URLs, looked at before anything is done for them."""

from __future__ import annotations

from halve.core.errors import AddressRefused, OptionRefused
from halve.outbound.mailbox import check_address
from halve.wiring import Parts


def read_email(parts: Parts, word: str | None) -> str | None:
    """One address, read by the very code that will write to it, so that both see the same domain. None stays None.

    A single label other than `localhost` is a slip (`ann@shop`).
    """
    if word is None:
        return None
    if not parts.mail_available:
        raise OptionRefused(
            "email",
            "This server sends no e-mail: it has no mail server (HALVE_SMTP_URL). Leave `email` out, or give a `webhook_url`.",
            code="email_unavailable",
        )
    try:
        address = check_address(word)
    except OptionRefused as error:
        raise OptionRefused("email", str(error), code="bad_email") from None
    domain = address.rpartition("@")[2]
    if "." not in domain and domain != "localhost":
        raise OptionRefused("email", f"email must have a whole domain, as in anna@example.com, not {domain!r}.", code="bad_email")
    return address


def read_webhook_url(parts: Parts, word: str | None) -> str | None:
    """An http(s) URL that may be posted to, as far as can be told without asking DNS. None stays None.

    Raises OptionRefused `bad_webhook_url`, or `address_not_allowed` for localhost and private literals.
    """
    if word is None:
        return None
    try:
        parts.guard.check_url(word)
    except OptionRefused as error:
        raise OptionRefused("webhook_url", str(error), code="bad_webhook_url") from None
    except AddressRefused as error:
        raise OptionRefused("webhook_url", f"webhook_url: {error}", code=error.code) from None
    return word
