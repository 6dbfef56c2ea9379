"""Mails of billing, in two bodies: plain text, and the same text laid out as HTML."""

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.urls import reverse

from billing.models import ContractRequest

SITE_NAME = "CleverAI"


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
