"""The e-mail that tells a shop's owner that a sheet is done: plain text, the same as HTML, and the sheet itself.

Whatever comes from a sheet or a server (file name, product, error) is made one printable line before it gets anywhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, localtime

from jinja2 import Environment

from halve.core.models import Delivery, Request, Status
from halve.core.ports import Mail
from halve.core.sheet.encoding import charset
from halve.core.sizes import in_words, number, percent_less
from halve.core.visible import legible
from halve.outbound.letter_html import TEMPLATE
from halve.outbound.mailbox import check_address

_html = Environment(autoescape=True).from_string(TEMPLATE)


@dataclass(frozen=True, slots=True)
class Words:
    """What the message says, for both of its forms."""

    headline: str
    saving: str
    numbers: tuple[tuple[str, str], ...]
    sheet: str
    link: str
    failures: tuple[str, ...]
    more: str
    failed_link: str
    footer: str


def compose(delivery: Delivery, mail: Mail, sender: Address) -> EmailMessage:
    """The message; its Message-ID follows from the delivery, so that a repetition is known as one.

    Raises OptionRefused if the delivery's target is no address.
    """
    words = _words(mail)
    message = EmailMessage(policy=SMTP)
    message["From"] = sender
    message["To"] = Address(addr_spec=check_address(delivery.target))
    message["Subject"] = _subject(mail.request)
    message["Date"] = format_datetime(localtime())
    message["Message-ID"] = f"<{delivery.id}@{sender.domain}>"
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no holiday notices back
    message["X-Auto-Response-Suppress"] = "All"  # the same for Exchange
    message.set_content(_plain(words), cte="quoted-printable")
    message.add_alternative(_html.render(words=words), subtype="html", cte="quoted-printable")
    if mail.attachment is not None:
        encoding = {"charset": charset(mail.attachment, whole=True) or "utf-8"}
        message.add_attachment(mail.attachment, maintype="text", subtype="csv", filename="output.csv", params=encoding)
    return message


def _words(mail: Mail) -> Words:
    request = mail.request
    left = request.failed_images - len(mail.failures)
    return Words(
        headline=_headline(request),
        saving=_saving(request),
        numbers=tuple(_numbers(request)),
        sheet=_sheet(mail),
        link=_link(mail.output_url),
        failures=tuple(f"{one_line(name, 80)}, image {place}: {one_line(error, 120)}" for name, place, error in mail.failures),
        more=f"… and {left:,} more." if left > 0 and mail.failures else "",
        failed_link=_link(mail.failed_url or ""),
        footer=f"You get this message because this address was given when {one_line(request.filename, 80)} was uploaded. "
        f"Request {request.id}.",
    )


def _subject(request: Request) -> str:
    name = one_line(request.filename, 60)
    if request.status is Status.FAILED:
        return f"{name}: no image could be compressed"
    if request.failed_images:
        return f"{name}: {request.done_images:,} of {request.total_images:,} images compressed"
    return f"{name}: {number(request.done_images, 'image')} compressed"


def _headline(request: Request) -> str:
    name, done, total = one_line(request.filename, 80), request.done_images, request.total_images
    if request.status is Status.FAILED:
        what = f"the one image of {name} could not" if total == 1 else f"none of the {total:,} images of {name} could"
        return f"Sorry, {what} be compressed."
    if request.failed_images:
        return f"{done:,} of {total:,} images of {name} are compressed, {request.failed_images:,} failed."
    return f"{'The image' if done == 1 else f'All {done:,} images'} of {name} {'is' if done == 1 else 'are'} compressed."


def _saving(request: Request) -> str:
    share = percent_less(request.bytes_in, request.bytes_out)
    if not share:
        return ""
    return f"{in_words(request.bytes_in)} became {in_words(request.bytes_out)}: your pages load {share} % fewer image bytes."


def _numbers(request: Request) -> list[tuple[str, str]]:
    numbers = [("Images", f"{request.done_images:,} of {request.total_images:,}")]
    if request.failed_images:
        numbers.append(("Failed", f"{request.failed_images:,}"))
    if request.failed_rows:
        numbers.append(("Rows left out", f"{request.failed_rows:,}"))
    if request.bytes_in:
        numbers.append(("Before", in_words(request.bytes_in)))
        numbers.append(("After", in_words(request.bytes_out)))
        less = max(0, request.bytes_in - request.bytes_out)
        numbers.append(("Saved", f"{in_words(less)} ({percent_less(request.bytes_in, request.bytes_out)} %)"))
    return numbers


def _sheet(mail: Mail) -> str:
    what = (
        "Your sheet, which says at each image why,"
        if mail.request.status is Status.FAILED
        else "Your sheet with the links to the new images"
    )
    places = ["attached (output.csv)"] if mail.attachment is not None else []
    if _link(mail.output_url):
        return f"{what} is {', and '.join([*places, 'here'])}:"
    return f"{what} is {places[0]}." if places else ""


def _plain(words: Words) -> str:
    width = max(len(name) for name, _ in words.numbers)
    blocks = [
        " ".join(filter(None, (words.headline, words.saving))),
        "\n".join(f"{name + ':':<{width + 1}}  {value}" for name, value in words.numbers),
        "\n".join(filter(None, (words.sheet, words.link))),
    ]
    if words.failures:
        lines = [f"- {failure}" for failure in words.failures]
        blocks.append("\n".join(["What failed:", *lines, *filter(None, [words.more])]))
    if words.failed_link:
        blocks.append(f"The rows with failures alone, to be mended and uploaded again:\n{words.failed_link}")
    blocks.append(f"-- \n{words.footer}")
    return "\n\n".join(filter(None, blocks)) + "\n"


def _link(url: str) -> str:
    """A link that works from a mailbox: complete, and one line."""
    return one_line(url, 2000) if url.startswith(("http://", "https://")) else ""


def one_line(text: str, longest: int) -> str:
    """Printable, blanks made single, cut where it is too long."""
    words = " ".join(legible(text, " ").split())
    return words if len(words) <= longest else f"{words[: longest - 1].rstrip()}…"
