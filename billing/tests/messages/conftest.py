"""Mails from the moment that somebody is told something to what the mail server gets."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from django.core.mail import EmailMultiAlternatives

from accounts.models import User
from billing.models import Message
from billing.services import messages, outbox
from billing.tests.stripe.shop import stripe

__all__ = ["stripe"]

Mail = EmailMultiAlternatives
Tell = Callable[..., Message]


@pytest.fixture
def tell(alice: User, now: datetime) -> Tell:
    """Tell Alice something, as services do, and return the message."""

    def tell(kind: str, *, key: str = "", at: datetime = now, **facts: Any) -> Message:
        key = key or f"{kind}:{Message.objects.count()}"
        outbox.tell(wallet=alice.wallet, kind=Message.Kind(kind), key=key, now=at, **facts)
        return Message.objects.get(wallet=alice.wallet, key=key)

    return tell


@pytest.fixture
def mail_of(mailoutbox: list[Mail], now: datetime) -> Callable[..., Mail]:
    """Deliver a message and return the mail that left."""

    def mail_of(message: Message, *, at: datetime = now) -> Mail:
        sent = len(mailoutbox)
        assert messages.deliver(message_id=message.pk, now=at) == Message.Mail.SENT
        assert len(mailoutbox) == sent + 1
        return mailoutbox[-1]

    return mail_of


def page_of(mail: Mail) -> str:
    """Return the HTML of a mail."""
    ((page, content_type),) = mail.alternatives
    assert content_type == "text/html"
    return str(page)
