"""Mails of billing, in two bodies: plain text, and the same text laid out as HTML.

A template places figures and buttons where it wants them by their names; where the text has one as a paragraph of its
own, the HTML lays it out.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from email.utils import parseaddr

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.urls import reverse

from billing.models import ContractRequest, Farewell, Message

SITE_NAME = "CleverAI"
LONGEST_SUBJECT = 200
BLANK_LINES = re.compile(r"\n\s*\n")


@dataclass(frozen=True, slots=True)
class Table:
    """Figures under a title: labels and values, as text a line each."""

    title: str
    rows: tuple[tuple[str, str], ...]

    def __str__(self) -> str:
        return "\n".join([self.title, *(f"- {label}: {value}" for label, value in self.rows)])


@dataclass(frozen=True, slots=True)
class Link:
    """A place to go to: a button, or a quiet line if it is only `by_the_way`."""

    url: str
    label: str
    by_the_way: bool = False

    def __str__(self) -> str:
        return f"{self.label}:\n{self.url}"


@dataclass(frozen=True, slots=True)
class Letter:
    """A mail as it is read: the same words twice."""

    subject: str
    text: str
    html: str


@dataclass(frozen=True, slots=True)
class Footer:
    """Why somebody gets a mail and where that is changed; `unsubscribe_url` is empty where it can't be.

    Then `why` is what the mail says of itself.
    """

    preferences_url: str
    unsubscribe_url: str = ""
    topic: str = ""
    why: str = ""


def page_url(name: str, *arguments: object) -> str:
    """Return the whole address of one of billing's pages."""
    return f"{settings.SITE_URL}{reverse(page_name(name), args=arguments)}"


def page_name(name: str) -> str:
    """Return what URL patterns call a page: those below Settings → Billing go without their namespace."""
    return name if ":" in name else f"billing:{name}"


def write(kind: Message.Kind, subject: str, context: Mapping[str, object], footer: Footer) -> Letter:
    """Return the mail of this kind with these figures; its template is named like the kind."""
    subject = " ".join(subject.split())[:LONGEST_SUBJECT]
    shown = {**context, "site_name": SITE_NAME, "subject": subject, "footer": footer}
    body = _tidy(render_to_string(f"billing/email/{kind}.txt", shown))
    small_print = _tidy(render_to_string("billing/email/_footer.txt", shown))
    placed = {str(value): value for value in context.values() if isinstance(value, Table | Link)}
    layout = {**shown, "paragraphs": [placed.get(paragraph, paragraph) for paragraph in body.split("\n\n")]}
    return Letter(subject, f"{body}\n\n-- \n{small_print}\n", render_to_string("mail/layout.html", layout))


def post(letter: Letter, *, to: str, message_id: str, unsubscribe_url: str = "") -> None:
    """Send a mail that nobody has to answer; the mail program can unsubscribe at `unsubscribe_url` (RFC 8058).

    Raises OSError when the mail server doesn't take it.
    """
    headers = {"Message-ID": message_id, "Auto-Submitted": "auto-generated"}
    if unsubscribe_url:
        headers["List-Unsubscribe"] = f"<{unsubscribe_url}>"
        headers["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    mail = EmailMultiAlternatives(letter.subject, letter.text, settings.DEFAULT_FROM_EMAIL, [to], headers=headers)
    mail.attach_alternative(letter.html, "text/html")
    mail.send()


def message_id_of(message: Message) -> str:
    """Return the name that each sending of a message has, so that a repeat after a crash is known as one."""
    return _message_id("message", message.pk, message.raised_at)


def farewell(row: Farewell) -> None:
    """Say to somebody who has left that the account is gone; nobody is named, and nothing of the mail is kept.

    Raises OSError when the mail server doesn't take it.
    """
    subject = f"Your {SITE_NAME} account is deleted"
    shown = {"site_name": SITE_NAME, "subject": subject, "site_url": settings.SITE_URL}
    body = _tidy(render_to_string("billing/email/farewell.txt", shown))
    page = render_to_string("mail/layout.html", {**shown, "paragraphs": body.split("\n\n")})
    post(Letter(subject, f"{body}\n", page), to=row.address, message_id=_message_id("farewell", row.pk, row.left_at))


def contract_request(request: ContractRequest) -> None:
    """Tell sales that a customer would like a contract; an answer goes to the customer.

    Raises OSError when the mail server doesn't take it.
    """
    owner = request.wallet.owner
    page = settings.SITE_URL + reverse("admin:billing_wallet_change", args=[request.wallet_id])
    _send(
        f"Enterprise: {request.company}",
        render_to_string(
            "billing/email/contract_request.txt",
            {"contract_request": request, "owner": owner, "page": page, "site_name": SITE_NAME},
        ),
        to=settings.SALES_EMAIL,
        reply_to=owner.email if owner else "",
        button=(page, "Open the wallet"),
    )


def _message_id(noun: str, row_id: int, at: datetime) -> str:
    _, _, domain = parseaddr(settings.DEFAULT_FROM_EMAIL)[1].rpartition("@")
    return f"<{noun}.{row_id}.{int(at.timestamp())}@{domain}>"


def _tidy(text: str) -> str:
    """Return a rendered text with its paragraphs one blank line apart."""
    return "\n\n".join(paragraph.strip() for paragraph in BLANK_LINES.split(text) if paragraph.strip())


def _send(subject: str, text: str, *, to: str, reply_to: str, button: tuple[str, str]) -> None:
    """Send one mail; a paragraph that is the button's address alone becomes the button."""
    text = text.strip()
    layout = {
        "site_name": SITE_NAME,
        "subject": subject,
        "paragraphs": [paragraph for paragraph in map(str.strip, text.split("\n\n")) if paragraph],
        "button_url": button[0],
        "button_label": button[1],
    }
    message = EmailMultiAlternatives(
        subject, f"{text}\n", settings.DEFAULT_FROM_EMAIL, [to], reply_to=[reply_to] if reply_to else None
    )
    message.attach_alternative(render_to_string("mail/layout.html", layout), "text/html")
    message.send()
