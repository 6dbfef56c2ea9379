"""A Checkout that two requests work on at once: nothing is sold twice, and nothing that closed opens again."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connection

from accounts.models import User
from billing import gateway
from billing.errors import AlreadySubscribed
from billing.models import Checkout, Purchase, StripePrice
from billing.services import checkouts
from billing.tests.stripe.shop import Shop


def test_a_plan_that_is_paid_while_a_second_click_is_under_way_is_not_opened_again(alice: User, stripe: Shop) -> None:
    """The second request has seen that Alice pays for nothing; the first is fulfilled before it locks her wallet."""
    stripe.begin_plan(alice)
    waited = []

    def fulfil_first(execute: Callable[..., object], sql: str, *rest: object) -> object:
        if sql.startswith("SAVEPOINT") and not waited:
            waited.append(sql)
            stripe.engine.pay(Checkout.objects.get().stripe_session_id)
            stripe.deliver()
        return execute(sql, *rest)

    with connection.execute_wrapper(fulfil_first), pytest.raises(AlreadySubscribed):
        stripe.begin_plan(alice)

    assert waited
    assert Checkout.objects.get().status == Checkout.Status.COMPLETE
    assert len(stripe.engine.all("checkout.session")) == 1


def test_a_checkout_that_was_given_up_stays_closed_when_its_session_turns_up_and_is_granted_once_paid(
    alice: User, stripe: Shop
) -> None:
    old = stripe.begin_pack(alice)
    session_id = str(old.stripe_session_id)
    Checkout.objects.filter(pk=old.pk).update(stripe_session_id=None, created_at=stripe.now() - timedelta(hours=23.5))
    new = stripe.begin_pack(alice)
    assert new.pk != old.pk

    checkouts.sync_session(session_id=session_id, now=stripe.now())
    old.refresh_from_db()
    assert (old.status, old.stripe_session_id) == (Checkout.Status.EXPIRED, session_id)

    stripe.engine.pay(session_id)
    stripe.deliver()
    old.refresh_from_db()
    assert old.status == Checkout.Status.COMPLETE
    assert Purchase.objects.get().stripe_session_id == session_id


def test_a_second_session_of_one_checkout_is_granted_for_itself_when_it_was_paid(alice: User, stripe: Shop) -> None:
    """Both were paid: money is never kept without its credits, and the Checkout keeps its own session."""
    checkout = stripe.begin_pack(alice)
    twin = gateway.create_session(
        mode="payment",
        price_id=StripePrice.objects.get(pack_id="pack-1000", is_current=True).stripe_price_id,
        customer_id=str(stripe.engine.session(str(checkout.stripe_session_id))["customer"]),
        checkout_id=str(checkout.pk),
        success_url="https://cleverai.example/",
        cancel_url="https://cleverai.example/",
        metadata={},
        idempotency_key="another",
    )
    stripe.engine.pay(twin.id)
    stripe.deliver()
    checkout.refresh_from_db()
    assert checkout.status == Checkout.Status.OPEN

    stripe.engine.pay(checkout.stripe_session_id)
    stripe.deliver()

    assert {purchase.stripe_session_id for purchase in stripe.purchases_of(alice)} == {
        twin.id,
        checkout.stripe_session_id,
    }
