"""Random lives of a customer at Stripe, kept step by step, so that their events can reach us in many ways."""

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any
from uuid import uuid4

from django.db.models import Q

from accounts.models import User
from billing import gateway
from billing.models import StripePrice
from billing.services import customers
from billing.tests.stripe.shop import Shop
from sandbox.stripe.errors import Refused

Event = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Step:
    """Stripe after something happened there, and what it tells of that."""

    snapshot: tuple[Any, ...]
    events: list[Event]


@dataclass
class Life:
    """What a customer does at Stripe, without a word of it reaching us.

    A plan that is refunded is never ended: what had expired by then could not be taken back, whenever we hear of it.
    """

    shop: Shop
    customer: User
    dice: Random
    steps: list[Step] = field(default_factory=list)
    packs: list[str] = field(default_factory=list)
    disputes: list[str] = field(default_factory=list)
    pending: list[str] = field(default_factory=list)
    subscription: str = ""
    plan_payment: str = ""
    plan_is_over: bool = False
    plan_is_refunded: bool = False

    def live(self, steps: int) -> list[Step]:
        """Let so many things happen within three weeks, and return them."""
        self.customer_id = customers.ensure_customer(wallet=self.customer.wallet, now=self.shop.now())
        self._happened()
        self.steps.clear()
        acts: list[Callable[[], object]] = [self._buy, self._buy, self._refund, self._refund, self._dispute]
        acts += [self._close_dispute, self._settle_refund, self._subscribe, self._refund_plan, self._change_plan]
        while len(self.steps) < steps:
            self.shop.advance(hours=self.dice.choice([0.01, 1, 7, 20]))
            try:
                self.dice.choice(acts)()
            except Refused:
                continue  # too much of one payment, for example
            self._happened()
        return self.steps

    def _happened(self) -> None:
        events = [event for event in self.shop.take_events() if event["type"] in self.shop.types]
        if events:
            self.steps.append(Step(self.shop.snapshot(), events))

    def _pay(self, thing: str) -> dict[str, Any]:
        """Pay on a page that somebody else opened: we only know its price and its customer."""
        price = StripePrice.objects.get(Q(pack_id=thing) | Q(plan_id=thing), is_current=True)
        session = gateway.create_session(
            mode="subscription" if price.plan_id else "payment",
            price_id=price.stripe_price_id,
            customer_id=self.customer_id,
            checkout_id=str(uuid4()),
            success_url="https://cleverai.example/",
            cancel_url="https://cleverai.example/",
            metadata={},
            idempotency_key=str(uuid4()),
        )
        return self.shop.engine.pay(session.id)

    def _buy(self) -> None:
        self.packs.append(self._pay(self.dice.choice(["pack-1000", "pack-5000"]))["payment_intent"])

    def _refund(self) -> None:
        if self.packs:
            status = self.dice.choice(["succeeded", "succeeded", "pending"])
            refund = self.shop.engine.refund(self.dice.choice(self.packs), self.dice.randint(1, 900), status)
            self.pending.append(refund["id"])

    def _settle_refund(self) -> None:
        if self.pending:
            refund_id = self.pending.pop(self.dice.randrange(len(self.pending)))
            self.dice.choice([self.shop.engine.fail_refund, self.shop.engine.succeed_refund])(refund_id)

    def _dispute(self) -> None:
        if self.packs:
            dispute = self.shop.engine.dispute(self.dice.choice(self.packs), self.dice.randint(100, 600))
            self.disputes.append(dispute["id"])

    def _close_dispute(self) -> None:
        if self.disputes:
            dispute_id = self.disputes.pop(self.dice.randrange(len(self.disputes)))
            self.shop.engine.close_dispute(dispute_id, self.dice.choice(["won", "lost"]))

    def _subscribe(self) -> None:
        if not self.subscription:
            self.subscription = str(self._pay("pro")["subscription"])
            invoice = gateway.invoices_of_subscription(self.subscription)[0]
            self.plan_payment = gateway.payment_of_invoice(invoice.id)

    def _refund_plan(self) -> None:
        if self.plan_payment and not self.plan_is_over:
            self.shop.engine.refund(self.plan_payment, self.dice.randint(1, 900))
            self.plan_is_refunded = True

    def _change_plan(self) -> None:
        if not self.subscription or self.plan_is_over:
            return
        if self.dice.random() < 0.5 and not self.plan_is_refunded:
            self.shop.cancel_now(self.subscription)
            self.plan_is_over = True
        else:
            self.shop.engine.set_cancel_at_period_end(self.subscription, self.dice.random() < 0.5)
