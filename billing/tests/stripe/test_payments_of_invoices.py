"""An invoice and the payments that paid it: several at times, and not always told in the same breath."""

from typing import Any

import pytest

from accounts.models import User
from billing import gateway
from billing.models import Dispute, Grant, Plan, Purchase, Refund, StripeEvent, StripePrice
from billing.services import customers, paid_subscriptions, proof
from billing.tests.people import left
from billing.tests.stripe.shop import GOOD_CARD, Shop
from sandbox.stripe import cards, payments

PRO, CENTS = 5_000_000, 2_900


def second_payment(stripe: Shop, purchase: Purchase, cents: int) -> str:
    """Let an invoice have been paid in two parts, this one besides the one that its purchase names; return its id."""
    engine = stripe.engine
    with engine.acting():
        invoice = engine.get("invoice", purchase.stripe_invoice_id)
        intent = payments.create_intent(engine, amount=cents, currency="usd", customer=invoice["customer"])
        card = cards.default_of(engine, invoice["customer"], engine.all("subscription")[-1])
        assert card is not None
        payments.attempt(engine, intent, card)
        part = engine.all("invoice_payment", invoice=invoice["id"])[0]
        paid_with = {**part["payment"], "payment_intent": intent["id"]}
        engine.put({**part, "id": "inpay_2", "is_default": False, "amount_paid": cents, "payment": paid_with})
    return str(intent["id"])


def hide_payments(stripe: Shop, status: str) -> None:
    """Let Stripe's list of what paid its invoices say something else than its invoices do."""
    for part in stripe.engine.all("invoice_payment"):
        stripe.engine.put({**part, "status": status})


@pytest.fixture
def plan(alice: User, stripe: Shop) -> Purchase:
    stripe.subscribe(alice)
    return Purchase.objects.get()


@pytest.mark.parametrize("way", ["refund", "dispute"])
def test_what_goes_back_of_another_part_of_the_payment_takes_its_part_too(
    plan: Purchase, stripe: Shop, way: str
) -> None:
    other = second_payment(stripe, plan, 900)
    getattr(stripe.engine, way)(other)
    stripe.deliver(copies=2)

    grant = Grant.objects.get(pk=plan.grant_id)
    assert (grant.taken_back, left(grant)) == (PRO * 900 // CENTS, PRO - PRO * 900 // CENTS)
    row: Any = Refund.objects.get() if way == "refund" else Dispute.objects.get()
    assert (row.wallet_id, row.stripe_payment_intent_id) == (plan.wallet_id, plan.stripe_payment_intent_id)
    assert proof.prove() == []


def test_both_parts_that_go_back_take_all(plan: Purchase, stripe: Shop) -> None:
    other = second_payment(stripe, plan, 900)
    stripe.engine.refund(other)
    stripe.engine.refund(plan.stripe_payment_intent_id, 2_000)
    stripe.deliver()

    grant = Grant.objects.get(pk=plan.grant_id)
    assert (grant.clawback_target, grant.taken_back, left(grant)) == (PRO, PRO, 0)
    assert proof.prove() == []


def test_a_plan_waits_for_its_payment_to_be_told_so_that_a_refund_finds_it(alice: User, stripe: Shop) -> None:
    stripe.subscribe(alice, deliver=False)
    hide_payments(stripe, "open")
    stripe.deliver()
    assert not Purchase.objects.exists()
    assert StripeEvent.objects.filter(status="pending", error__contains="which payment").exists()

    hide_payments(stripe, "paid")
    stripe.advance(minutes=1)
    stripe.deliver()

    assert Purchase.objects.get().stripe_payment_intent_id.startswith("pi_")
    assert not StripeEvent.objects.filter(status="pending").exists()


def test_a_plan_that_was_paid_outside_stripe_waits_for_no_payment(alice: User, stripe: Shop) -> None:
    stripe.subscribe(alice, deliver=False)
    hide_payments(stripe, "canceled")
    for invoice in stripe.engine.all("invoice"):
        stripe.engine.put({**invoice, "amount_paid_off_stripe": invoice["amount_paid"]})
    stripe.deliver()

    purchase = Purchase.objects.get()
    assert (purchase.cents, purchase.stripe_payment_intent_id) == (CENTS, "")


def test_a_line_that_is_granted_later_than_its_neighbour_knows_its_payment_too(alice: User, stripe: Shop) -> None:
    """Two prices of ours on one invoice, of which one wasn't in our catalog yet when the invoice was paid."""
    other = Plan.objects.create(code="max", name="Max", price_cents=500, allowance=7_000, position=9)
    pro = StripePrice.objects.get(plan_id="pro")
    product = gateway.create_product(product_id="max", name="Max")
    price = gateway.create_price(
        lookup_key="plan_max",
        product_id=product.id,
        cents=500,
        interval="month",
        metadata={},
        idempotency_key="max",
        transfer=False,
    )
    customer_id = customers.ensure_customer(wallet=alice.wallet, now=stripe.now())
    stripe.engine.set_card(customer_id, GOOD_CARD)
    items = [{"price": pro.stripe_price_id}, {"price": price.id}]
    sold = gateway.client.client().v1.subscriptions.create({"customer": customer_id, "items": items})
    stripe.deliver()
    first = Purchase.objects.get()

    StripePrice.objects.create(
        stripe_price_id=price.id, lookup_key="plan_max", plan=other, cents=500, added_at=stripe.now()
    )
    paid_subscriptions.sync(stripe_subscription_id=sold.id, now=stripe.now())

    second = Purchase.objects.exclude(pk=first.pk).get()
    assert second.stripe_payment_intent_id == first.stripe_payment_intent_id != ""
