"""Months of buying, subscribing twice, failing cards, refunds, disputes and use, over a bad line (G8, G17).

Whatever happened, in the end Stripe's objects alone say what our books must hold.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from random import Random
from typing import Any

import pytest

from accounts.models import User
from billing import gateway, metering
from billing.errors import MeteringError, PaymentError
from billing.models import (
    Checkout,
    Customer,
    Hold,
    Purchase,
    StripeEvent,
    StripePrice,
    StripeSubscription,
    Subscription,
)
from billing.services import checkouts, inbox, proof
from billing.tests.stripe.shop import FAILS_LATER_CARD, GOOD_CARD, Shop
from billing.webhooks import Handler, handler_of
from sandbox.stripe.errors import CardDeclined, Refused

STEPS = 40
LOSS, SLOW, TROUBLE = 0.2, 0.15, 0.15
#: What keeps an act from happening: too much of a payment, no credits left, a customer who is gone.
REFUSALS = (Refused, CardDeclined, PaymentError, MeteringError)
LIVE = ("active", "past_due", "unpaid")


class Months:
    """What a customer, staff and banks do, while the line between Stripe and us loses, mixes and delays."""

    def __init__(self, shop: Shop, customer: User, dice: Random) -> None:
        self.shop, self.customer, self.dice = shop, customer, dice
        self.stripe = shop.engine
        self.holds: list[Hold] = []
        self.on_the_way: list[dict[str, Any]] = []
        self.seen: list[tuple[Handler, Any]] = []
        self.reconciled_at = shop.now()

    # --- what is done ----------------------------------------------------------------------------------------------

    def buy(self) -> None:
        checkout = self.shop.begin_pack(self.customer, pack=self.dice.choice(["pack-1000", "pack-5000"]))
        self.stripe.pay(str(checkout.stripe_session_id))

    def subscribe(self) -> None:
        checkout = self.shop.begin_plan(self.customer)
        self.stripe.pay(str(checkout.stripe_session_id), card=self._card())

    def subscribe_again(self) -> None:
        """Let staff make the mistake of a second subscription."""
        customer_id = self._customer_id()
        if customer_id and self._live():
            self.stripe.set_card(customer_id, GOOD_CARD)
            items = [{"price": StripePrice.objects.get(plan_id="pro").stripe_price_id}]
            gateway.client.client().v1.subscriptions.create({"customer": customer_id, "items": items})

    def cancel(self) -> None:
        for subscription_id in self._one_of(self._live()):
            self.shop.cancel_now(subscription_id)

    def cancel_or_resume(self) -> None:
        for subscription_id in self._one_of(self._live()):
            self.stripe.set_cancel_at_period_end(subscription_id, self.dice.random() < 0.7)

    def change_card(self) -> None:
        for customer_id in self._one_of([self._customer_id()]):
            self.stripe.set_card(customer_id, self._card())

    def delete_customer(self) -> None:
        if self._customer_id() and self.dice.random() < 0.15:
            self.shop.delete_customer(self.customer)

    def refund(self) -> None:
        for payment in self._one_of(self._payments()):
            self.stripe.refund(payment, self._part(), self.dice.choice(["succeeded", "pending"]))

    def settle_refund(self) -> None:
        for refund in self._one_of(self.stripe.all("refund", status="pending")):
            self.dice.choice([self.stripe.fail_refund, self.stripe.succeed_refund])(refund["id"])

    def dispute(self) -> None:
        for payment in self._one_of(self._payments()):
            self.stripe.dispute(payment, self._part())

    def close_dispute(self) -> None:
        still = [each["id"] for each in self.stripe.all("dispute") if each["status"] not in {"won", "lost"}]
        for dispute_id in self._one_of(still):
            self.stripe.close_dispute(dispute_id, self.dice.choice(["won", "lost"]))

    def charge(self) -> None:
        metering.charge(feature="gpt-4o-mini", quantity=self.dice.randint(1, 900_000), **self._use())

    def hold(self) -> None:
        self.holds.append(metering.hold(feature="stable-diffusion", quantity=self.dice.randint(1, 200), **self._use()))

    def capture(self) -> None:
        if self.holds:
            hold = self.holds.pop(self.dice.randrange(len(self.holds)))
            quantity = self.dice.randint(1, 220)
            metering.capture(wallet=self.customer.wallet, hold=hold, quantity=quantity, now=self.shop.now())

    def release(self) -> None:
        if self.holds:
            metering.release(wallet=self.customer.wallet, hold=self.holds.pop(), now=self.shop.now())

    def look(self) -> None:
        """Open every return page there is."""
        for checkout in Checkout.objects.filter(wallet=self.customer.wallet):
            checkouts.sync(checkout=checkout, now=self.shop.now())

    def acts(self) -> list[Callable[[], None]]:
        """Return what can happen, as often as it shall come before the rarer."""
        return [
            *[self.buy, self.subscribe, self.refund, self.cancel_or_resume, self.hold, self.capture] * 2,
            *[self.charge] * 3,
            *[self.subscribe_again, self.cancel, self.change_card, self.delete_customer, self.settle_refund],
            *[self.dispute, self.close_dispute, self.release, self.look],
        ]

    # --- the line --------------------------------------------------------------------------------------------------

    def live(self) -> Iterator[str]:
        """Let one thing after another happen, and return its name."""
        for _ in range(STEPS):
            self.shop.advance(hours=self.dice.choice([0.01, 0.01, 1, 5, 30, 8 * 24, 20 * 24]))
            act = self.dice.choice(self.acts())
            with suppress(*REFUSALS):
                act()
            self.hand_over(self.dice.random())
            if self.dice.random() < 0.3 or self.shop.now() - self.reconciled_at > timedelta(days=8):
                self.shop.reconcile()
                self.reconciled_at = self.shop.now()
            yield act.__name__

    def hand_over(self, share: float) -> None:
        """Let a share of the events arrive, some of them twice or never, while workers are slow and Stripe is ill."""
        self.on_the_way += [event for event in self.shop.take_events() if event["type"] in self.shop.types]
        self.dice.shuffle(self.on_the_way)
        number = round(len(self.on_the_way) * share)
        arriving, self.on_the_way = self.on_the_way[:number], self.on_the_way[number:]
        for event in arriving:
            if self.dice.random() < LOSS:
                continue
            if self.dice.random() < SLOW:
                self._see(event)
            for _ in range(self.dice.choice([1, 1, 2])):
                self.shop.receive(event)
            for _ in range(self.dice.randint(1, 4) if self.dice.random() < TROUBLE else 0):
                self.shop.wire.fail_next(self.dice.choice([500, 429, ConnectionError("reset by peer")]))
            if self.dice.random() < 0.6:
                self.shop.work()
            self.shop.answer_again()
        self.dice.shuffle(self.seen)
        while self.seen and self.dice.random() < 0.6:
            self._apply(*self.seen.pop())

    def hear_the_rest(self) -> None:
        """Let all arrive that is still under way, and what was lost be found."""
        for event in self.on_the_way:
            self.shop.receive(event)
        while self.seen:
            self._apply(*self.seen.pop())
        for _ in range(4):
            self.shop.wait(inbox.LONGEST_DELAY)
            self.shop.work()
            self.shop.reconcile()
        self.shop.work()

    def _see(self, event: dict[str, Any]) -> None:
        handler = handler_of(event["type"])
        assert handler is not None
        fetched = handler.fetch(event["data"]["object"]["id"], now=self.shop.now())
        if fetched is not None:
            self.seen.append((handler, fetched))

    def _apply(self, handler: Handler, fetched: Any) -> None:
        with suppress(*REFUSALS):
            handler.apply(fetched, now=self.shop.now())

    # --- odds and ends ---------------------------------------------------------------------------------------------

    def _card(self) -> str:
        return self.dice.choice([GOOD_CARD, FAILS_LATER_CARD])

    def _part(self) -> int | None:
        return self.dice.choice([None, self.dice.randint(1, 900)])

    def _one_of(self, things: list[Any]) -> list[Any]:
        things = [thing for thing in things if thing]
        return [self.dice.choice(things)] if things else []

    def _live(self) -> list[str]:
        return [each["id"] for each in self.stripe.all("subscription") if each["status"] in LIVE]

    def _payments(self) -> list[str]:
        return [each["id"] for each in self.stripe.all("payment_intent", status="succeeded")]

    def _customer_id(self) -> str:
        known = Customer.objects.filter(wallet=self.customer.wallet).first()
        return (known.stripe_customer_id or "") if known else ""

    def _use(self) -> dict[str, Any]:
        return {"wallet": self.customer.wallet, "key": str(self.dice.random()), "now": self.shop.now()}


def paid_at_stripe(shop: Shop) -> set[str]:
    """Return the business keys of all that Stripe has the money for."""
    sessions = shop.engine.all("checkout.session", mode="payment", payment_status="paid")
    lines = [line for invoice in shop.engine.all("invoice", status="paid") for line in invoice["lines"]["data"]]
    return {f"checkout_session:{each['id']}" for each in sessions} | {f"invoice_line:{each['id']}" for each in lines}


def returned_at_stripe(shop: Shop, payment: str) -> int:
    """Return the cents of a payment that went back and stayed there."""
    refunds = shop.engine.all("refund", payment_intent=payment)
    disputes = shop.engine.all("dispute", payment_intent=payment)
    refunded = sum(each["amount"] for each in refunds if each["status"] in {"pending", "succeeded"})
    return refunded + sum(each["amount"] for each in disputes if each["status"] != "won")


SEEDS = [*range(6), *(pytest.param(seed, marks=pytest.mark.long) for seed in range(6, 1_000))]


@pytest.mark.parametrize("seed", SEEDS)
def test_after_random_months_the_books_hold_what_stripe_was_paid(
    stripe: Shop, alice: User, seed: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL)
    months = Months(stripe, alice, Random(seed))
    happened = []
    for act in months.live():
        happened.append(act)
        assert proof.prove(wallet_id=alice.wallet.pk) == [], happened
    months.hear_the_rest()

    assert not StripeEvent.objects.exclude(status__in=["done", "ignored"]).exists(), happened
    purchases = Purchase.objects.filter(wallet=alice.wallet).select_related("grant")
    assert {purchase.business_key for purchase in purchases} == paid_at_stripe(stripe), happened
    for purchase in purchases:
        grant = purchase.grant
        assert grant is not None
        returned = returned_at_stripe(stripe, purchase.stripe_payment_intent_id)
        assert grant.clawback_target == min(grant.amount, grant.amount * returned // purchase.cents), happened
    told = StripeSubscription.objects.values_list("stripe_subscription_id", "status")
    statuses = {each["id"]: each["status"] for each in stripe.engine.all("subscription")}
    assert dict(told) == statuses, happened
    plan = Subscription.objects.get(wallet=alice.wallet)
    if "active" in statuses.values():
        assert plan.plan_id == "pro", happened
    if not set(statuses.values()) & {"active", "past_due"}:
        assert plan.plan_id == "free", happened
