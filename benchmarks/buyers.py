"""People who buy, at a Stripe sandbox of this process, and what Stripe then has to tell."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any
from unittest import mock

from django.utils import timezone

from accounts.models import User
from benchmarks.posting import MARK
from billing import gateway
from billing.services import checkouts, inbox, stripe_catalog
from sandbox.stripe.engine import Engine
from sandbox.stripe.expansion import expanded
from sandbox.stripe.transport import InProcess

#: Ids that Stripe makes for what a buyer does. Those of what we sell are longer words, and stay.
BUYERS_ID = re.compile(r"\b[a-z]{2,4}_(?:test_)?[A-Za-z0-9]{14,}\b")
#: What can be asked for of a buyer's and of ours, and what dj-stripe asks for inside of it.
KINDS = {
    "charge": ["balance_transaction"],
    "checkout.session": ["line_items"],
    "customer": [],
    "invoice": [],
    "payment_intent": [],
    "payment_method": [],
    "price": [],
    "product": [],
    "subscription": [],
}

Event = dict[str, Any]


class Market:
    """One Stripe account with our catalog in it. Every buyer is new, and on Free."""

    def __init__(self) -> None:
        self._engine = Engine()
        self.http = InProcess(self._engine)
        self._numbers = count()

    @contextmanager
    def open(self) -> Iterator[None]:
        """Let the product ask this Stripe, in this process, and put our catalog on sale there."""
        with mock.patch.object(gateway.client, "http_client", return_value=self.http):
            gateway.client.client.cache_clear()
            try:
                stripe_catalog.sync(now=timezone.now())
                self._engine.take_events()
                yield
            finally:
                gateway.client.client.cache_clear()

    def buy(self, *, with_plan: bool = True) -> list[Event]:
        """Let somebody buy a pack, and then Pro; return what Stripe tells us of it, in its order."""
        user = User.objects.create_user(f"buyer-{next(self._numbers)}@bench.example")
        checkout = checkouts.begin_pack(wallet=user.wallet, pack="pack-1000", now=timezone.now())
        self._engine.pay(checkout.stripe_session_id or "")
        if with_plan:
            checkout = checkouts.begin_plan(wallet=user.wallet, plan="pro", now=timezone.now())
            self._engine.pay(checkout.stripe_session_id or "")
        return [event for event in self._engine.take_events() if event["type"] in inbox.TYPES]

    def example(self) -> tuple[list[str], dict[str, str]]:
        """Return the events of one buyer, and what Stripe answers when asked for an object, by its id.

        Behind every id that is the buyer's stands `MARK`.
        """
        events = [_marked(as_sent(event)) for event in self.buy()]
        answers = {
            _marked(item["id"]): _marked(json.dumps(expanded(self._engine, item, paths)))
            for kind, paths in KINDS.items()
            for item in self._engine.all(kind)
        }
        return events, answers


def as_sent(event: Event) -> str:
    """Return the body that Stripe sends of an event."""
    return json.dumps(event, indent=2)


def _marked(text: str) -> str:
    return BUYERS_ID.sub(lambda found: found[0] + MARK, text)
