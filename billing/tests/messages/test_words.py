"""What each mail says, in its subject, its text and its laid-out page."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from accounts.models import User
from billing import metering
from billing.models import Chatbot, Message, Plan, Purchase
from billing.services import settlement, subscriptions
from billing.tests.messages.conftest import Mail, Tell, page_of
from billing.tests.people import begin_paid_cycle, give

RESET = datetime(2025, 4, 10, tzinfo=UTC)
MailOf = Callable[..., Mail]


def use(user: User, credits_: int, now: datetime, *, feature: str = "gpt-4o-mini") -> None:
    """Use a feature for so many credits."""
    user.wallet.refresh_from_db()
    per_use = {"gpt-4o-mini": 1_000, "dall-e-3-standard": 40, "web-search": 5}
    quantity = credits_ * 1_000 if feature == "gpt-4o-mini" else credits_ // per_use[feature]
    key = f"use {user.wallet.sequence}"
    metering.charge(wallet=user.wallet, feature=feature, quantity=quantity, key=key, now=now)


def raised(user: User, kind: str) -> Message:
    """Return the newest message of a kind that the services raised."""
    return Message.objects.filter(wallet=user.wallet, kind=kind).order_by("-id")[0]


def test_welcome(tell: Tell, mail_of: MailOf) -> None:
    mail = mail_of(tell("welcome"))
    assert mail.subject == "Welcome to CleverAI"
    assert mail.to == ["alice@example.com"]
    assert "Hello Alice,\n\nYour wallet is ready. You are on Free, and 100 credits are waiting for you." in mail.body
    assert "- Plan: Free\n- Monthly credits: 100 credits\n- Next reset: 10 Apr 2025" in mail.body
    assert "Open billing:\nhttp://127.0.0.1:8000/settings/billing/\n" in mail.body
