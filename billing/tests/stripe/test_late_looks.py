"""A look at Stripe that began earlier never overwrites what a later one saw, however late it is applied."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest

from accounts.models import User
from billing.models import Customer, Grant, Purchase, StripeEvent
from billing.services import inbox, paid_subscriptions
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


@pytest.mark.parametrize("tell", [refund_that_fails, dispute_that_is_won, plan_that_ends, plan_that_is_cancelled])
def test_what_a_worker_with_a_slow_clock_sees_is_looked_at_again(
    stripe: Shop, alice: User, tell: Callable[[Shop, User], Change]
) -> None:
    """Another machine, whose clock is ahead, looked before the change and seems to have looked after it."""
    change = tell(stripe, alice)
    stripe.deliver()
    handler = handler_of(change.event_type)
    assert handler is not None
    ahead = stripe.now() + timedelta(seconds=40)
    handler.apply(handler.fetch(change.object_id, now=ahead), now=ahead)
    before = books_of(alice)

    change.happen()
    stripe.deliver()
    waiting = StripeEvent.objects.filter(type=change.event_type).latest("pk")
    assert (waiting.status, waiting.error) == ("pending", inbox.OVERTAKEN)
    stripe.wait(timedelta(minutes=1))
    stripe.work()

    assert books_of(alice) != before
    assert not StripeEvent.objects.exclude(status__in=["done", "ignored"]).exists()
    after = books_of(alice)
    handler.apply(handler.fetch(change.object_id, now=stripe.now()), now=stripe.now())
    assert books_of(alice) == after


def test_a_payment_that_only_an_overtaken_look_saw_is_granted(stripe: Shop, alice: User) -> None:
    """An old invoice that is paid late is in no list of the newest ones; only the look at its own event sees it."""
    stripe.subscribe(alice)
    subscription_id = stripe.subscription_of(alice).stripe_subscription_id
    stripe.renew(alice)
    renewal = stripe.engine.invoices_of(str(Customer.objects.get().stripe_customer_id))[0]["id"]
    earlier = paid_subscriptions.fetch_invoice(renewal, now=stripe.now())
    stripe.advance(seconds=1)
    later = paid_subscriptions.fetch(subscription_id, now=stripe.now())
    paid_subscriptions.apply(replace(later, invoices=later.invoices[:1]), now=stripe.now())
    assert Purchase.objects.count() == 1

    assert earlier is not None
    for _ in range(2):
        assert inbox.OVERTAKEN in paid_subscriptions.apply(earlier, now=stripe.now())

    assert Purchase.objects.filter(stripe_invoice_id=renewal).count() == 1
    assert Grant.objects.filter(wallet=alice.wallet, business_key__startswith="invoice_line:").count() == 2
