"""The same Stripe account sells other things too, also to our customers, also on one invoice with a plan of ours."""

from dataclasses import replace
from typing import Any

import pytest

from accounts.models import User
from billing import gateway
from billing.errors import UnexpectedPayment
from billing.models import Purchase, Refund, StripeEvent, StripePrice, StripeSubscription, Subscription
from billing.services import customers, paid_subscriptions, purchases
from billing.tests.people import FREE_ALLOWANCE, sign_up
from billing.tests.stripe.shop import GOOD_CARD, Shop
from sandbox.stripe import invoices

PRO = 5_000_000


def price_of_coffee(*, monthly: bool) -> str:
    """Return a price that isn't in our catalog."""
    product = gateway.create_product(product_id=f"coffee_{monthly}", name="Coffee")
    return gateway.create_price(
        lookup_key=product.id,
        product_id=product.id,
        cents=2_900,
        interval="month" if monthly else "",
        metadata={},
        idempotency_key=product.id,
        transfer=False,
    ).id


def price_of_pro() -> str:
    return StripePrice.objects.get(plan_id="pro").stripe_price_id


def sell_coffee(stripe: Shop, customer: User, *, monthly: bool) -> dict[str, Any]:
    """Let somebody else's page sell coffee to a customer of ours, who pays; return the session."""
    session = gateway.create_session(
        mode="subscription" if monthly else "payment",
        price_id=price_of_coffee(monthly=monthly),
        customer_id=customers.ensure_customer(wallet=customer.wallet, now=stripe.now()),
        checkout_id="order 7",
        success_url="https://coffee.example/",
        cancel_url="https://coffee.example/",
        metadata={},
        idempotency_key="coffee",
    )
    return stripe.engine.pay(session.id)


def begin_plan_with(stripe: Shop, customer: User, *price_ids: str) -> str:
    """Let staff subscribe a customer to several prices at once; return the subscription's id."""
    customer_id = customers.ensure_customer(wallet=customer.wallet, now=stripe.now())
    stripe.engine.set_card(customer_id, GOOD_CARD)
    items = [{"price": price_id} for price_id in price_ids]
    return gateway.client.client().v1.subscriptions.create({"customer": customer_id, "items": items}).id


def charge_extra(stripe: Shop, subscription_id: str) -> None:
    """Put something that is charged once onto a subscription's next invoice, as staff do in Stripe's dashboard."""
    with stripe.engine.acting():
        subscription = stripe.engine.get("subscription", subscription_id)
        item = {**subscription["items"]["data"][0], "price": stripe.engine.get("price", price_of_coffee(monthly=False))}
        now = int(stripe.now().timestamp())
        line = invoices.line(
            stripe.engine, subscription, item, amount=5_000, start=now, end=now, description="Setting it up"
        )
        details = {"invoice_item": "ii_1", "proration": False, "proration_details": None, "subscription": None}
        line["parent"] = {
            "invoice_item_details": details,
            "subscription_item_details": None,
            "type": "invoice_item_details",
        }
        stripe.engine.change(subscription, _pending_lines=[line])


def plan_of(user: User) -> str:
    return Subscription.objects.get(wallet=user.wallet).plan_id


def troubled() -> list[str]:
    """Return the types of the events that could not be followed."""
    return list(StripeEvent.objects.exclude(status__in=["done", "ignored"]).values_list("type", flat=True))


@pytest.mark.parametrize("monthly", [False, True])
def test_what_somebody_else_sells_to_our_customer_is_let_be(alice: User, stripe: Shop, monthly: bool) -> None:
    session = sell_coffee(stripe, alice, monthly=monthly)
    payment = session["payment_intent"] or gateway.payment_of_invoice(str(session["invoice"]))
    stripe.deliver()
    stripe.engine.refund(payment, 100)
    stripe.engine.dispute(payment, 100)
    stripe.deliver()
    stripe.advance(days=32)
    stripe.deliver()
    stripe.reconcile()

    assert troubled() == []
    assert [model.objects.count() for model in (Purchase, Refund, StripeSubscription)] == [0, 0, 0]
    alice.wallet.refresh_from_db()
    assert alice.wallet.available == FREE_ALLOWANCE


def test_who_subscribes_to_something_else_can_still_buy_a_plan(alice: User, stripe: Shop) -> None:
    sell_coffee(stripe, alice, monthly=True)
    stripe.deliver()

    stripe.subscribe(alice)

    assert plan_of(alice) == "pro"


def test_an_extra_on_a_renewals_invoice_keeps_no_allowance_back(alice: User, stripe: Shop) -> None:
    stripe.subscribe(alice)
    charge_extra(stripe, stripe.subscription_of(alice).stripe_subscription_id)
    stripe.renew(alice)
    stripe.deliver()

    assert troubled() == []
    assert [purchase.cents for purchase in stripe.purchases_of(alice)] == [2_900, 7_900]
    stripe.cancel_now(stripe.subscription_of(alice).stripe_subscription_id)
    stripe.deliver()
    assert (plan_of(alice), troubled()) == ("free", [])


@pytest.mark.parametrize("is_first", [True, False])
def test_a_plan_that_is_sold_with_something_else_begins_and_the_rest_is_let_be(
    alice: User, stripe: Shop, is_first: bool
) -> None:
    prices = [price_of_pro(), price_of_coffee(monthly=True)]
    begin_plan_with(stripe, alice, *(prices if is_first else prices[::-1]))
    stripe.deliver()

    assert (plan_of(alice), troubled()) == ("pro", [])
    alice.wallet.refresh_from_db()
    assert alice.wallet.available == PRO
    stripe.renew(alice)
    stripe.deliver()
    assert (Purchase.objects.filter(plan_id="pro").count(), troubled()) == (2, [])


def test_a_plan_whose_price_became_none_of_ours_says_so_and_can_still_end(alice: User, stripe: Shop) -> None:
    stripe.subscribe(alice)
    name = stripe.subscription_of(alice).stripe_subscription_id
    item = stripe.engine.find(name)["items"]["data"][0]["id"]
    change = {"items": [{"id": item, "price": price_of_coffee(monthly=True)}], "proration_behavior": "none"}
    gateway.client.client().v1.subscriptions.update(name, change)
    stripe.renew(alice)
    stripe.deliver()
    assert "invoice.paid" in troubled()
    assert Purchase.objects.count() == 1

    stripe.cancel_now(name)
    stripe.deliver()
    assert (plan_of(alice), paid_subscriptions.is_paying(alice.wallet.pk)) == ("free", False)


def test_a_line_of_no_pieces_buys_nothing(alice: User, stripe: Shop) -> None:
    stripe.subscribe(alice, deliver=False)
    session = stripe.engine.all("checkout.session")[-1]
    invoice = gateway.invoices_of_subscription(str(session["subscription"]))[0]
    assert len(purchases.plan_lines(invoice)) == 1

    nothing = replace(invoice, lines=tuple(replace(line, quantity=0) for line in invoice.lines))

    assert purchases.plan_lines(nothing) == []


def test_our_plan_paid_by_somebody_we_do_not_know_is_shown_to_staff(stripe: Shop) -> None:
    stranger = sign_up("berta", at=stripe.now())
    begin_plan_with(stripe, stranger, price_of_pro())
    name = stripe.engine.all("subscription")[-1]["id"]
    stranger.wallet.customer.delete()

    with pytest.raises(UnexpectedPayment, match="none of our customers"):
        paid_subscriptions.sync(stripe_subscription_id=name, now=stripe.now())


def test_an_invoice_of_extras_alone_buys_nothing_and_is_nobodys_trouble(alice: User, stripe: Shop) -> None:
    stripe.subscribe(alice, deliver=False)
    session = stripe.engine.all("checkout.session")[-1]
    invoice = gateway.invoices_of_subscription(str(session["subscription"]))[0]

    extra = replace(invoice.lines[0], price_id="price_of_a_course", is_extra=True)

    assert purchases.plan_lines(replace(invoice, lines=(extra,))) == []
    assert len(purchases.plan_lines(replace(invoice, lines=(extra, *invoice.lines)))) == 1
