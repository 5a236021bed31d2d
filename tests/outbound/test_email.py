"""E-mail out, through a real mail server: the message, TLS, and what the server's answers mean."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from email.message import EmailMessage
from html.parser import HTMLParser
from typing import Any
from uuid import UUID, uuid4

import pytest
import trustme
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from halve.core.models import Delivery, DeliveryKind, Request, SheetOptions, Status
from halve.core.options import Options
from halve.core.ports import Mail
from halve.outbound.email import SmtpMailer
from tests.support.mail import Inbox, serving

ID = UUID("5d3c7bb0-40a1-4c6e-9b52-0f3f0a6f8f11")

REQUEST = Request(
    id=uuid4(), owner="", filename="spring.csv", folder="f", secret="s", options=Options(), sheet=SheetOptions(),
    base_url="https://halve.example", email="anna@example.com", status=Status.COMPLETED, total_images=1234, done_images=1234,
    total_rows=600, bytes_in=84_200_000, bytes_out=35_100_000, output_key="k", completed_at=datetime.now(UTC),
)  # fmt: skip

SHEET = "﻿Product,Süß\r\n=1,x\r\n".encode() + bytes(range(256))


@pytest.fixture
def inbox() -> Inbox:
    return Inbox()


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def certified(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost", "127.0.0.1").configure_cert(context)
    return context


@pytest.fixture
def trust(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


def mail(request: Request = REQUEST, **changes: Any) -> Mail:
    plain = Mail(request=request, failures=(), output_url="https://halve.example/download/1", failed_url=None, attachment=SHEET)
    return replace(plain, **changes)


def delivery(target: str = "anna@example.com") -> Delivery:
    return Delivery(id=ID, request_id=REQUEST.id, kind=DeliveryKind.EMAIL, target=target)


async def sent(inbox: Inbox, mail: Mail, mail_from: str = "halve@shop.example") -> EmailMessage:
    with serving(inbox) as port:
        answer = await SmtpMailer(f"smtp://127.0.0.1:{port}", mail_from).send(delivery(), mail)
    assert (answer.delivered, answer.text) == (True, "250 OK queued as 42")
    return inbox.mails[-1]


def text(message: EmailMessage, kind: str = "plain") -> str:
    part = message.get_body((kind,))
    assert part is not None
    return str(part.get_content()).replace("\r\n", "\n")


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.words = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        self.words += data


# ── the message ───────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_shops_owner_reads_what_was_done(inbox: Inbox) -> None:
    message = await sent(inbox, mail(), "Halve <halve@shop.example>")
    assert message["From"] == "Halve <halve@shop.example>"
    assert message["To"] == "anna@example.com"
    assert message["Subject"] == "spring.csv: 1,234 images compressed"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Date"].datetime.tzinfo is not None
    for kind in ("plain", "html"):
        body = text(message, kind)
        for said in (
            "All 1,234 images of spring.csv are compressed.",
            "84.2 MB became 35.1 MB: your pages load 58 % fewer image bytes.",
            "1,234 of 1,234",
            "49.1 MB (58 %)",
            "https://halve.example/download/1",
            "is attached (output.csv)",
        ):
            assert said in body, (kind, said)
        assert "ailed" not in body
    assert inbox.envelopes[0].mail_from == "halve@shop.example"
    assert inbox.envelopes[0].rcpt_tos == ["anna@example.com"]


async def test_the_sheet_is_attached_byte_for_byte(inbox: Inbox) -> None:
    (attachment,) = (await sent(inbox, mail())).iter_attachments()
    assert attachment.get_filename() == "output.csv"
    assert attachment.get_content_type() == "text/csv"
    assert attachment.get_content_charset() == "utf-8"
    assert attachment.get_payload(decode=True) == SHEET


async def test_a_sheet_too_large_is_a_link_alone(inbox: Inbox) -> None:
    message = await sent(inbox, mail(attachment=None))
    assert not list(message.iter_attachments())
    assert "attached" not in text(message)
    assert "is here:\nhttps://halve.example/download/1" in text(message)


async def test_without_a_complete_link_the_sheet_is_attached_alone(inbox: Inbox) -> None:
    assert "is attached (output.csv).\n" in text(await sent(inbox, mail(output_url="output.csv")))
    assert "Your sheet" not in text(await sent(inbox, mail(output_url="", attachment=None)))


async def test_the_same_delivery_has_the_same_message_id_at_every_attempt(inbox: Inbox) -> None:
    first, second = await sent(inbox, mail()), await sent(inbox, mail())
    assert first["Message-ID"] == second["Message-ID"] == f"<{ID}@shop.example>"


async def test_failures_are_named_and_the_rest_is_counted(inbox: Inbox) -> None:
    request = replace(REQUEST, done_images=1209, failed_images=25, failed_rows=3)
    failures = tuple((f"Mug {number}", number, "not found (404)") for number in range(1, 21))
    message = await sent(inbox, mail(request, failures=failures, failed_url="https://halve.example/download/1/failed"))
    assert message["Subject"] == "spring.csv: 1,209 of 1,234 images compressed"
    for kind in ("plain", "html"):
        body = text(message, kind)
        assert "1,209 of 1,234 images of spring.csv are compressed, 25 failed." in body
        assert "Mug 7, image 7: not found (404)" in body
        assert "… and 5 more." in body
        assert "https://halve.example/download/1/failed" in body
        assert "Rows left out" in body


async def test_a_sheet_of_one_image_that_failed_says_that_it_could_not_be_compressed(inbox: Inbox) -> None:
    request = replace(REQUEST, status=Status.FAILED, total_images=1, done_images=0, failed_images=1, bytes_in=0, bytes_out=0)
    assert "Sorry, the one image of spring.csv could not be compressed." in text(await sent(inbox, mail(request)))


async def test_a_request_of_which_nothing_came_says_so(inbox: Inbox) -> None:
    request = replace(REQUEST, status=Status.FAILED, done_images=0, failed_images=1234, bytes_in=0, bytes_out=0)
    message = await sent(inbox, mail(request, failures=(("Mug", 1, "forbidden (403)"),)))
    assert message["Subject"] == "spring.csv: no image could be compressed"
    assert "Sorry, none of the 1,234 images of spring.csv could be compressed." in text(message)
    assert "became" not in text(message)
    assert "Before" not in text(message)


@pytest.mark.parametrize(
    ("done", "total", "said"),
    [(1, 1, "The image of spring.csv is compressed."), (1, 2, "1 of 2 images of spring.csv are compressed, 1 failed.")],
)
async def test_one_image_is_not_spoken_of_as_many(inbox: Inbox, done: int, total: int, said: str) -> None:
    request = replace(REQUEST, done_images=done, total_images=total, failed_images=total - done)
    assert said in text(await sent(inbox, mail(request)))


async def test_nothing_from_a_sheet_can_forge_headers_or_markup(inbox: Inbox) -> None:
    evil = "x\r\nBcc: all@example.com\r\n\r\n<script>alert(1)</script>\u202e"
    request = replace(REQUEST, filename=evil, failed_images=1, done_images=1233)
    message = await sent(inbox, mail(request, failures=((evil, 1, evil),), output_url="javascript:alert(1)"))
    assert message["Bcc"] is None
    assert inbox.envelopes[0].rcpt_tos == ["anna@example.com"]
    assert "\n" not in message["Subject"]
    page = Tags()
    page.feed(text(message, "html"))
    assert "script" not in page.tags
    assert "a" not in page.tags
    assert "<script>alert(1)</script>" in page.words
    assert "javascript" not in text(message)


async def test_letters_beyond_ascii_arrive(inbox: Inbox) -> None:
    request = replace(REQUEST, filename="Frühjahr – 夏.csv", failed_images=1, done_images=1233)
    message = await sent(
        inbox,
        mail(
            request,
            failures=(("Süßes Törtchen 🧁", 1, "12000 × 12000 pixels"), ("\u06a9\u0641\u0634\u200c\u0647\u0627", 2, "empty")),
        ),
        "Köche <halve@shop.example>",
    )
    assert "\u06a9\u0641\u0634\u200c\u0647\u0627, image 2" in text(message)
    assert message["Subject"].startswith("Frühjahr – 夏.csv: ")
    assert message["From"] == "Köche <halve@shop.example>"
    assert "Süßes Törtchen 🧁, image 1: 12000 × 12000 pixels" in text(message)
    assert "Süßes Törtchen 🧁" in text(message, "html")


async def test_very_long_names_do_not_break_the_message(inbox: Inbox) -> None:
    request = replace(REQUEST, filename="a" * 5000 + ".csv", failed_images=1, done_images=1233)
    message = await sent(inbox, mail(request, failures=(("word " * 2000, 1, "e" * 5000),), output_url="https://x/" + "a" * 1500))
    assert len(message["Subject"]) < 120
    assert len(text(message)) < 4000
    assert "https://x/" + "a" * 1500 in text(message)
    raw = inbox.envelopes[0].content
    assert isinstance(raw, bytes)
    assert max(len(line) for line in raw.split(b"\r\n")) <= 998, "RFC 5322, section 2.1.1"


# ── the way there ─────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_starttls_with_credentials(inbox: Inbox, certified: ssl.SSLContext, trust: ssl.SSLContext) -> None:
    logins: list[LoginPassword] = []

    def check(server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: LoginPassword) -> AuthResult:
        logins.append(data)
        return AuthResult(success=data.password == b"p/w:\xc3\xbc", handled=False)

    with serving(inbox, tls_context=certified, require_starttls=True, authenticator=check, auth_required=True) as port:
        url = f"smtp://anna%40x:p%2Fw%3A%C3%BC@127.0.0.1:{port}?starttls=1"
        assert (await SmtpMailer(url, "halve@shop.example", tls=trust).send(delivery(), mail())).delivered
        assert (logins[0].login, inbox.encrypted) == (b"anna@x", [True])
        wrong = await SmtpMailer(url.replace("%BC", "%BD"), "halve@shop.example", tls=trust).send(delivery(), mail())
    assert (wrong.delivered, wrong.over) == (False, False), "the operator mends the password, and the mail is not lost"
    assert wrong.text.startswith("535 ")


async def test_smtps(inbox: Inbox, certified: ssl.SSLContext, trust: ssl.SSLContext) -> None:
    with serving(inbox, ssl_context=certified) as port:
        assert (await SmtpMailer(f"smtps://127.0.0.1:{port}", "halve@shop.example", tls=trust).send(delivery(), mail())).delivered
    assert inbox.encrypted == [True]


async def test_a_certificate_of_nobody_known_is_not_trusted(inbox: Inbox, certified: ssl.SSLContext) -> None:
    with serving(inbox, ssl_context=certified) as port:
        answer = await SmtpMailer(f"smtps://127.0.0.1:{port}", "halve@shop.example").send(delivery(), mail())
    assert (answer.delivered, answer.over) == (False, False)
    assert "ertificate" in answer.text


async def test_starttls_that_is_not_offered_sends_nothing_in_the_clear(inbox: Inbox) -> None:
    with serving(inbox) as port:
        answer = await SmtpMailer(f"smtp://127.0.0.1:{port}?starttls=1", "halve@shop.example").send(delivery(), mail())
    assert (answer.delivered, answer.over, inbox.mails) == (False, False, [])


@pytest.mark.parametrize(
    ("stage", "said", "over"),
    [
        ("rcpt", "550 no such mailbox", True),
        ("rcpt", "450 mailbox busy", False),
        ("rcpt", "530 5.7.0 Authentication required", False),
        ("data", "554 message refused", True),
        ("data", "451 try again later", False),
    ],
)
async def test_a_refusal_for_good_ends_it_and_any_other_does_not(inbox: Inbox, stage: str, said: str, over: bool) -> None:
    setattr(inbox, stage, said)
    with serving(inbox) as port:
        answer = await SmtpMailer(f"smtp://127.0.0.1:{port}", "halve@shop.example").send(delivery(), mail())
    assert (answer.delivered, answer.over, answer.text) == (False, over, said)


async def test_a_mail_server_that_is_down_is_tried_again(unused_tcp_port_factory: Callable[[], int]) -> None:
    mailer = SmtpMailer(f"smtp://127.0.0.1:{unused_tcp_port_factory()}", "halve@shop.example")
    answer = await mailer.send(delivery(), mail())
    assert (answer.delivered, answer.over) == (False, False)
    assert "cannot be used" in answer.text


async def test_a_mail_server_that_hangs_is_given_up(inbox: Inbox) -> None:
    inbox.pause = 2
    with serving(inbox) as port:
        answer = await SmtpMailer(f"smtp://127.0.0.1:{port}", "halve@shop.example", timeout=0.3).send(delivery(), mail())
    assert (answer.delivered, answer.over) == (False, False)
    assert "does not answer" in answer.text


async def test_a_target_that_is_no_address_ends_it(inbox: Inbox) -> None:
    with serving(inbox) as port:
        mailer = SmtpMailer(f"smtp://127.0.0.1:{port}", "halve@shop.example")
        for target in ("", "a@b.c\r\nRCPT TO:<x@y.z>", "a@b.c,d@e.f"):
            answer = await mailer.send(delivery(target), mail())
            assert (answer.delivered, answer.over) == (False, True)
    assert not inbox.mails
