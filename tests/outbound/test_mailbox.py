"""E-mail addresses and the mail server's URL."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from halve.core.errors import OptionRefused
from halve.outbound.email import SmtpMailer
from halve.outbound.mailbox import check_address, read_sender
from halve.outbound.smtp_url import Relay, read_smtp_url


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("anna@example.com", "anna@example.com"),
        ("  Anna.Maria+shop@Example.COM ", "Anna.Maria+shop@example.com"),
        ("o'neil_{x}@mail.example.co.uk", "o'neil_{x}@mail.example.co.uk"),
        ("info@bücher.example", "info@xn--bcher-kva.example"),
        ("root@localhost", "root@localhost"),
    ],
)
def test_an_address_is_taken(text: str, address: str) -> None:
    assert check_address(text) == address


@pytest.mark.parametrize(
    "text",
    [
        "",
        "anna",
        "@example.com",
        "anna@",
        "a@b@c",
        "anna@exa mple.com",
        "anna@-x.com",
        "anna@x..com",
        "anna@1.2.3.4",
        "an na@example.com",
        ".anna@example.com",
        "anna.@example.com",
        "an..na@example.com",
        "müller@example.com",
        "Anna <anna@example.com>",
        "a@b.c, d@e.f",
        "a@b.c\nBcc: d@e.f",
        "a@b.c\r\nRCPT TO:<x@y.z>",
        f"{'a' * 65}@example.com",
        f"a@{'b' * 250}.com",
        "a@b\0.c",
        '"a b"@example.com',
    ],
)
def test_what_is_no_address_names_the_field(text: str) -> None:
    with pytest.raises(OptionRefused, match=r"anna@example\.com") as caught:
        check_address(text)
    assert caught.value.field == "email"
    assert str(caught.value).isprintable()


@given(st.text(max_size=60))
def test_no_text_makes_reading_an_address_stumble(text: str) -> None:
    for address in (text, f"{text}@example.com", f"anna@{text}"):
        with contextlib.suppress(OptionRefused):
            assert check_address(address).isascii()
        with contextlib.suppress(OptionRefused):
            assert "\n" not in str(read_sender(address))


@pytest.mark.parametrize(
    ("text", "header"),
    [
        ("halve@example.com", "halve@example.com"),
        ("Halve <halve@example.com>", "Halve <halve@example.com>"),
        ('"Müller, Söhne" <halve@example.com>', '"Müller, Söhne" <halve@example.com>'),
    ],
)
def test_a_sender_may_have_a_name(text: str, header: str) -> None:
    assert str(read_sender(text)) == header


@pytest.mark.parametrize("text", ["", "Halve", "Halve <halve>", "a@b.c\nBcc: x@y.z", "Halve <a@b.c>\r\n"])
def test_an_impossible_sender_names_the_setting(text: str) -> None:
    with pytest.raises(OptionRefused) as caught:
        SmtpMailer("smtp://localhost", text)
    assert caught.value.field == "HALVE_MAIL_FROM"


@pytest.mark.parametrize(
    ("url", "relay"),
    [
        ("smtp://mail.example.com", Relay("mail.example.com", 25)),
        ("smtp://mail.example.com:2525/", Relay("mail.example.com", 2525)),
        ("smtp://mail.example.com?starttls=1", Relay("mail.example.com", 587, starttls=True)),
        ("smtp://u:p@mail.example.com", Relay("mail.example.com", 587, "u", "p", starttls=True)),
        ("smtp://u:p@mail.example.com?starttls=0", Relay("mail.example.com", 587, "u", "p", starttls=False)),
        ("smtp://u:p@localhost:25", Relay("localhost", 25, "u", "p")),
        (
            "smtp://u%40x:p%2F%3A%40@mail.example.com:587?starttls=true",
            Relay("mail.example.com", 587, "u@x", "p/:@", starttls=True),
        ),
        ("smtps://u:p@mail.example.com", Relay("mail.example.com", 465, "u", "p", tls=True, starttls=False)),
        ("smtps://[::1]:4650", Relay("::1", 4650, tls=True, starttls=False)),
    ],
)
def test_a_mail_servers_url_is_read(url: str, relay: Relay) -> None:
    assert read_smtp_url(url) == relay


@pytest.mark.parametrize(
    "url",
    [
        "",
        "mail.example.com",
        "http://mail.example.com",
        "smtp://",
        "smtp://u:SECRET@",
        "smtp://u@mail.example.com",
        "smtp://mail:99999",
        "smtp://mail/inbox",
        "smtp://u:SECRET/x@mail",
        "smtp://mail?tls=1",
        "smtp://mail?starttls=maybe",
        "smtps://mail?starttls=1",
        "smtp://[::1",
    ],
)
def test_an_impossible_url_names_the_setting_and_keeps_the_password(url: str) -> None:
    with pytest.raises(OptionRefused, match="HALVE_SMTP_URL") as caught:
        SmtpMailer(url, "halve@example.com")
    assert caught.value.field == "HALVE_SMTP_URL"
    assert "SECRET" not in str(caught.value)


def test_a_relay_does_not_show_its_password() -> None:
    assert "SECRET" not in repr(read_smtp_url("smtp://u:SECRET@mail.example.com"))
