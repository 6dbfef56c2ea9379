"""A look at Stripe that began earlier never overwrites what a later one saw, however late it is applied."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from accounts.models import User
from billing.tests.stripe.shop import Shop
from billing.tests.stripe.stories import books_of
from billing.webhooks import handler_of


@dataclass
class Change:
    """Something that a first look sees before, and a second after it changed at Stripe."""

    event_type: str
    object_id: str
    happen: Callable[[], object]


def refund_that_fails(shop: Shop, customer: User) -> Change:
    payment = shop.payment_of(shop.buy_pack(customer))
    refund_id = shop.engine.refund(payment, 400, "pending")["id"]
    return Change("refund.failed", refund_id, lambda: shop.engine.fail_refund(refund_id))


def dispute_that_is_won(shop: Shop, customer: User) -> Change:
    payment = shop.payment_of(shop.buy_pack(customer))
    dispute_id = shop.engine.dispute(payment)["id"]
    return Change("charge.dispute.closed", dispute_id, lambda: shop.engine.close_dispute(dispute_id, "won"))


def plan_that_ends(shop: Shop, customer: User) -> Change:
    shop.subscribe(customer)
    subscription_id = shop.subscription_of(customer).stripe_subscription_id
    return Change("customer.subscription.deleted", subscription_id, lambda: shop.cancel_now(subscription_id))


def plan_that_is_cancelled(shop: Shop, customer: User) -> Change:
    shop.subscribe(customer)
    subscription_id = shop.subscription_of(customer).stripe_subscription_id
    cancel = shop.engine.set_cancel_at_period_end
    return Change("customer.subscription.updated", subscription_id, lambda: cancel(subscription_id, True))


def session_that_is_paid(shop: Shop, customer: User) -> Change:
    session_id = str(shop.begin_pack(customer).stripe_session_id)
    return Change("checkout.session.completed", session_id, lambda: shop.engine.pay(session_id))


def session_that_begins_a_plan(shop: Shop, customer: User) -> Change:
    checkout = shop.begin_plan(customer)
    session_id = str(checkout.stripe_session_id)
    return Change("checkout.session.completed", session_id, lambda: shop.engine.pay(session_id))


@pytest.mark.parametrize(
    "tell",
    [
        refund_that_fails,
        dispute_that_is_won,
        plan_that_ends,
        plan_that_is_cancelled,
        session_that_is_paid,
        session_that_begins_a_plan,
    ],
)
def test_what_a_slow_worker_saw_earlier_is_dropped(
    stripe: Shop, alice: User, tell: Callable[[Shop, User], Change]
) -> None:
    change = tell(stripe, alice)
    handler = handler_of(change.event_type)
    assert handler is not None
    earlier = handler.fetch(change.object_id, now=stripe.now())
    before = books_of(alice)
    stripe.advance(seconds=1)
    change.happen()
    later = handler.fetch(change.object_id, now=stripe.now())

    handler.apply(later, now=stripe.now())
    after = books_of(alice)
    handler.apply(earlier, now=stripe.now())

    assert books_of(alice) == after != before
    handler.apply(later, now=stripe.now())
    assert books_of(alice) == after
