"""G8: in whatever order Stripe's events come, however often, and with some of them lost, the books end the same."""

from collections.abc import Iterator, Sequence

import pytest

from accounts.models import User
from billing.models import StripeEvent
from billing.tests.people import FREE_ALLOWANCE
from billing.tests.stripe.shop import Shop
from billing.tests.stripe.stories import Books, Event, books_of, six_events
from billing.tests.stripe.undoing import undone

LONG = [pytest.mark.long, pytest.mark.timeout(14_400)]


def told_in_every_order(events: Sequence[Event], shop: Shop, customer: User) -> Iterator[tuple[list[str], Books]]:
    """Yield each order of the events by their types, with the books after it. Orders that begin alike share that."""
    if not events:
        assert not StripeEvent.objects.exclude(status__in=["done", "ignored"]).exists()
        yield [], books_of(customer)
    for event in events:
        with undone():
            shop.receive(event)
            shop.work()
            others = [other for other in events if other is not event]
            for order, books in told_in_every_order(others, shop, customer):
                yield [event["type"], *order], books


def test_all_720_orders_of_a_storys_six_events_end_in_the_same_books(stripe: Shop, alice: User) -> None:
    events = six_events(stripe, alice)
    stripe.remember_answers()

    told = list(told_in_every_order(events, stripe, alice))

    assert len(told) == 720
    in_turn = told[0][1]
    assert in_turn.plan["plan"] == "free"
    assert in_turn.wallet["available"] == FREE_ALLOWANCE + 5_000_000 - 5_000_000 * (1_234 + 2_000) // 4_500
    for order, books in told:
        assert books == in_turn, order
