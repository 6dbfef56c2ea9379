"""G8: events copied up to five times, three in ten lost, in any order, between failures: the books end the same."""

import logging
from collections.abc import Callable, Sequence
from random import Random

import pytest

from accounts.models import User
from billing.models import ReconciliationRun, StripeEvent
from billing.services import inbox, proof
from billing.tests.stripe.lives import Event, Life, Step
from billing.tests.stripe.shop import Shop
from billing.tests.stripe.stories import Books, books_of
from billing.tests.stripe.undoing import undone
from billing.webhooks import handler_of

LONG = [pytest.mark.long, pytest.mark.timeout(36_000)]
LOSS, MOST_COPIES, TROUBLE, SLOW = 0.3, 5, 0.1, 0.1
STEPS, STREAMS_PER_LIFE = 12, 10


def in_turn(steps: Sequence[Step], shop: Shop, customer: User) -> Books:
    """Return the books when every event comes once, at once and in order."""
    with undone():
        for step in steps:
            shop.restore(step.snapshot)
            shop.deliver(step.events)
        return books_of(customer)


class Network:
    """What is between Stripe and us: it loses, copies, delays and mixes; and now and then Stripe doesn't answer.

    Some workers are slow: what they saw at Stripe is applied much later, after others have seen and applied more.
    """

    def __init__(self, shop: Shop, dice: Random) -> None:
        self.shop = shop
        self.dice = dice
        self.under_way: list[Event] = []
        self.seen: list[Callable[[], object]] = []

    def send(self, events: Sequence[Event]) -> None:
        """Take events over: three in ten never arrive, the others up to five times."""
        for event in events:
            if self.dice.random() >= LOSS:
                self.under_way += [event] * self.dice.randint(1, MOST_COPIES)
        self.dice.shuffle(self.under_way)

    def hand_over(self, share: float) -> None:
        """Let a share of what is under way arrive, and be handled in any order; slow workers finish afterwards."""
        number = round(len(self.under_way) * share)
        arriving, self.under_way = self.under_way[:number], self.under_way[number:]
        for event in arriving:
            if self.dice.random() < SLOW:
                self._look(event)
                continue
            if self.dice.random() < TROUBLE:
                self.shop.wire.fail_next(500)
                self.shop.wire.fail_next(ConnectionError("reset by peer"))
                self.shop.wire.fail_next(429)
            self._arrive(event)
            if self.dice.random() < 0.7:
                self.shop.work()
        self.shop.answer_again()
        self.dice.shuffle(self.seen)
        number = round(len(self.seen) * share)
        applied, self.seen = self.seen[:number], self.seen[number:]
        for apply in applied:
            apply()

    def _look(self, event: Event) -> None:
        handler = handler_of(event["type"])
        assert handler is not None
        self.shop.answer_again()
        fetched = handler.fetch(event["data"]["object"]["id"], now=self.shop.now())
        if fetched is not None:
            self.seen.append(lambda: handler.apply(fetched, now=self.shop.now()))

    def _arrive(self, event: Event) -> None:
        """A copy of a known event stays in the inbox; sometimes staff have it handled again all the same."""
        known = StripeEvent.objects.filter(stripe_event_id=event["id"]).first()
        if known is not None and self.dice.random() < 0.3:
            inbox.replay(event_id=known.pk, now=self.shop.now())
        else:
            self.shop.receive(event)


def after_a_stream(steps: Sequence[Step], shop: Shop, customer: User, dice: Random) -> Books:
    """Return the books after the events came as the network let them, and all was reconciled."""
    with undone():
        network = Network(shop, dice)
        for step in steps:
            shop.restore(step.snapshot)
            network.send(step.events)
            network.hand_over(dice.random())
        network.hand_over(1)
        shop.wait(inbox.LONGEST_DELAY)
        shop.work()
        shop.reconcile()
        assert not StripeEvent.objects.exclude(status__in=["done", "ignored"]).exists()
        assert ReconciliationRun.objects.get().findings == []
        assert proof.prove(wallet_id=customer.wallet.pk) == []
        return books_of(customer)


@pytest.mark.parametrize("lives", [6, pytest.param(2_000, marks=LONG)])
def test_sixty_streams_and_a_reconciliation_end_in_the_books_of_one_in_turn(
    stripe: Shop, alice: User, lives: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL)
    before = stripe.snapshot()
    happened = set()
    for life in range(lives):
        stripe.restore(before)
        with undone():
            steps = Life(stripe, alice, Random(life)).live(STEPS)
            happened |= {event["type"] for step in steps for event in step.events}
            told = in_turn(steps, stripe, alice)
            for stream in range(STREAMS_PER_LIFE):
                assert after_a_stream(steps, stripe, alice, Random(f"{life}.{stream}")) == told, (life, stream)
    assert happened >= {
        "checkout.session.completed",
        "customer.subscription.updated",
        "customer.subscription.deleted",
        "invoice.paid",
        "refund.created",
        "refund.failed",
        "charge.dispute.funds_withdrawn",
        "charge.dispute.funds_reinstated",
        "charge.dispute.closed",
    }
