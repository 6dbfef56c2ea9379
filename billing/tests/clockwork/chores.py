"""Things to do for the clockwork, through the doors that make them in life, and what came of them."""

import hashlib
import hmac
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count
from typing import Any

from allauth.account.models import EmailAddress
from django.conf import settings
from django.db import transaction
from django.test import Client
from django.utils import timezone
from django_mail_viewer.backends.database.models import EmailMessage

from accounts.models import User
from billing import gateway, metering
from billing.models import Message, StripeEvent, Wallet
from billing.tests.clockwork.machinery import locked
from billing.tests.people import FREE_ALLOWANCE, give, sign_up

WEBHOOK = "/stripe/webhook/"
PACK = 30_000
SPENT = 25_000
#: Free's allowance is spent but for 15 credits, which is below 20 %.
CROSSING = FREE_ALLOWANCE - 15_000


def customer(name: str, *, at: datetime) -> User:
    """Return somebody who signed up and confirmed the address, bought a pack and spent some of the allowance.

    All of it is committed at once: a worker that came in between would settle the wallet and leave no past to act in.
    """
    with transaction.atomic():
        user = sign_up(name, at=at)
        EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
        give(user.wallet, PACK, now=at)
        metering.charge(wallet=user.wallet, feature="gpt-4o-mini", quantity=SPENT, key="spent", now=at)
    return user


@dataclass
class Chores:
    """What was asked of the clockwork so far: resets, warnings to mail and events of Stripe's to follow."""

    due: list[Wallet] = field(default_factory=list)
    warned: list[Wallet] = field(default_factory=list)
    events: list[str] = field(default_factory=list)

    def add(self, name: str, *, at: datetime) -> None:
        """Add one of each: a wallet due since `at`, a warning that is raised now, and an event that Stripe posts."""
        self.due.append(customer(f"due-{name}", at=at).wallet)
        spender = sign_up(f"spender-{name}", at=timezone.now())
        EmailAddress.objects.create(user=spender, email=spender.email, verified=True, primary=True)
        metering.charge(
            wallet=spender.wallet, feature="gpt-4o-mini", quantity=CROSSING, key="crossing", now=timezone.now()
        )
        self.warned.append(spender.wallet)
        self.events.append(f"evt_{name}")
        assert post_event(self.events[-1]) == 200

    def are_done(self) -> bool:
        """Return whether nothing is left to do."""
        return not (
            Wallet.objects.filter(next_due_at__lte=timezone.now()).exists()
            or Message.objects.filter(mail=Message.Mail.WAITING).exists()
            or StripeEvent.objects.filter(status=StripeEvent.Status.PENDING).exists()
        )

    def check(self) -> None:
        """Each was done once: one reset with the pack untouched, one mail each, one look at each event."""
        for wallet in self.due:
            kinds = list(wallet.entries.order_by("sequence").values_list("kind", flat=True))
            assert kinds == ["grant", "grant", "charge", "expiry", "grant"]
            wallet.refresh_from_db()
            assert (wallet.available, wallet.cycle) == (FREE_ALLOWANCE + PACK, 2)
            assert mails_to(wallet) == ["cycle_reset"]
        for wallet in self.warned:
            assert mails_to(wallet) == ["low_credits"]
        done = StripeEvent.objects.filter(stripe_event_id__in=self.events, status=StripeEvent.Status.IGNORED)
        assert sorted(done.values_list("stripe_event_id", "attempts")) == sorted((name, 1) for name in self.events)


@contextmanager
def half_settled(chores: Chores, name: str, *, at: datetime) -> Iterator[int]:
    """Have a wallet whose settling can't get beyond its middle, beside two others that can be settled.

    Yields the process that whoever settles it waits for.
    """
    for attempt in count():
        wallets = [customer(f"half-{name}-{attempt}-{each}", at=at).wallet for each in range(3)]
        chores.due += wallets
        with locked("billing_subscription", "wallet_id", wallets[-1].pk) as pid:
            wallets[-1].refresh_from_db()
            if wallets[-1].cycle == 1:  # else a worker was quicker than this lock
                yield pid
                return


def mails_to(wallet: Wallet) -> list[str]:
    """Return the kinds of the messages that were mailed, after a look that as many mails did leave."""
    sent = Message.objects.filter(wallet=wallet, mail=Message.Mail.SENT).order_by("pk")
    assert wallet.owner is not None
    left = EmailMessage.objects.filter(parent=None, message_headers__contains=wallet.owner.email).count()
    assert left == len(sent)
    return list(sent.values_list("kind", flat=True))


def post_event(event_id: str) -> int:
    """Post an event that Stripe signed, of a type that we never asked for, and return the answer's status."""
    moment = int(timezone.now().timestamp())
    event: dict[str, Any] = {
        "id": event_id,
        "object": "event",
        "type": "invoice.created",
        "api_version": gateway.API_VERSION,
        "livemode": False,
        "created": moment,
        "data": {"object": {"id": "in_1", "object": "invoice"}},
    }
    body = json.dumps(event).encode()
    digest = hmac.new(
        settings.STRIPE_WEBHOOK_SECRETS[0].encode(), f"{moment}.".encode() + body, hashlib.sha256
    ).hexdigest()
    answer = Client().post(
        WEBHOOK, body, content_type="application/json", headers={"stripe-signature": f"t={moment},v1={digest}"}
    )
    return answer.status_code
